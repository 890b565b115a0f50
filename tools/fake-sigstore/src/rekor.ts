import { createHash, createPublicKey, verify, X509Certificate, type KeyObject } from 'node:crypto'

import { dsse } from '@sigstore/core'

import type { Request, Response } from './http.ts'
import type { TransparencyLog } from './transparency-log.ts'

/** Rekor's API, version 1, as far as signers and cosign's verification ask it. */
export async function answerRekor({ method, url, body }: Request, log: TransparencyLog): Promise<Response> {
  const path = url.pathname.replace(/^\/api\/v1\/log/, '')
  if (method === 'GET' && path === '/publicKey') {
    return {
      status: 200,
      headers: { 'content-type': 'application/x-pem-file' },
      body: log.publicKey.export({ format: 'pem', type: 'spki' }),
    }
  }
  if (method === 'GET' && path === '') {
    return { status: 200, body: { rootHash: log.rootHash(), treeSize: log.size } }
  }
  if (method === 'POST' && path === '/entries') return addEntry(JSON.parse(body), log)
  const entry = method === 'GET' ? log.entry(path.replace(/^\/entries\//, '')) : undefined
  return entry === undefined
    ? { status: 404, body: { code: 404, message: 'there is no such entry' } }
    : { status: 200, body: entry }
}

function addEntry(proposed: ProposedEntry, log: TransparencyLog): Response {
  const { uuid, isNew } = log.add(canonicalEntry(proposed))
  const location = `/api/v1/log/entries/${uuid}`
  return isNew
    ? { status: 201, headers: { location, etag: uuid }, body: log.entry(uuid) }
    : {
        status: 409,
        headers: { location },
        body: { code: 409, message: `an equivalent entry already exists in the transparency log with UUID ${uuid}` },
      }
}

type ProposedEntry =
  | { readonly kind: 'hashedrekord'; readonly apiVersion: '0.0.1'; readonly spec: HashedRekord }
  | { readonly kind: 'dsse'; readonly apiVersion: '0.0.1'; readonly spec: ProposedDsse }

interface HashedRekord {
  readonly data: { readonly hash: { readonly algorithm: string; readonly value: string } }
  readonly signature: { readonly content: string; readonly publicKey: { readonly content: string } }
}

interface ProposedDsse {
  readonly proposedContent: { readonly envelope: string; readonly verifiers: readonly string[] }
}

/** What is logged of an entry proposed. Throws when it is none, or not signed. */
function canonicalEntry(entry: ProposedEntry): unknown {
  if (entry.apiVersion !== '0.0.1') throw new Error('unsupported version')
  switch (entry.kind) {
    case 'hashedrekord':
      return canonicalHashedRekord(entry.spec)
    case 'dsse':
      return canonicalDsse(entry.spec)
    default:
      throw new Error('unsupported kind')
  }
}

function canonicalHashedRekord({ data, signature }: HashedRekord): unknown {
  const { algorithm, value } = data.hash
  if (algorithm !== 'sha256' || !/^[0-9a-f]{64}$/.test(value)) throw new Error('unsupported hash')
  if (Buffer.from(signature.content, 'base64').length === 0) throw new Error('signature is missing')
  readVerifier(signature.publicKey.content)
  return {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm, value } },
      signature: { content: signature.content, publicKey: { content: signature.publicKey.content } },
    },
  }
}

function canonicalDsse({ proposedContent }: ProposedDsse): unknown {
  const { payloadType, payload, signatures } = JSON.parse(proposedContent.envelope) as {
    readonly payloadType: string
    readonly payload: string
    readonly signatures: readonly { readonly sig: string }[]
  }
  const content = Buffer.from(payload, 'base64')
  const signed = dsse.preAuthEncoding(payloadType, content)
  const verifier = (sig: string): string => {
    const found = proposedContent.verifiers.find((encoded) => {
      const key = readVerifier(encoded)
      const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256'
      return verify(algorithm, signed, key, Buffer.from(sig, 'base64'))
    })
    if (found === undefined) throw new Error('a signature is of no verifier')
    return found
  }
  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: { algorithm: 'sha256', value: sha256(proposedContent.envelope) },
      payloadHash: { algorithm: 'sha256', value: sha256(content) },
      signatures: signatures.map(({ sig }) => ({ signature: sig, verifier: verifier(sig) })),
    },
  }
}

/** PEM, of a key or a certificate, in base64. */
function readVerifier(content: string): KeyObject {
  const pem = Buffer.from(content, 'base64').toString()
  return pem.includes('BEGIN CERTIFICATE') ? new X509Certificate(pem).publicKey : createPublicKey(pem)
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
