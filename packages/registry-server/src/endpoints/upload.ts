import { digestAlgorithm, type Digest } from '@transload/contract'

import { repositoryScope } from '../auth/scope.ts'
import { parseChunkRange } from '../byte-range.ts'
import { refusal } from '../refusal.ts'
import { isRepositoryName } from '../repository-name.ts'
import { requestBody } from '../request.ts'
import type { Upload } from '../upload.ts'
import { requireDigest } from './digest-text.ts'
import { sendEmpty, type Exchange } from './exchange.ts'

/** POST `/v2/NAME/blobs/uploads/`: a mount, a whole blob (`?digest=`), or the start of an upload. */
export async function startUpload(exchange: Exchange, repository: string): Promise<void> {
  const { url, uploads } = exchange
  const mounted = url.searchParams.get('mount')
  if (mounted !== null && (await mountBlob(exchange, repository, requireDigest(mounted)))) {
    sendStored(exchange, repository, requireDigest(mounted))
    return
  }
  const digestText = url.searchParams.get('digest')
  const digest = digestText === null ? undefined : requireDigest(digestText)
  const upload = await uploads.create(repository, digest === undefined ? 'sha256' : digestAlgorithm(digest))
  if (digest === undefined) {
    sendProgress(exchange, upload, 202)
    return
  }
  try {
    await upload.exclusively(() => storeRest(exchange, upload, digest))
  } finally {
    // The client was never told of it, so it cannot go on with it.
    await uploads.drop(upload)
  }
}

/** GET (progress), PATCH (more bytes), PUT (the last bytes, if any, and the digest) and DELETE of one upload. */
export async function continueUpload(exchange: Exchange, repository: string, id: string): Promise<void> {
  const { request, uploads, url } = exchange
  const upload = uploads.find(repository, id)
  switch (request.method) {
    case 'GET':
      sendProgress(exchange, upload, 204)
      return
    case 'PATCH':
      await upload.exclusively(() => appendChunk(exchange, upload))
      sendProgress(exchange, upload, 202)
      return
    case 'PUT': {
      const digest = requireDigest(url.searchParams.get('digest'))
      await upload.exclusively(() => storeRest(exchange, upload, digest))
      return
    }
    default:
      // Its client may have hung up on the request before, which the server need not have noticed yet.
      await uploads.drop(upload)
      sendEmpty(exchange, 204)
  }
}

/** Without `from` every repository that the client may pull from is a candidate (distribution spec 1.1, "Mounting"). */
async function mountBlob(exchange: Exchange, repository: string, digest: Digest): Promise<boolean> {
  const { url, registry } = exchange
  if ((await registry.store.blobSize(digest)) === undefined) return false
  const from = url.searchParams.get('from')
  const hasBlob = from !== null && isRepositoryName(from) && (await registry.hasBlob(from, digest))
  for await (const name of from === null ? registry.repositoriesWithBlob(digest) : hasBlob ? [from] : []) {
    if (!(await exchange.allows(repositoryScope(name, ['pull'])))) continue
    registry.addBlob(repository, digest)
    return true
  }
  return false
}

async function appendChunk({ request, response, uploads }: Exchange, upload: Upload): Promise<void> {
  const header = request.headers['content-range']
  const range = header === undefined ? undefined : parseChunkRange(header)
  if (header !== undefined && !range) throw refusal('BLOB_UPLOAD_INVALID', 'malformed Content-Range')
  if (range && range.start !== upload.size) {
    response.setHeader('location', uploadPath(upload))
    response.setHeader('range', receivedRange(upload))
    throw refusal('RANGE_INVALID', `the upload is at ${upload.size} bytes, the chunk begins at ${range.start}`)
  }
  const length = request.headers['content-length']
  if (range && length !== undefined && Number(length) !== range.end - range.start + 1) {
    throw refusal('SIZE_INVALID', 'Content-Length and Content-Range differ')
  }
  try {
    await upload.append(requestBody(request))
  } finally {
    if (upload.isBroken) await uploads.drop(upload)
  }
}

async function storeRest(exchange: Exchange, upload: Upload, digest: Digest): Promise<void> {
  const { registry, uploads } = exchange
  await appendChunk(exchange, upload)
  try {
    await upload.finish(digest)
    await registry.store.adoptBlob(upload.path, digest)
  } finally {
    await uploads.drop(upload)
  }
  registry.addBlob(upload.repository, digest)
  sendStored(exchange, upload.repository, digest)
}

function sendStored(exchange: Exchange, repository: string, digest: Digest): void {
  sendEmpty(exchange, 201, {
    location: `/v2/${repository}/blobs/${digest}`,
    'docker-content-digest': digest,
  })
}

function sendProgress(exchange: Exchange, upload: Upload, status: number): void {
  sendEmpty(exchange, status, {
    location: uploadPath(upload),
    range: receivedRange(upload),
    'docker-upload-uuid': upload.id,
  })
}

function uploadPath({ repository, id }: Upload): string {
  return `/v2/${repository}/blobs/uploads/${id}`
}

/** Both ends included; of nothing yet `0-0`, as the Docker registry says it. */
function receivedRange({ size }: Upload): string {
  return `0-${Math.max(size - 1, 0)}`
}
