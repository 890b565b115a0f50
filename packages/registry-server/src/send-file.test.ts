import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'

import { expect, test } from 'vitest'

import { temporaryDirectory } from './registry.test.kit.ts'
import { sendFile } from './send-file.ts'

const content = randomBytes(1_600_000)

test.for([
  [0, content.length - 1],
  [0, 0],
  [5, 4],
  [524_287, 1_048_576],
  [content.length - 1, content.length - 1],
] as const)('bytes %i to %i', async ([start, end]) => {
  await using temporary = await temporaryDirectory()
  const path = join(temporary.path, 'file')
  await writeFile(path, content)
  const received: Buffer[] = []
  const output = new Writable({
    write: (chunk: Buffer, _, done) => {
      setImmediate(() => {
        received.push(Buffer.from(chunk))
        done()
      })
    },
  })
  await sendFile(path, { start, end }, output)
  expect(Buffer.compare(Buffer.concat(received), content.subarray(start, end + 1))).toBe(0)
})

test('a file shorter than promised is an error', async () => {
  await using temporary = await temporaryDirectory()
  const path = join(temporary.path, 'file')
  await writeFile(path, 'short')
  await expect(sendFile(path, { start: 0, end: 9 }, new PassThrough())).rejects.toMatchObject({ code: 'IO' })
})

test('an output that closes ends it', async () => {
  await using temporary = await temporaryDirectory()
  const path = join(temporary.path, 'file')
  await writeFile(path, content)
  const output = new Writable({ write: () => output.destroy() })
  const sent = sendFile(path, { start: 0, end: content.length - 1 }, output)
  await expect(sent).rejects.toThrow(/the client went away|destroyed/)
})

test('an output that was closed before ends it', async () => {
  await using temporary = await temporaryDirectory()
  const path = join(temporary.path, 'file')
  await writeFile(path, 'short')
  const output = new PassThrough().destroy()
  await once(output, 'close')
  await expect(sendFile(path, { start: 0, end: 4 }, output)).rejects.toMatchObject({ code: 'NETWORK' })
})
