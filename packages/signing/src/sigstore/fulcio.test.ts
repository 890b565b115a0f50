import { createPublicKey, X509Certificate } from 'node:crypto'

import { startFakeSigstore, type FakeSigstore } from '@transload/fake-sigstore'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { certificateAnnotation, chainAnnotation, logEntryAnnotation } from './annotations.ts'
import { identity, manifest, pemOf } from './attached-signature.test.kit.ts'
import { createSigstoreVerifier } from './create-verifier.ts'
import { createFulcioKeys } from './fulcio.ts'
import { parseIdToken } from './id-token.ts'
import { startService, type ScriptedAnswer } from './service.test.kit.ts'
import { createSigstoreSigner } from './signer.ts'

const claim = { manifest, identity }

let sigstore: FakeSigstore
beforeAll(async () => {
  sigstore = await startFakeSigstore()
})
afterAll(() => sigstore[Symbol.asyncDispose]())

const tokenOf = (claims: object): string =>
  ['{"alg":"RS256"}', JSON.stringify(claims), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.')

test('a signature with a certificate, which the log has seen', async () => {
  const key = createFulcioKeys({ url: `${sigstore.fulcioUrl}/`, token: parseIdToken(sigstore.createToken()) })
  await using signer = createSigstoreSigner({ key, rekor: { url: sigstore.rekorUrl } })
  const signature = await signer.sign(claim)
  if (signature.kind !== 'sigstore') throw new Error('not an attachment')
  const { [certificateAnnotation]: leaf = '', [chainAnnotation]: chain = '' } = signature.annotations
  expect(new X509Certificate(leaf).subjectAltName).toBe('email:jo@example.com')
  expect(chain).toBe(sigstore.authority.chain.join(''))
  expect(Object.keys(JSON.parse(signature.annotations[logEntryAnnotation]!) as object)).toEqual([
    'SignedEntryTimestamp',
    'Payload',
  ])
  const verifier = await createSigstoreVerifier({
    type: 'sigstoreSigned',
    trust: {
      kind: 'fulcio',
      ca: { data: Buffer.from(sigstore.authority.chain.at(-1)!) },
      oidcIssuer: sigstore.oidcUrl,
      subjectEmail: 'jo@example.com',
    },
    rekorKeys: [{ data: pemOf(sigstore.log.publicKey) }],
    signedIdentity: { type: 'matchRepository' },
  })
  expect(await verifier.verify(signature)).toMatchObject(claim)
})

test('one certificate serves until it expires', async () => {
  let issued = 0
  await using fulcio = await startService(async ({ body }) => {
    issued += 1
    const { publicKey } = JSON.parse(body) as { publicKey: { content: string } }
    const key = createPublicKey({ key: Buffer.from(publicKey.content, 'base64'), format: 'der', type: 'spki' })
    const notAfter = new Date(Date.now() + (issued === 1 ? 5000 : 600_000))
    return { status: 201, body: await sigstore.authority.issue({ publicKey: key, emails: ['a@b.c'], notAfter }) }
  })
  const keys = createFulcioKeys({ url: fulcio.url, token: parseIdToken(sigstore.createToken()) })
  const first = await keys()
  const [second, third] = await Promise.all([keys(), keys()])
  expect(second).not.toBe(first)
  expect(third).toBe(second)
  expect(issued).toBe(2)
})

test('a Fulcio that only has version 2 of the API', async () => {
  await using fulcio = await startService(async ({ target, body }): Promise<ScriptedAnswer> => {
    if (!target.startsWith('/api/v2/')) return { status: 404, body: '{"code":5,"message":"Not Found"}' }
    const answer = await fetch(`${sigstore.fulcioUrl}${target}`, { method: 'POST', body })
    return { status: answer.status, body: await answer.text() }
  })
  const keys = createFulcioKeys({ url: fulcio.url, token: parseIdToken(sigstore.createToken()) })
  const { certificate } = await keys()
  expect(certificate?.issuers).toEqual(sigstore.authority.chain)
  expect(fulcio.requests.map(({ target }) => target)).toEqual(['/api/v1/signingCert', '/api/v2/signingCert'])
})

test('what Fulcio says against it is the error, without the token', async () => {
  const raw = tokenOf({ sub: 'jo' })
  await using fulcio = await startService(() => ({
    status: 400,
    body: JSON.stringify({ code: 3, message: `no identity in token ${raw}` }),
  }))
  const error: unknown = await createFulcioKeys({ url: fulcio.url, token: parseIdToken(raw) })().catch(
    (problem: unknown) => problem,
  )
  expect(error).toMatchObject({
    code: 'PROTOCOL',
    message: `obtaining certificate from Fulcio: POST ${fulcio.url}/api/v1/signingCert: status 400: no identity in token …`,
  })
  expect(fulcio.requests[0]!.headers.authorization).toBe(`Bearer ${raw}`)
})

test('the token goes to no other host', async () => {
  await using other = await startService(() => ({ status: 201 }))
  await using fulcio = await startService(() => ({ status: 307, headers: { location: other.url } }))
  const keys = createFulcioKeys({ url: fulcio.url, token: parseIdToken(sigstore.createToken()) })
  await expect(keys()).rejects.toMatchObject({
    code: 'PROTOCOL',
    message: expect.stringContaining('status 307') as string,
  })
  expect(other.requests).toEqual([])
})

describe('refused', () => {
  test.each([
    ['no certificate', 'hello', 'no certificate in the answer'],
    [
      'a broken one',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'malformed certificate in the answer',
    ],
  ])('%s', async (_, body, message) => {
    await using fulcio = await startService(() => ({ status: 201, body }))
    const keys = createFulcioKeys({ url: fulcio.url, token: parseIdToken(sigstore.createToken()) })
    await expect(keys()).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringContaining(message) as string,
    })
  })

  test('a certificate for another key', async () => {
    const body = sigstore.authority.chain[0]!
    await using fulcio = await startService(() => ({ status: 201, body }))
    const keys = createFulcioKeys({ url: fulcio.url, token: parseIdToken(sigstore.createToken()) })
    await expect(keys()).rejects.toThrow('the certificate is for another key')
  })

  test('an expired token, before it is shown to anyone', async () => {
    const keys = createFulcioKeys({ url: 'http://127.0.0.1:1', token: parseIdToken(tokenOf({ sub: 'jo', exp: 1 })) })
    await expect(keys()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test.each([
    ['x', 'compact JWS format must have three parts'],
    ['a.b.', 'illegal base64url data'],
    ['a.b.c', 'its payload is not valid JSON'],
    [tokenOf({}), 'no subject found in claims'],
    [tokenOf({ email: 'a@b.c' }), 'email not verified by identity provider'],
  ])('the token %s', (raw, message) => {
    expect(() => parseIdToken(raw)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: `parsing OIDC token: ${message}` }),
    )
  })
})

test.each([
  [{ email: 'a@b.c', email_verified: true, sub: 'jo' }, 'a@b.c'],
  [{ email: 'a@b.c', email_verified: 'true', sub: 'jo' }, 'a@b.c'],
  [{ email: '', sub: 'jo' }, 'jo'],
])('the subject of %j is %s', (claims, subject) => {
  expect(parseIdToken(`${tokenOf(claims)}\n`)).toEqual({ raw: tokenOf(claims), subject, expires: undefined })
})
