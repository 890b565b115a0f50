import { verify, type KeyObject } from 'node:crypto'

import { json } from '@sigstore/core'

import { invalidSignature } from '../invalid-signature.ts'
import { exactMembers, parseSignedJson } from '../signed-json.ts'
import { decodeBase64 } from './base64.ts'
import { checkLogEntry, type LoggedSignature } from './log-entry.ts'

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
  checkLogEntry(decodeBase64(entry.payload.body, 'the body of a Rekor SET payload'), logged)
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
    parseSignedJson(text, subject),
    ['SignedEntryTimestamp', 'Payload'],
    subject,
  )
  const { body, integratedTime, logIndex, logID } = exactMembers(
    payload,
    ['body', 'integratedTime', 'logIndex', 'logID'],
    subject,
  )
  const isValid =
    typeof signature === 'string' &&
    typeof body === 'string' &&
    typeof logID === 'string' &&
    isTime(integratedTime) &&
    Number.isSafeInteger(logIndex)
  if (!isValid) throw invalidSignature('the Rekor SET is not of the form it has to have')
  return {
    signature: decodeBase64(signature, subject),
    payload: { body, integratedTime, logIndex: logIndex as number, logID },
  }
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && !Number.isNaN(new Date((value as number) * 1000).getTime())
}

const subject = 'the Rekor SET'
