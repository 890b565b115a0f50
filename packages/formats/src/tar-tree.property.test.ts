import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { bytesLike, fc, laterOutcome } from '@transload/fuzz'
import { afterAll, expect, test } from 'vitest'

import { encodeTarHeader } from './tar-header.ts'
import { readTarIndex } from './tar-index.ts'

const folder = await mkdtemp(join(tmpdir(), 'tar-property-'))
afterAll(() => rm(folder, { recursive: true }))

const content = Buffer.alloc(512, 'content')
const archive = Buffer.concat([
  encodeTarHeader({ name: 'a/b', size: 7, mode: 0o644, modifiedSeconds: 1 }),
  content,
  encodeTarHeader({ name: '../c', size: 0, linkTo: '../../etc', mode: 0o777, modifiedSeconds: 1 }),
  Buffer.alloc(1024),
])

test('an archive is refused with a code, or has entries within its root and its bytes', async () => {
  const file = join(folder, 'a.tar')
  await fc.assert(
    fc.asyncProperty(bytesLike([archive]), async (bytes) => {
      await writeFile(file, bytes)
      await using handle = await open(file)
      const index = await laterOutcome(() => readTarIndex(handle))
      if ('code' in index) {
        expect(['IO', 'SIZE_LIMIT']).toContain(index.code)
        return
      }
      for (const { name, offset, size } of index.value.values()) {
        expect(name).not.toMatch(/^\/|(^|\/)\.\.?(\/|$)/)
        expect(offset + size).toBeLessThanOrEqual(bytes.length)
      }
    }),
  )
})
