import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

import { mediaTypes, parseDigest, type Digest, type SigstoreSignedRequirement } from '@transload/contract'

import { encodePayload } from '../payload.ts'
import { signatureAnnotation } from './annotations.ts'
import type { AttachedSignature } from './attached-signature.ts'

const config = '{}'
/** Of an image without layers. */
export const manifestJson = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
  layers: [],
})
export const manifest = digestOf(manifestJson)
export const identity = 'example.com/app:1'
export const payload = Buffer.from(
  encodePayload({ manifest, identity, creator: 'test', timestamp: 1_700_000_000 }, 'cosign container image signature'),
)

export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export const newKey = (curve = 'P-256'): KeyPair => generateKeyPairSync('ec', { namedCurve: curve })

export function pemOf(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'pem', type: 'spki' }))
}

/** A good signature of {@link payload}. */
export function signedBy({ privateKey }: KeyPair, content: Uint8Array = payload): AttachedSignature {
  const signature = sign(privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256', content, privateKey)
  return {
    kind: 'sigstore',
    mediaType: mediaTypes.cosignSignature,
    payload: content,
    annotations: { [signatureAnnotation]: signature.toString('base64') },
  }
}

export function requireKeys(keys: readonly KeyPair[], logKeys: readonly KeyPair[] = []): SigstoreSignedRequirement {
  const sources = (pairs: readonly KeyPair[]): { data: Uint8Array }[] =>
    pairs.map(({ publicKey }) => ({ data: pemOf(publicKey) }))
  return {
    type: 'sigstoreSigned',
    trust: { kind: 'keys', keys: sources(keys) },
    rekorKeys: sources(logKeys),
    signedIdentity: { type: 'matchRepository' },
  }
}

function digestOf(text: string): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(text).digest('hex')}`)
}
