import { collect, digestAlgorithm, digestOf, guessMediaType, maxManifestBytes } from '@transload/contract'

import { refusal } from '../refusal.ts'
import { isTag } from '../repository-name.ts'
import { requestBody } from '../request.ts'
import { requireDigest } from './digest-text.ts'
import { sendEmpty, type Exchange } from './exchange.ts'

/** GET, HEAD, PUT and DELETE of `/v2/NAME/manifests/REFERENCE`. `Accept` is not looked at: there is one form, the stored one. */
export async function answerManifest(exchange: Exchange, repository: string, reference: string): Promise<void> {
  const { request, registry } = exchange
  const isByDigest = reference.includes(':')
  if (isByDigest) requireDigest(reference)
  else if (!isTag(reference)) throw refusal('TAG_INVALID', `invalid tag ${JSON.stringify(reference.slice(0, 200))}`)
  switch (request.method) {
    case 'PUT':
      await putManifest(exchange, repository, reference)
      return
    case 'DELETE':
      if (isByDigest) {
        await registry.deleteManifest(repository, requireDigest(reference))
        await exchange.signatures?.removeAll(repository, requireDigest(reference))
      } else await registry.deleteTag(repository, reference)
      sendEmpty(exchange, 202)
      return
    default:
      await sendManifest(exchange, repository, reference)
  }
}

async function sendManifest(exchange: Exchange, repository: string, reference: string): Promise<void> {
  const { request, response, registry } = exchange
  const { digest, mediaType } = await registry.findManifest(repository, reference)
  const isHead = request.method === 'HEAD'
  const bytes = isHead ? undefined : (await registry.store.readManifest(digest, mediaType)).bytes
  const size = bytes?.length ?? (await registry.store.blobSize(digest))
  if (size === undefined) throw refusal('MANIFEST_UNKNOWN', 'manifest unknown')
  response.setHeader('content-type', mediaType)
  response.setHeader('docker-content-digest', digest)
  response.setHeader('content-length', size)
  response.end(bytes)
}

async function putManifest(exchange: Exchange, repository: string, reference: string): Promise<void> {
  const { registry, request } = exchange
  const bytes = await collect(requestBody(request), maxManifestBytes, 'manifest')
  const expected = reference.includes(':') ? requireDigest(reference) : undefined
  const digest = digestOf(bytes, expected && digestAlgorithm(expected))
  if (expected !== undefined && digest !== expected) {
    throw refusal('DIGEST_INVALID', `provided digest ${expected} did not match uploaded content ${digest}`)
  }
  const declared = request.headers['content-type']?.split(';', 1)[0]!.trim()
  const manifest = { bytes, digest, mediaType: declared || guessMediaType(bytes) }
  const subject = await registry.putManifest(repository, manifest, expected === undefined ? reference : undefined)
  sendEmpty(exchange, 201, {
    location: `/v2/${repository}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(subject === undefined ? {} : { 'oci-subject': subject }),
  })
}
