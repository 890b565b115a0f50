import { createHash, X509Certificate } from 'node:crypto'

import { dsse } from '@sigstore/core'
import {
  digestAlgorithm,
  digestHex,
  type Claim,
  type OperationOptions,
  type SignatureBundle,
} from '@transload/contract'

import { uploadLogEntry, type LogEntry, type RekorOptions } from './rekor.ts'
import { publicKeyPem, signBytes, type SigningKey } from './signing-key.ts'
import { signaturePredicate, statementMediaType } from './statement.ts'

const bundleMediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/**
 * A signature as cosign 3 writes it: a bundle with a signed in-toto statement about the manifest, which here also says
 * what the image is called.
 */
export async function signBundle(
  { manifest, identity }: Required<Claim>,
  key: SigningKey,
  rekor: (RekorOptions & OperationOptions) | undefined,
): Promise<SignatureBundle> {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: identity, digest: { [digestAlgorithm(manifest)]: digestHex(manifest) } }],
    predicateType: signaturePredicate,
    predicate: {},
  }
  const payload = Buffer.from(JSON.stringify(statement))
  const signature = (await signBytes(key, dsse.preAuthEncoding(statementMediaType, payload))).toString('base64')
  const envelope = {
    payload: payload.toString('base64'),
    payloadType: statementMediaType,
    signatures: [{ sig: signature }],
  }
  const entry = rekor && (await uploadLogEntry(dsseEntry(envelope, key), rekor))
  const bundle = {
    mediaType: bundleMediaType,
    verificationMaterial: {
      ...(key.certificate
        ? { certificate: { rawBytes: new X509Certificate(key.certificate.leaf).raw.toString('base64') } }
        : { publicKey: { hint: keyHint(key) } }),
      ...(entry && { tlogEntries: [bundledEntry(entry)] }),
    },
    dsseEnvelope: envelope,
  }
  return {
    kind: 'bundle',
    mediaType: bundleMediaType,
    bytes: Buffer.from(JSON.stringify(bundle)),
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': statement.predicateType,
      'org.opencontainers.image.created': new Date().toISOString().replace(/\.\d+/, ''),
    },
  }
}

function keyHint({ publicKey }: SigningKey): string {
  return createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64')
}

function dsseEntry(envelope: unknown, key: SigningKey): Parameters<typeof uploadLogEntry>[0] {
  const verifier = Buffer.from(key.certificate?.leaf ?? publicKeyPem(key)).toString('base64')
  const proposedContent = { envelope: JSON.stringify(envelope), verifiers: [verifier] }
  return { kind: 'dsse', apiVersion: '0.0.1', spec: { proposedContent } }
}

/** In the JSON of protobuf: 64-bit numbers are strings, bytes base64. */
function bundledEntry(entry: LogEntry): Record<string, unknown> {
  const { inclusionProof: proof } = entry
  return {
    logIndex: String(entry.logIndex),
    logId: { keyId: base64OfHex(entry.logID) },
    kindVersion: { kind: 'dsse', version: '0.0.1' },
    integratedTime: String(entry.integratedTime),
    inclusionPromise: { signedEntryTimestamp: entry.signedEntryTimestamp },
    ...(proof && {
      inclusionProof: {
        logIndex: String(proof.logIndex),
        rootHash: base64OfHex(proof.rootHash),
        treeSize: String(proof.treeSize),
        hashes: proof.hashes.map(base64OfHex),
        checkpoint: { envelope: proof.checkpoint },
      },
    }),
    canonicalizedBody: entry.body,
  }
}

function base64OfHex(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64')
}
