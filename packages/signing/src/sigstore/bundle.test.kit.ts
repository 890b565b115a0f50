import { createHash, sign } from 'node:crypto'

import { dsse } from '@sigstore/core'
import type { SignatureBundle } from '@transload/contract'
import type { TransparencyLog } from '@transload/fake-sigstore'

import { manifest, pemOf, type KeyPair } from './attached-signature.test.kit.ts'

type Json = Readonly<Record<string, unknown>>

/** As cosign 3 states it, with a name. */
export const statement: Json = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'example.com/app:1', digest: { sha256: manifest.slice('sha256:'.length) }, annotations: {} }],
  predicateType: 'https://sigstore.dev/cosign/sign/v1',
  predicate: {},
}

export interface BundleOptions {
  readonly statement?: Json | string
  readonly payloadType?: string
  /** Default: SHA-256. */
  readonly hash?: string
  /** PEM; the bundle says whose key it is. */
  readonly certificate?: string
  readonly log?: TransparencyLog | undefined
  readonly loggedAt?: Date
  /** What the log has it with, instead of the key or certificate that there is. */
  readonly loggedWith?: string
  /** Changes the entry before it is put in. */
  readonly entry?: (entry: Json) => Json
}

/** A bundle of version 0.3, and what it is made of, as JSON. */
export function bundleJson(key: KeyPair, options: BundleOptions = {}): Json {
  const { certificate, log, payloadType = 'application/vnd.in-toto+json' } = options
  const stated = options.statement ?? statement
  const payload = Buffer.from(typeof stated === 'string' ? stated : JSON.stringify(stated))
  const algorithm = key.privateKey.asymmetricKeyType === 'ed25519' ? null : (options.hash ?? 'sha256')
  const signature = sign(algorithm, dsse.preAuthEncoding(payloadType, payload), key.privateKey).toString('base64')
  const verifier = options.loggedWith ?? certificate ?? pemOf(key.publicKey).toString()
  const entries = log === undefined ? [] : [logEntry(log, { payload, signature, verifier }, options)]
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      ...(certificate === undefined
        ? { publicKey: { hint: 'key' } }
        : { certificate: { rawBytes: derBase64(certificate) } }),
      ...(log === undefined ? {} : { tlogEntries: entries }),
    },
    dsseEnvelope: { payload: payload.toString('base64'), payloadType, signatures: [{ sig: signature }] },
  }
}

export function asBundle(json: unknown): SignatureBundle {
  return {
    kind: 'bundle',
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    bytes: Buffer.from(JSON.stringify(json)),
  }
}

interface Logged {
  readonly payload: Buffer
  readonly signature: string
  readonly verifier: string
}

function logEntry(log: TransparencyLog, { payload, signature, verifier }: Logged, options: BundleOptions): Json {
  const { uuid } = log.add(
    {
      apiVersion: '0.0.1',
      kind: 'dsse',
      spec: {
        envelopeHash: { algorithm: 'sha256', value: sha256('envelope') },
        payloadHash: { algorithm: 'sha256', value: sha256(payload) },
        signatures: [{ signature, verifier: Buffer.from(verifier).toString('base64') }],
      },
    },
    options.loggedAt,
  )
  const found = Object.values(log.entry(uuid)!)[0]!
  const { inclusionProof: proof, signedEntryTimestamp } = found.verification
  const entry = {
    logIndex: String(found.logIndex),
    logId: { keyId: hexToBase64(found.logID) },
    kindVersion: { kind: 'dsse', version: '0.0.1' },
    integratedTime: String(found.integratedTime),
    inclusionPromise: { signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(proof.logIndex),
      rootHash: hexToBase64(proof.rootHash),
      treeSize: String(proof.treeSize),
      hashes: proof.hashes.map(hexToBase64),
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: found.body,
  }
  return options.entry?.(entry) ?? entry
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

function hexToBase64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64')
}

function derBase64(pem: string): string {
  return pem.replaceAll(/-----[^-]+-----|\s/g, '')
}
