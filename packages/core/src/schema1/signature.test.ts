import { createHash, createPublicKey, verify, type JsonWebKey } from 'node:crypto'

import { digestOf, rawManifest } from '@transload/contract'
import { expect, it } from 'vitest'

import { signSchema1 } from './signature.ts'

const payload = Buffer.from('{"name":"x/y","schemaVersion":1}')

interface Signed {
  readonly schemaVersion: number
  readonly signatures: readonly {
    readonly header: { readonly jwk: JsonWebKey & { readonly kid: string }; readonly alg: string }
    readonly signature: string
    readonly protected: string
  }[]
}

const text = Buffer.from(signSchema1(payload)).toString()
const signed = JSON.parse(text) as Signed
const { header, signature, protected: protectedHeader } = signed.signatures[0]!

it('leaves the digest as it is', () => {
  expect(text.startsWith(payload.subarray(0, -1).toString())).toBe(true)
  expect(rawManifest(Buffer.from(text)).digest).toBe(digestOf(payload))
})

it('can be verified', () => {
  const key = createPublicKey({ key: header.jwk, format: 'jwk' })
  const input = Buffer.from(`${protectedHeader}.${payload.toString('base64url')}`)
  const bytes = Buffer.from(signature, 'base64url')
  expect(header.alg).toBe('ES256')
  expect(verify('sha256', input, { key, dsaEncoding: 'ieee-p1363' }, bytes)).toBe(true)
})

it('names its key by the fingerprint libtrust checks', () => {
  const der = createPublicKey({ key: header.jwk, format: 'jwk' }).export({ format: 'der', type: 'spki' })
  const letters = header.jwk.kid.replaceAll(':', '')
  expect(header.jwk.kid).toMatch(/^([A-Z2-7]{4}:){11}[A-Z2-7]{4}$/)
  const bits = Array.from(letters, (letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter))
  const hex = BigInt(`0b${bits.map((value) => value.toString(2).padStart(5, '0')).join('')}`).toString(16)
  expect(hex.padStart(60, '0')).toBe(createHash('sha256').update(der).digest('hex').slice(0, 60))
})

it('is another one each time', () => {
  expect(Buffer.from(signSchema1(payload)).toString()).not.toBe(text)
})
