import { deflateRawSync } from 'node:zlib'

import { bytesLike, fc, laterOutcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { readKeyring } from './keyring.ts'
import { encodePacket, packetTag } from './packets.ts'
import { generateTestKey, payload, signOpaquely } from './simple-signature.test.kit.ts'
import { readUntrustedSignature } from './untrusted-signature.ts'
import { verifySimpleSignature } from './verify-signature.ts'

const key = await generateTestKey()
const signature = await signOpaquely(key)
const compressed = encodePacket({
  tag: packetTag.compressed,
  body: Buffer.concat([Buffer.of(1), deflateRawSync(signature)]),
})
const publicKey = key.toPublic().write()
const armored = Buffer.from(key.toPublic().armor())

test('no bytes but what was signed verify, and what is refused has a code', async () => {
  const trusted = await readKeyring([publicKey])
  const signedPayload = (await verifySimpleSignature(signature, trusted)).payload
  await fc.assert(
    fc.asyncProperty(bytesLike([signature, compressed]), async (bytes) => {
      const result = await laterOutcome(() => verifySimpleSignature(bytes, trusted))
      const expected = 'code' in result ? { code: 'SIGNATURE_INVALID' } : { value: { payload: signedPayload } }
      expect(result).toMatchObject(expected)
    }),
  )
})

test('what any bytes say is shown, or refused with a code', async () => {
  await fc.assert(
    fc.asyncProperty(bytesLike([signature, compressed, payload]), async (bytes) => {
      const result = await laterOutcome(() => readUntrustedSignature(bytes))
      expect('code' in result ? result.code : 'SIGNATURE_INVALID').toBe('SIGNATURE_INVALID')
    }),
  )
})

test('keys are read or passed over, and never become another key', async () => {
  const fingerprint = key.getFingerprint()
  await fc.assert(
    fc.asyncProperty(bytesLike([publicKey, armored]), async (bytes) => {
      const keys = await readKeyring([bytes])
      const result = await laterOutcome(() => verifySimpleSignature(signature, keys))
      if ('code' in result) expect(result.code).toBe('SIGNATURE_INVALID')
      else expect(result.value.primaryKey).toBe(fingerprint.toUpperCase())
    }),
  )
})
