import { expect, test } from 'vitest'

import { createDigester, digestAlgorithm, digestHex, digestOf, isDigest, parseDigest } from './digest.ts'
import { TransloadError } from './errors.ts'

const hex = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

test.each([`sha256:${hex}`, `sha512:${hex}${hex}`, `sha384:${'0'.repeat(96)}`])('%s is a digest', (text) => {
  expect(parseDigest(text)).toBe(text)
  expect(isDigest(text)).toBe(true)
})

test.each([
  ['', 'invalid checksum digest format'],
  [':', 'invalid checksum digest format'],
  [hex, 'invalid checksum digest format'],
  [`md5:${'0'.repeat(32)}`, 'unsupported digest algorithm'],
  [`toString:${hex}`, 'unsupported digest algorithm'],
  ['sha256:abc', 'invalid checksum digest length'],
  [`sha256:${hex.toUpperCase()}`, 'invalid checksum digest format'],
  [`sha256:${hex}\n`, 'invalid checksum digest length'],
])('%j is none', (text, problem) => {
  const parse = () => parseDigest(text)
  expect(parse).toThrow(TransloadError)
  expect(parse).toThrow(problem)
  expect(isDigest(text)).toBe(false)
})

test('hashing makes one, in parts or at once', () => {
  expect(digestOf(new Uint8Array())).toBe(`sha256:${hex}`)
  const digester = createDigester('sha512').update(Buffer.from('ab')).update(Buffer.from('c'))
  expect(digester.size).toBe(3)
  const digest = digester.digest()
  expect(digest).toBe(digestOf(Buffer.from('abc'), 'sha512'))
  expect(digestAlgorithm(digest)).toBe('sha512')
  expect(`${digestAlgorithm(digest)}:${digestHex(digest)}`).toBe(digest)
})
