import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

import { encodeJson } from '@transload/contract'

/**
 * A compact JSON object signed as libtrust does it, in a `signatures` member at its end: a JWS over the object by a
 * P-256 key that is made for this and forgotten. It proves nothing; registries refuse schema 1 without it.
 */
export function signSchema1(payload: Uint8Array): Uint8Array {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kept = payload.subarray(0, -1)
  const protectedHeader = encodeBase64Url(
    encodeJson({
      formatLength: kept.length,
      formatTail: encodeBase64Url(payload.subarray(-1)),
      time: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    }),
  )
  const signed = Buffer.from(`${protectedHeader}.${encodeBase64Url(payload)}`)
  const signature = sign('sha256', signed, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const signatures = encodeJson([
    {
      header: { jwk: webKey(publicKey), alg: 'ES256' },
      signature: encodeBase64Url(signature),
      protected: protectedHeader,
    },
  ])
  return Buffer.concat([kept, Buffer.from(`,"signatures":${signatures}}`)])
}

function webKey(publicKey: KeyObject): Readonly<Record<string, string>> {
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' })
  return { crv: crv!, kid: keyId(publicKey), kty: kty!, x: x!, y: y! }
}

/** libtrust's fingerprint: 240 bits of SHA-256 over the key, in groups of four base32 letters. */
function keyId(publicKey: KeyObject): string {
  const hash = createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest()
  return encodeBase32(hash.subarray(0, 30)).match(/.{4}/g)!.join(':')
}

const base32Letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Of a multiple of five bytes, which needs no padding. */
function encodeBase32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')
  return bits.match(/.{5}/g)!.reduce((text, group) => text + base32Letters[Number.parseInt(group, 2)]!, '')
}

function encodeBase64Url(content: Uint8Array | string): string {
  return Buffer.from(content).toString('base64url')
}
