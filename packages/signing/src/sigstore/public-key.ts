import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto'

import { displayText, errorMessage, TransloadError } from '@transload/contract'

import { parsePem } from './pem.ts'

/** Of a PEM file: ECDSA, RSA or Ed25519. Throws CONFIG_INVALID: which keys are trusted is the policy's to say. */
export function parsePublicKey(bytes: Uint8Array, subject: string): KeyObject {
  let key: KeyObject
  try {
    key = firstKey(Buffer.from(bytes).toString())
  } catch (cause) {
    throw new TransloadError('CONFIG_INVALID', `parsing ${subject}: ${errorMessage(cause)}`, { cause })
  }
  const weakness = keyWeakness(key)
  if (weakness !== undefined) throw new TransloadError('CONFIG_INVALID', `${subject}: ${weakness}`)
  return key
}

/** Why no signature by the key is trusted; undefined where there is nothing against it. */
export function keyWeakness({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string | undefined {
  if (type === 'ed25519') return undefined
  if (type === 'rsa') {
    const bits = details?.modulusLength ?? 0
    return bits < minRsaBits ? `RSA key of ${bits} bits is too short, at least ${minRsaBits} are needed` : undefined
  }
  if (type === 'ec') {
    const curve = details?.namedCurve
    return curves.includes(curve ?? '') ? undefined : `unsupported elliptic curve ${curve ?? 'of no name'}`
  }
  return `unsupported public key type ${type ?? 'of no name'}`
}

/**
 * Why `signature` is none of `content` by `key`, in skopeo's words; undefined if it is. Ed25519 needs no hash. ECDSA is in
 * ASN.1, or, as web browsers have it, in the form of IEEE P1363.
 */
export function signatureProblem(
  key: KeyObject,
  content: Uint8Array,
  signature: Uint8Array,
  hash: 'sha256' | 'sha384' | 'sha512' = 'sha256',
): string | undefined {
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return verify(null, content, key, signature) ? undefined : 'failed to verify signature'
    case 'rsa':
      return verify(hash, content, key, signature) ? undefined : 'crypto/rsa: verification error'
    default: {
      const [dsaEncoding, form] = isAsn1(signature, signature.length)
        ? (['der', 'ASN.1'] as const)
        : (['ieee-p1363', 'IEEE_P1363'] as const)
      const isValid = verify(hash, content, { key, dsaEncoding }, signature)
      return isValid ? undefined : `invalid signature when validating ${form} encoded signature`
    }
  }
}

export function keyDer(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' })
}

/** SHA-256 of the key as DER: what transparency logs go by too. */
export function keyFingerprint(key: KeyObject): Buffer {
  return createHash('sha256').update(keyDer(key)).digest()
}

/** A sequence as long as the whole. */
function isAsn1([tag, length, longLength]: Uint8Array, size: number): boolean {
  return tag === 0x30 && (length === size - 2 || (length === 0x81 && longLength === size - 3))
}

function firstKey(pem: string): KeyObject {
  const [block] = parsePem(pem)
  if (block === undefined) throw new Error('PEM decoding failed')
  const type = block.label === 'PUBLIC KEY' ? 'spki' : block.label === 'RSA PUBLIC KEY' ? 'pkcs1' : undefined
  if (type !== undefined) return createPublicKey({ key: block.der, format: 'der', type })
  const label = displayText(block.label)
  throw new Error(`unknown Public key PEM file type: ${label}. Are you passing the correct public key?`)
}

const minRsaBits = 2048
const curves: readonly string[] = ['prime256v1', 'secp384r1', 'secp521r1', 'secp224r1']
