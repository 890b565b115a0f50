import { createPublicKey, generateKeyPair, sign, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

import { TransloadError } from '@transload/contract'

import { decryptPrivateKey, encryptPrivateKey, type Passphrase } from './encrypted-key.ts'

/** What signs. */
export interface SigningKey {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** Whose key it is, as an authority says. */
  readonly certificate?: CertificateChain
}

/** PEM texts, each ended by a newline. */
export interface CertificateChain {
  readonly leaf: string
  /** From what signed the leaf to the root. */
  readonly issuers: readonly string[]
}

/** The two files of a key pair. */
export interface KeyPairFiles {
  readonly privateKey: string
  readonly publicKey: string
}

const ecCurves: readonly unknown[] = ['prime256v1', 'secp384r1', 'secp521r1', 'secp224r1']

/** From the content of a private key's file. Throws like `decryptPrivateKey`; CONFIG_INVALID for a key that cannot sign. */
export async function readSigningKey(pem: Uint8Array, passphrase: Passphrase): Promise<SigningKey> {
  const privateKey = await decryptPrivateKey(pem, passphrase)
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = privateKey
  const isSupported = type === 'rsa' || type === 'ed25519' || (type === 'ec' && ecCurves.includes(details?.namedCurve))
  if (!isSupported) throw new TransloadError('CONFIG_INVALID', 'unsupported key type')
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

/** A new key on P-256, the one curve that everything that verifies knows. */
export async function generateSigningKey(): Promise<SigningKey> {
  return await promisify(generateKeyPair)('ec', { namedCurve: 'prime256v1' })
}

/** A new key pair as `cosign generate-key-pair` and `skopeo generate-sigstore-key` write it (trust.md §3.5). */
export async function generateKeyPairFiles(passphrase: Passphrase): Promise<KeyPairFiles> {
  const key = await generateSigningKey()
  return { privateKey: await encryptPrivateKey(key.privateKey, passphrase), publicKey: publicKeyPem(key) }
}

/** PKIX */
export function publicKeyPem({ publicKey }: SigningKey): string {
  return publicKey.export({ format: 'pem', type: 'spki' }) as string
}

/** ECDSA (ASN.1) and RSA (PKCS #1 v1.5) over SHA-256, as all of the field signs, or pure Ed25519. */
export async function signBytes({ privateKey }: SigningKey, bytes: Uint8Array): Promise<Buffer> {
  const algorithm = privateKey.asymmetricKeyType === 'ed25519' ? undefined : 'sha256'
  return await promisify<string | undefined, Uint8Array, KeyObject, Buffer>(sign)(algorithm, bytes, privateKey)
}
