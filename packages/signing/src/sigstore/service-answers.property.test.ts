import { fc, jsonLike, laterOutcome, outcome, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { createFulcioKeys } from './fulcio.ts'
import { parseIdToken } from './id-token.ts'
import { uploadLogEntry } from './rekor.ts'
import type { Fetch } from './service.ts'

const claims = (json: string): string => `e30.${Buffer.from(json).toString('base64url')}.c2ln`
const url = 'http://service.test'

function answering(status: number, body: string): Fetch {
  return () => Promise.resolve(new Response(body, { status }))
}

test('an ID token is refused with a code, or is of somebody', () => {
  fc.assert(
    fc.property(textLike([claims('{"sub":"jo"}'), claims('{"email":"a@b.c","email_verified":true}')]), (raw) => {
      const parsed = outcome(() => parseIdToken(raw))
      expect('code' in parsed ? parsed.code === 'CONFIG_INVALID' : parsed.value.subject !== '').toBe(true)
    }),
  )
})

const claimSets = [
  { sub: 'jo', exp: 1 },
  { email: 'a@b.c', email_verified: 'true', exp: 1e308 },
]

test('so is one with any claims', () => {
  fc.assert(
    fc.property(jsonLike(claimSets), (json) => {
      const parsed = outcome(() => parseIdToken(claims(json)))
      expect('code' in parsed ? parsed.code === 'CONFIG_INVALID' : parsed.value.subject !== '').toBe(true)
    }),
  )
})

const inclusionProof = { logIndex: 0, treeSize: 1, rootHash: 'ab', hashes: ['cd'], checkpoint: 'c' }
const verification = { signedEntryTimestamp: 'AAAA', inclusionProof }
const entries = { ab: { body: 'e30=', integratedTime: 1, logIndex: 0, logID: 'ab', verification } }

test('an answer of Rekor is refused with a code, or is an entry', async () => {
  await fc.assert(
    fc.asyncProperty(jsonLike([entries]), async (json) => {
      const entry = { kind: 'dsse', apiVersion: '0.0.1', spec: {} }
      const uploaded = await laterOutcome(() => uploadLogEntry(entry, { url, fetch: answering(201, json) }))
      expect('code' in uploaded ? uploaded.code === 'PROTOCOL' : typeof uploaded.value.body === 'string').toBe(true)
    }),
  )
})

const pem = '-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIQ\n-----END CERTIFICATE-----\n'
const chains = [{ signedCertificateEmbeddedSct: { chain: { certificates: [pem, pem] } } }]

test('an answer of Fulcio that is no certificate is refused with a code', async () => {
  const token = parseIdToken(claims('{"sub":"jo"}'))
  await fc.assert(
    fc.asyncProperty(textLike([pem]), jsonLike(chains), fc.boolean(), async (text, json, isOld) => {
      const fetch: Fetch = (address) =>
        address.includes('/v1/') ? answering(isOld ? 201 : 404, text)(address, {}) : answering(200, json)(address, {})
      expect(await laterOutcome(createFulcioKeys({ url, token, fetch }))).toEqual({ code: 'PROTOCOL' })
    }),
  )
})
