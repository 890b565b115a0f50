import { createHash, generateKeyPairSync, randomBytes, sign, verify, X509Certificate } from 'node:crypto'

import { expect, test } from 'vitest'

import { startFakeSigstore, type FakeSigstore } from './fake-sigstore.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const prove = (subject: string): string => sign('sha256', Buffer.from(subject), privateKey).toString('base64')

async function requestCertificate(sigstore: FakeSigstore, token: string, proof: string): Promise<Response> {
  return fetch(`${sigstore.fulcioUrl}/api/v1/signingCert`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({
      publicKey: { content: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'), algorithm: 'ecdsa' },
      signedEmailAddress: proof,
      certificateSigningRequest: null,
    }),
  })
}

test('Fulcio certifies a key for whom the token is of, up to a root', async () => {
  await using sigstore = await startFakeSigstore()
  const answer = await requestCertificate(sigstore, sigstore.createToken(), prove('jo@example.com'))
  expect(answer.status).toBe(201)
  const pems = (await answer.text()).match(/-----BEGIN[^]+?-----END CERTIFICATE-----\n/g) ?? []
  const [leaf, intermediate, root] = pems.map((pem) => new X509Certificate(pem))
  expect(leaf?.publicKey.equals(publicKey)).toBe(true)
  expect(leaf?.subjectAltName).toBe('email:jo@example.com')
  expect(leaf?.verify(intermediate!.publicKey)).toBe(true)
  expect(intermediate?.verify(root!.publicKey)).toBe(true)
})

test('version 2 of the same certifies a workflow', async () => {
  await using sigstore = await startFakeSigstore({ subject: 'https://ci.example/build' })
  const answer = await fetch(`${sigstore.fulcioUrl}/api/v2/signingCert`, {
    method: 'POST',
    body: JSON.stringify({
      credentials: { oidcIdentityToken: sigstore.createToken() },
      publicKeyRequest: {
        publicKey: { algorithm: 'ECDSA', content: publicKey.export({ format: 'pem', type: 'spki' }) },
        proofOfPossession: prove('https://ci.example/build'),
      },
    }),
  })
  const { signedCertificateEmbeddedSct } = (await answer.json()) as {
    signedCertificateEmbeddedSct: { chain: { certificates: readonly string[] } }
  }
  const [leaf] = signedCertificateEmbeddedSct.chain.certificates
  expect(new X509Certificate(leaf!).subjectAltName).toBe('URI:https://ci.example/build')
})

test('Fulcio certifies nothing without a proof, nor with the token of another issuer', async () => {
  await using sigstore = await startFakeSigstore()
  await using other = await startFakeSigstore()
  const unproven = await requestCertificate(sigstore, sigstore.createToken(), prove('someone@example.com'))
  const foreign = await requestCertificate(sigstore, other.createToken(), prove('jo@example.com'))
  expect([unproven.status, foreign.status]).toEqual([400, 400])
})

const hashedRekord = (text: string): string =>
  JSON.stringify({
    kind: 'hashedrekord',
    apiVersion: '0.0.1',
    spec: {
      data: { hash: { algorithm: 'sha256', value: createHash('sha256').update(text).digest('hex') } },
      signature: {
        content: prove(text),
        publicKey: {
          content: Buffer.from(publicKey.export({ format: 'pem', type: 'spki' })).toString('base64'),
        },
      },
    },
  })

test('Rekor keeps an entry once, and proves that it does', async () => {
  await using sigstore = await startFakeSigstore()
  const add = (body: string): Promise<Response> =>
    fetch(`${sigstore.rekorUrl}/api/v1/log/entries`, { method: 'POST', body })
  for (const text of ['a', 'b', 'c', 'd']) await add(hashedRekord(text))
  const body = hashedRekord('e')
  const added = await add(body)
  expect(added.status).toBe(201)
  const again = await add(body)
  expect(again.status).toBe(409)
  const found = await fetch(new URL(again.headers.get('location')!, sigstore.rekorUrl))
  const [entry] = Object.values((await found.json()) as ReturnType<typeof sigstore.log.entry> & object)
  const { signedEntryTimestamp, inclusionProof } = entry!.verification
  const promised = `{"body":"${entry!.body}","integratedTime":${entry!.integratedTime},"logID":"${sigstore.log.id}","logIndex":4}`
  expect(
    verify('sha256', Buffer.from(promised), sigstore.log.publicKey, Buffer.from(signedEntryTimestamp, 'base64')),
  ).toBe(true)
  // The fifth of five stands alone at the right: one step to the root.
  const leaf = createHash('sha256').update(Uint8Array.of(0)).update(Buffer.from(entry!.body, 'base64')).digest()
  const root = createHash('sha256')
    .update(Uint8Array.of(1))
    .update(Buffer.from(inclusionProof.hashes[0]!, 'hex'))
    .update(leaf)
    .digest('hex')
  expect(inclusionProof).toMatchObject({ rootHash: root, treeSize: 5, logIndex: 4 })
})

test('the issuer gives a token for a code, and for a device once that is confirmed', async () => {
  await using sigstore = await startFakeSigstore()
  const post = async (path: string, form: Record<string, string>): Promise<Record<string, string>> => {
    const answer = await fetch(`${sigstore.oidcUrl}${path}`, { method: 'POST', body: new URLSearchParams(form) })
    return (await answer.json()) as Record<string, string>
  }
  const verifier = randomBytes(32).toString('hex')
  const query = new URLSearchParams({
    client_id: 'sigstore',
    redirect_uri: 'http://127.0.0.1:1/callback',
    state: 's',
    code_challenge_method: 'S256',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  })
  const redirect = await fetch(`${sigstore.oidcUrl}/auth?${query.toString()}`, { redirect: 'manual' })
  const location = new URL(redirect.headers.get('location')!)
  expect(location.searchParams.get('state')).toBe('s')
  const form = {
    grant_type: 'authorization_code',
    code: location.searchParams.get('code')!,
    client_id: 'sigstore',
    redirect_uri: 'http://127.0.0.1:1/callback',
    code_verifier: verifier,
  }
  expect(await post('/token', form)).toHaveProperty('id_token')
  expect(await post('/token', form)).toEqual({ error: 'invalid_grant' })

  const device = await post('/device/code', { client_id: 'sigstore' })
  const poll = {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: device['device_code']!,
    client_id: 'sigstore',
  }
  expect(await post('/token', poll)).toEqual({ error: 'authorization_pending' })
  await fetch(device['verification_uri_complete']!)
  const { id_token: token } = await post('/token', poll)
  expect((await requestCertificate(sigstore, token!, prove('jo@example.com'))).status).toBe(201)
})
