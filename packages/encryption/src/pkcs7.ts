import { constants, createCipheriv, createDecipheriv, privateDecrypt, publicEncrypt, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import { TransloadError } from '@transload/contract'

import type { Certificate } from './certificate.ts'
import { childrenOf, derElement, derOid, derTags, readElements, type DerElement } from './der.ts'
import type { KeyUnwrapper, KeyWrapper } from './key-wrapper.ts'

interface ContentAlgorithm {
  readonly oid: Uint8Array
  readonly name: string
  readonly keyBytes: number
  readonly mode: 'gcm' | 'cbc'
}

const envelopedData = derOid('1.2.840.113549.1.7.3')
const plainData = derOid('1.2.840.113549.1.7.1')
const rsaEncryption = derOid('1.2.840.113549.1.1.1')
const rsaOaep = derOid('1.2.840.113549.1.1.7')
const version0 = derElement(derTags.integer, Buffer.of(0))
const gcmTagBytes = 16

const aes128Gcm: ContentAlgorithm = {
  oid: derOid('2.16.840.1.101.3.4.1.6'),
  name: 'aes-128-gcm',
  keyBytes: 16,
  mode: 'gcm',
}
const contentAlgorithms: readonly ContentAlgorithm[] = [
  aes128Gcm,
  { oid: derOid('2.16.840.1.101.3.4.1.46'), name: 'aes-256-gcm', keyBytes: 32, mode: 'gcm' },
  { oid: derOid('2.16.840.1.101.3.4.1.2'), name: 'aes-128-cbc', keyBytes: 16, mode: 'cbc' },
  { oid: derOid('2.16.840.1.101.3.4.1.42'), name: 'aes-256-cbc', keyBytes: 32, mode: 'cbc' },
  { oid: derOid('1.2.840.113549.3.7'), name: 'des-ede3-cbc', keyBytes: 24, mode: 'cbc' },
]
const oaepHashes: readonly { readonly oid: Uint8Array; readonly name: string }[] = [
  { oid: derOid('1.3.14.3.2.26'), name: 'sha1' },
  { oid: derOid('2.16.840.1.101.3.4.2.4'), name: 'sha224' },
  { oid: derOid('2.16.840.1.101.3.4.2.1'), name: 'sha256' },
  { oid: derOid('2.16.840.1.101.3.4.2.2'), name: 'sha384' },
  { oid: derOid('2.16.840.1.101.3.4.2.3'), name: 'sha512' },
]

/** One envelope (RFC 2315 §10) for all certificates, made as ocicrypt makes it: AES-128-GCM, RSA PKCS #1 v1.5. */
export function createPkcs7Wrapper(certificates: readonly Certificate[]): KeyWrapper {
  return {
    scheme: 'pkcs7',
    wrap: async (options) => {
      const key = randomBytes(aes128Gcm.keyBytes)
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-128-gcm', key, nonce)
      const content = Buffer.concat([cipher.update(options), cipher.final(), cipher.getAuthTag()])
      // Not what RFC 5084 says, but what Go's library writes and expects: a sequence in a sequence without the
      // constructed bit, and the nonce as [4].
      const parameters = derElement(
        0x10,
        derElement(derTags.sequence, derElement(0x84, nonce), derElement(derTags.integer, Buffer.of(gcmTagBytes))),
      )
      return derElement(
        derTags.sequence,
        envelopedData,
        derElement(
          derTags.context0,
          derElement(
            derTags.sequence,
            version0,
            derElement(derTags.set, ...certificates.map((certificate) => recipientInfo(certificate, key))),
            derElement(
              derTags.sequence,
              plainData,
              derElement(derTags.sequence, aes128Gcm.oid, parameters),
              derElement(derTags.context0, derElement(derTags.octets, content)),
            ),
          ),
        ),
      )
    },
  }
}

/** Needs both a recipient's certificate, to find its part of the envelope, and the private key. */
export function createPkcs7Unwrapper(
  privateKeys: readonly KeyObject[],
  certificates: readonly Certificate[],
): KeyUnwrapper {
  return {
    scheme: 'pkcs7',
    holdsPrivateKeys: true,
    unwrap: async (wrapped, operation) => {
      if (certificates.length === 0) throw failed('no x509 certificates found needed for PKCS7 decryption')
      const envelope = parseEnvelope(wrapped)
      for (const { issuerAndSerial } of certificates) {
        const recipient = envelope.recipients.find((one) => Buffer.compare(one.issuerAndSerial, issuerAndSerial) === 0)
        for (const privateKey of recipient ? privateKeys : []) {
          operation?.signal?.throwIfAborted()
          try {
            return decryptContent(envelope, decryptKey(recipient!, privateKey))
          } catch {
            // The next key may be the one.
          }
        }
      }
      throw failed('PKCS7: No suitable private key found for decryption')
    },
  }
}

function recipientInfo({ publicKey, issuerAndSerial }: Certificate, key: Uint8Array): Uint8Array {
  const encrypted = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, key)
  return derElement(
    derTags.sequence,
    version0,
    derElement(derTags.sequence, issuerAndSerial),
    derElement(derTags.sequence, rsaEncryption),
    derElement(derTags.octets, encrypted),
  )
}

