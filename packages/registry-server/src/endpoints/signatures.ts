import { collect, parseJsonObject, TransloadError, type Digest } from '@transload/contract'

import { refusal } from '../refusal.ts'
import { requestBody } from '../request.ts'
import type { KeptSignature } from '../signature-files.ts'
import { requireDigest } from './digest-text.ts'
import { sendEmpty, sendJson, type Exchange } from './exchange.ts'

const maxBodyBytes = 64 * 1024

/** GET and PUT `/extensions/v2/NAME/signatures/DIGEST`: all signatures of a manifest that is there; another one. */
export async function answerSignatures(exchange: Exchange, repository: string, digest: string): Promise<void> {
  const { registry, request } = exchange
  const signatures = exchange.signatures!
  const manifest = requireDigest(digest)
  await registry.findManifest(repository, manifest)
  if (request.method !== 'PUT') {
    sendJson(exchange, { signatures: await signatures.list(repository, manifest) })
    return
  }
  const body = await collect(requestBody(request), maxBodyBytes, 'signature')
  await signatures.add(repository, manifest, parseSignature(body, manifest))
  sendEmpty(exchange, 201)
}

function parseSignature(body: Uint8Array, manifest: Digest): KeptSignature {
  let json: Record<string, unknown>
  try {
    json = parseJsonObject(body, 'the signature')
  } catch (error) {
    throw TransloadError.is(error) ? refusal('UNSUPPORTED', error.message, 400) : error
  }
  const { schemaVersion, name, type, content } = json
  const isNamed = typeof name === 'string' && name.startsWith(`${manifest}@`) && /@[0-9a-f]{32}$/.test(name)
  if (schemaVersion !== 2 || type !== 'atomic' || !isNamed || name.length !== manifest.length + 33) {
    throw refusal('UNSUPPORTED', `not an atomic signature of version 2 named ${manifest}@ID`, 400)
  }
  if (typeof content !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(content)) {
    throw refusal('UNSUPPORTED', 'the content of the signature is not base64', 400)
  }
  return { schemaVersion, name, type, content }
}
