import { expect, test } from 'vitest'

import { repositoryScope } from './scope.ts'
import { createTokenSigner, type TokenClaims } from './token.ts'

const claims: TokenClaims = {
  kind: 'access',
  user: 'alice',
  scopes: [repositoryScope('a', ['pull'])],
  expiresAtMs: Date.now() + 60_000,
}

test('a token says what was signed, as the kind it is', () => {
  const signer = createTokenSigner()
  const token = signer.sign(claims)
  expect(signer.verify(token, 'access')).toMatchObject(claims)
  expect(signer.verify(token, 'refresh')).toBeUndefined()
})

test('an expired, altered or foreign token is none', () => {
  const signer = createTokenSigner()
  const token = signer.sign(claims)
  const [header, payload, mac] = token.split('.') as [string, string, string]
  const forged = Buffer.from(JSON.stringify({ ...claims, user: 'root' })).toString('base64url')
  for (const bad of [
    signer.sign({ ...claims, expiresAtMs: Date.now() - 1 }),
    `${header}.${forged}.${mac}`,
    `${header}.${payload}.`,
    `${header}.${payload}`,
    `${token}.x`,
    createTokenSigner().sign(claims),
    '',
  ]) {
    expect(signer.verify(bad, 'access')).toBeUndefined()
  }
})
