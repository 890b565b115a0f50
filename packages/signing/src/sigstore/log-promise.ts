import { createHash, verify, type KeyObject } from 'node:crypto'

import { json } from '@sigstore/core'
import { displayJson, duplicateKey, parseJsonObject } from '@transload/contract'

import { invalidSignature } from '../invalid-signature.ts'
import { decodeBase64 } from './base64.ts'
import { parsePem } from './pem.ts'

/** What a log is to have promised to hold. */
export interface LoggedSignature {
  /** DER: the public key, or the certificate, the signature was logged with. */
  readonly keyOrCertificate: Uint8Array
  readonly signature: Uint8Array
  readonly payload: Uint8Array
}

/**
 * Checks a log's promise (the SET of Rekor, trust.md §3.3): signed by one of `logKeys`, and about this signature. Returns
 * when the log says it got the signature. Throws SIGNATURE_INVALID.
 */
export function verifyLogPromise(promise: string, logKeys: readonly KeyObject[], logged: LoggedSignature): Date {
  const entry = parsePromise(promise)
  const canonical = Buffer.from(json.canonicalize(entry.payload))
  if (!logKeys.some((key) => verify('sha256', canonical, key, entry.signature))) {
    throw invalidSignature('cryptographic signature verification of Rekor SET failed')
  }
  checkEntry(decodeBase64(entry.payload.body, 'the body of a Rekor SET payload'), logged)
  return new Date(entry.payload.integratedTime * 1000)
}

interface LogPromise {
  readonly signature: Buffer
  readonly payload: {
    readonly body: string
    /** Seconds since 1970. */
    readonly integratedTime: number
    readonly logIndex: number
    readonly logID: string
  }
}

function parsePromise(text: string): LogPromise {
  const { SignedEntryTimestamp: signature, Payload: payload } = exactMembers(
    parseJsonObject(text, 'the Rekor SET', 'SIGNATURE_INVALID'),
    ['SignedEntryTimestamp', 'Payload'],
  )
  const duplicate = duplicateKey(text)
  if (duplicate !== undefined) throw invalidSignature(`Duplicate key ${displayJson(duplicate)}`)
  const { body, integratedTime, logIndex, logID } = exactMembers(payload, [
    'body',
    'integratedTime',
    'logIndex',
    'logID',
  ])
  const isValid =
    typeof signature === 'string' &&
    typeof body === 'string' &&
    typeof logID === 'string' &&
    isTime(integratedTime) &&
    Number.isSafeInteger(logIndex)
  if (!isValid) throw invalidSignature('the Rekor SET is not of the form it has to have')
  return {
    signature: decodeBase64(signature, 'the Rekor SET'),
    payload: { body, integratedTime, logIndex: logIndex as number, logID },
  }
}

/** That the log's entry is about this signature, and no other. */
function checkEntry(bytes: Uint8Array, { keyOrCertificate, signature, payload }: LoggedSignature): void {
  const body = parseJsonObject(bytes, 'the body of a Rekor SET payload', 'SIGNATURE_INVALID')
  if (body['kind'] !== 'hashedrekord') {
    throw invalidSignature(`decoding the body of a Rekor SET payload: kind is ${displayJson(body['kind'])}`)
  }
  if (body['apiVersion'] !== '0.0.1') {
    throw invalidSignature(`unsupported Rekor SET Payload hashedrekord version ${displayJson(body['apiVersion'])}`)
  }
  const spec = member(body, 'spec')
  const logged = member(spec, 'signature')
  const [block, ...more] = parsePem(decodedMember(member(logged, 'publicKey', 'signature.'), 'content').toString())
  if (block === undefined) throw invalidSignature('publicKey in Rekor SET is not in PEM format')
  if (more.length > 0) throw invalidSignature('publicKey in Rekor SET has trailing data')
  if (!block.der.equals(keyOrCertificate)) throw invalidSignature('publicKey in Rekor SET does not match')
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

function exactMembers(value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw invalidSignature(`${displayJson(value)} where the Rekor SET has to have an object`)
  const unknown = Object.keys(value).find((name) => !names.includes(name))
  if (unknown !== undefined) throw invalidSignature(`Unknown key ${displayJson(unknown)}`)
  const missing = names.find((name) => !Object.hasOwn(value, name))
  if (missing !== undefined) throw invalidSignature(`Key ${JSON.stringify(missing)} missing in a JSON object`)
  return value
}

function member(object: Readonly<Record<string, unknown>>, name: string, path = ''): Record<string, unknown> {
  const value = object[name]
  if (!isObject(value)) throw invalidSignature(`Missing ${JSON.stringify(path + name)} field in hashedrekord`)
  return value
}

function decodedMember(object: Readonly<Record<string, unknown>>, name: string): Buffer {
  const value = object[name]
  if (typeof value !== 'string') throw invalidSignature(`Missing ${JSON.stringify(name)} field in hashedrekord`)
  return decodeBase64(value, `${JSON.stringify(name)} in hashedrekord`)
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && !Number.isNaN(new Date((value as number) * 1000).getTime())
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
