import { createHash } from 'node:crypto'

import { mediaTypes, type OperationOptions, type StoredSignature } from '@transload/contract'

import { encodePayload, type Payload } from '../payload.ts'
import { certificateAnnotation, chainAnnotation, logEntryAnnotation, signatureAnnotation } from './annotations.ts'
import { uploadLogEntry, type LogEntry, type RekorOptions } from './rekor.ts'
import { publicKeyPem, signBytes, type SigningKey } from './signing-key.ts'

/** A signature as skopeo writes it: a payload, and annotations about it (trust.md §3). */
export async function signAttachment(
  payload: Payload,
  key: SigningKey,
  rekor: (RekorOptions & OperationOptions) | undefined,
): Promise<StoredSignature> {
  const bytes = encodePayload(payload, 'cosign container image signature')
  const signature = (await signBytes(key, bytes)).toString('base64')
  const entry = rekor && (await uploadLogEntry(hashedRekord(bytes, signature, key), rekor))
  const { certificate } = key
  return {
    kind: 'sigstore',
    mediaType: mediaTypes.cosignSignature,
    payload: bytes,
    annotations: {
      [signatureAnnotation]: signature,
      ...(certificate && {
        [certificateAnnotation]: certificate.leaf,
        [chainAnnotation]: certificate.issuers.join(''),
      }),
      ...(entry && { [logEntryAnnotation]: promiseJson(entry) }),
    },
  }
}

function hashedRekord(payload: Uint8Array, signature: string, key: SigningKey): Parameters<typeof uploadLogEntry>[0] {
  const publicKey = Buffer.from(key.certificate?.leaf ?? publicKeyPem(key)).toString('base64')
  return {
    kind: 'hashedrekord',
    apiVersion: '0.0.1',
    spec: {
      data: { hash: { algorithm: 'sha256', value: createHash('sha256').update(payload).digest('hex') } },
      signature: { content: signature, publicKey: { content: publicKey } },
    },
  }
}

function promiseJson({ body, integratedTime, logIndex, logID, signedEntryTimestamp }: LogEntry): string {
  return JSON.stringify({
    SignedEntryTimestamp: signedEntryTimestamp,
    Payload: { body, integratedTime, logIndex, logID },
  })
}
