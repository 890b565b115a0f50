import { createHash } from 'node:crypto'

import { displayJson, parseJsonObject } from '@transload/contract'

import { invalidSignature } from '../invalid-signature.ts'
import { isJsonObject } from '../signed-json.ts'
import { decodeBase64 } from './base64.ts'
import { parsePem } from './pem.ts'

/** What a log is to hold. */
export interface LoggedSignature {
  /** DER: the public key, or the certificate, the signature was logged with. */
  readonly keyOrCertificate: Uint8Array
  readonly signature: Uint8Array
  readonly payload: Uint8Array
}

/** That the log's entry is about this signature, and no other. */
export function checkLogEntry(bytes: Uint8Array, { keyOrCertificate, signature, payload }: LoggedSignature): void {
  const body = parseJsonObject(bytes, 'the body of a Rekor SET payload', 'SIGNATURE_INVALID')
  if (body['kind'] !== 'hashedrekord') {
    throw invalidSignature(`decoding the body of a Rekor SET payload: kind is ${displayJson(body['kind'])}`)
  }
  if (body['apiVersion'] !== '0.0.1') {
    throw invalidSignature(`unsupported Rekor SET Payload hashedrekord version ${displayJson(body['apiVersion'])}`)
  }
  const spec = member(body, 'spec')
  const logged = member(spec, 'signature')
  checkKey(member(logged, 'publicKey', 'signature.'), 'content', keyOrCertificate)
  if (!decodedMember(logged, 'content').equals(signature)) {
    throw invalidSignature('signature in Rekor SET does not match')
  }
  const hash = member(member(spec, 'data'), 'hash', 'data.')
  if (hash['algorithm'] !== 'sha256') {
    throw invalidSignature(`Unexpected "data.hash.algorithm" value ${displayJson(hash['algorithm'])}`)
  }
  if (hash['value'] !== createHash('sha256').update(payload).digest('hex')) {
    throw invalidSignature('payload in Rekor SET does not match')
  }
}

/**
 * That an entry of a bundle has its signature by this key or certificate, as DER. Whether it is the signature is not
 * looked at. Throws SIGNATURE_INVALID.
 */
export function checkLoggedKey(bytes: Uint8Array, keyOrCertificate: Uint8Array): void {
  const body = parseJsonObject(bytes, 'the body of a log entry', 'SIGNATURE_INVALID')
  const spec = member(body, 'spec')
  if (body['kind'] === 'hashedrekord') {
    checkKey(member(member(spec, 'signature'), 'publicKey'), 'content', keyOrCertificate)
    return
  }
  const signatures = spec['signatures']
  const [signature, ...more] = body['kind'] === 'dsse' && Array.isArray(signatures) ? (signatures as unknown[]) : []
  if (!isJsonObject(signature) || more.length > 0) {
    throw invalidSignature(`a log entry of kind ${displayJson(body['kind'])} is not one of a signature`)
  }
  checkKey(signature, 'verifier', keyOrCertificate)
}

function checkKey(object: Readonly<Record<string, unknown>>, name: string, keyOrCertificate: Uint8Array): void {
  const [block, ...more] = parsePem(decodedMember(object, name).toString())
  if (block === undefined) throw invalidSignature('publicKey in Rekor SET is not in PEM format')
  if (more.length > 0) throw invalidSignature('publicKey in Rekor SET has trailing data')
  if (!block.der.equals(keyOrCertificate)) throw invalidSignature('publicKey in Rekor SET does not match')
}

function member(object: Readonly<Record<string, unknown>>, name: string, path = ''): Readonly<Record<string, unknown>> {
  const value = object[name]
  if (!isJsonObject(value)) throw invalidSignature(`Missing ${JSON.stringify(path + name)} field in hashedrekord`)
  return value
}

function decodedMember(object: Readonly<Record<string, unknown>>, name: string): Buffer {
  const value = object[name]
  if (typeof value !== 'string') throw invalidSignature(`Missing ${JSON.stringify(name)} field in hashedrekord`)
  return decodeBase64(value, `${JSON.stringify(name)} in hashedrekord`)
}
