import { collect, decodeZstd } from '@transload/contract'
import { bytesLike, fc, laterOutcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { encodeTarHeader } from './tar-header.ts'
import { createZstdChunkedEncoder } from './zstd-chunked.ts'

const block = (text: string): Buffer => Buffer.concat([Buffer.from(text)], 512)
const entry = (name: string, content: string): Buffer =>
  Buffer.concat([
    encodeTarHeader({ name, size: content.length, mode: 0o644, modifiedSeconds: 1 }),
    ...(content === '' ? [] : [block(content)]),
  ])
const end = Buffer.alloc(1024)
const tars = [
  Buffer.concat([entry('a/b', 'content'), entry('a/c', ''), end]),
  Buffer.concat([entry(`long/${'x'.repeat(120)}`, 'content'), end]),
  end,
]

test('a tar is refused with a code, or comes out of the layer again', async () => {
  await fc.assert(
    fc.asyncProperty(bytesLike(tars), async (bytes) => {
      const { stage } = createZstdChunkedEncoder(1)
      const layer = await laterOutcome(() => collect(stage(once(bytes))))
      if ('code' in layer) expect(['IO', 'CONVERSION_IMPOSSIBLE', 'SIZE_LIMIT']).toContain(layer.code)
      else expect(Buffer.compare(await collect(decodeZstd(once(layer.value))), bytes)).toBe(0)
    }),
  )
})

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