interface Envelope {
  readonly recipients: readonly Recipient[]
  readonly algorithm: DerElement
  readonly parameters: DerElement | undefined
  readonly content: Uint8Array
}

interface Recipient {
  readonly issuerAndSerial: Uint8Array
  readonly algorithm: readonly DerElement[]
  readonly encryptedKey: Uint8Array
}

function parseEnvelope(bytes: Uint8Array): Envelope {
  try {
    const [type, wrapper] = childrenOf(readElements(bytes)[0], derTags.sequence)
    if (Buffer.compare(type!.bytes, envelopedData) !== 0) throw failed('not enveloped data')
    const [enveloped] = childrenOf(wrapper, derTags.context0)
    const [, recipients, encrypted] = childrenOf(enveloped, derTags.sequence)
    const [, algorithmIdentifier, content] = childrenOf(encrypted, derTags.sequence)
    const [algorithm, parameters] = childrenOf(algorithmIdentifier, derTags.sequence)
    return {
      recipients: childrenOf(recipients, derTags.set).flatMap(parseRecipient),
      algorithm: algorithm!,
      parameters,
      content: contentBytes(content!),
    }
  } catch (cause) {
    throw failed('could not parse PKCS7 packet', cause)
  }
}

/** Recipients that are not named by issuer and serial number are somebody else. */
function parseRecipient(info: DerElement): readonly Recipient[] {
  if (info.tag !== derTags.sequence) return []
  const [, name, algorithm, encryptedKey] = childrenOf(info, derTags.sequence)
  if (name?.tag !== derTags.sequence || !encryptedKey) return []
  return [
    {
      issuerAndSerial: name.content,
      algorithm: childrenOf(algorithm, derTags.sequence),
      encryptedKey: encryptedKey.content,
    },
  ]
}

/** One string, or several in a constructed element. */
function contentBytes({ tag, content }: DerElement): Uint8Array {
  if (tag !== derTags.context0) return content
  return Buffer.concat(readElements(content).map((part) => part.content))
}

function decryptKey({ algorithm: [oid, parameters], encryptedKey }: Recipient, key: KeyObject): Uint8Array {
  if (Buffer.compare(oid!.bytes, rsaEncryption) === 0) {
    return privateDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, encryptedKey)
  }
  if (Buffer.compare(oid!.bytes, rsaOaep) !== 0) throw failed('only RSA PKCS#1 v1.5 and RSA OAEP are supported')
  return privateDecrypt(
    { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: oaepHash(parameters) },
    encryptedKey,
  )
}

function oaepHash(parameters: DerElement | undefined): string {
  const hash = parameters && readElements(parameters.content).find(({ tag }) => tag === derTags.context0)
  if (!hash) return 'sha1'
  const [identifier] = readElements(hash.content)
  const [oid] = childrenOf(identifier, derTags.sequence)
  const known = oaepHashes.find((one) => Buffer.compare(one.oid, oid!.bytes) === 0)
  if (!known) throw failed('unsupported hash function for RSA OAEP')
  return known.name
}

function decryptContent({ algorithm, parameters, content }: Envelope, key: Uint8Array): Uint8Array {
  const known = contentAlgorithms.find(({ oid }) => Buffer.compare(oid, algorithm.bytes) === 0)
  if (!known || key.length !== known.keyBytes || !parameters) throw failed('unsupported content encryption')
  if (known.mode === 'cbc') {
    const decipher = createDecipheriv(known.name, key, parameters.content)
    return Buffer.concat([decipher.update(content), decipher.final()])
  }
  const [inner] = readElements(parameters.content)
  const [nonce] = readElements(inner?.tag === derTags.sequence ? inner.content : parameters.content)
  const decipher = createDecipheriv(known.name as 'aes-128-gcm', key, nonce!.content, { authTagLength: gcmTagBytes })
  decipher.setAuthTag(content.subarray(-gcmTagBytes))
  return Buffer.concat([decipher.update(content.subarray(0, -gcmTagBytes)), decipher.final()])
}

function failed(message: string, cause?: unknown): TransloadError {
  return new TransloadError('DECRYPTION_FAILED', message, { cause })
}
