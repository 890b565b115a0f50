import { fc, jsonLike, outcome, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { parseKeyFile } from './encrypted-key.ts'
import { cosigns, skopeos } from './key-files.test.kit.ts'

const box = {
  kdf: { name: 'scrypt', params: { N: 65_536, r: 8, p: 1 }, salt: 'AAAA' },
  cipher: { name: 'nacl/secretbox', nonce: 'A'.repeat(32) },
  ciphertext: 'A'.repeat(64),
}

function isRefusedOrAffordable(pem: string): boolean {
  const parsed = outcome(() => parseKeyFile(Buffer.from(pem)))
  if ('code' in parsed) return parsed.code === 'CONFIG_INVALID'
  const { N, r, p } = parsed.value.parameters
  return N <= 131_072 && r === 8 && p === 1
}

test('the file of a private key is refused with a code, or its derivation is one that is affordable', () => {
  fc.assert(
    fc.property(textLike([cosigns.privateKey, skopeos.privateKey]), (pem) => {
      expect(isRefusedOrAffordable(pem)).toBe(true)
    }),
  )
})

test('so is one with any content', () => {
  fc.assert(
    fc.property(jsonLike([box]), (json) => {
      const body = Buffer.from(json).toString('base64')
      const type = 'ENCRYPTED SIGSTORE PRIVATE KEY'
      expect(isRefusedOrAffordable(`-----BEGIN ${type}-----\n${body}\n-----END ${type}-----\n`)).toBe(true)
    }),
  )
})
