import { collect } from '@transload/contract'
import { bytesLike, fc, laterOutcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { decompressor } from './compression.ts'

/** `echo hello | bzip2` */
const hello = Buffer.from('425a6839314159265359c1c080e2000001410000100244a00030cd00c3462997177245385090c1c080e2', 'hex')

test('what is no bzip2 ends with a code', async () => {
  await fc.assert(
    fc.asyncProperty(bytesLike([hello]), async (bytes) => {
      const decoded = await laterOutcome(() => collect(decompressor('bzip2')(chunk(bytes)), 1e6, 'test'))
      expect(['IO', 'SIZE_LIMIT', 'decoded']).toContain('code' in decoded ? decoded.code : 'decoded')
    }),
  )
})

async function* chunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
