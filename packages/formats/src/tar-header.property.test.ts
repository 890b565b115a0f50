import { bytesLike, fc, outcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { encodeTarHeader, parsePaxRecords, parseTarHeader, tarBlockBytes } from './tar-header.ts'

const header = Buffer.from(encodeTarHeader({ name: 'a/b', size: 12, mode: 0o644, modifiedSeconds: 1 }))

test('a block is refused with a code, or is a header', () => {
  fc.assert(
    fc.property(bytesLike([header]), (bytes) => {
      const block = Buffer.alloc(tarBlockBytes)
      block.set(bytes.subarray(0, tarBlockBytes))
      const parsed = outcome(() => parseTarHeader(block))
      if ('code' in parsed) expect(parsed.code).toBe('IO')
      else expect(parsed.value?.size ?? 0).toBeGreaterThanOrEqual(0)
    }),
  )
})

test('extended headers are refused with a code, or are records', () => {
  const samples = ['20 path=some/where/x\n', '11 size=42\n30 SCHILY.xattr.user.k=\xff\0v\n', '9 a=b\n'].map((text) =>
    Buffer.from(text),
  )
  fc.assert(
    fc.property(bytesLike(samples), (bytes) => {
      const parsed = outcome(() => parsePaxRecords(bytes))
      expect('code' in parsed ? parsed.code : parsed.value).toEqual('code' in parsed ? 'IO' : expect.any(Map))
    }),
  )
})
