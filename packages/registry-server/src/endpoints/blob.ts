import { parseRange } from '../byte-range.ts'
import { refusal } from '../refusal.ts'
import { sendFile } from '../send-file.ts'
import { requireDigest } from './digest-text.ts'
import { sendEmpty, type Exchange } from './exchange.ts'

/** GET, HEAD and DELETE of `/v2/NAME/blobs/DIGEST`. */
export async function answerBlob(exchange: Exchange, repository: string, digestText: string): Promise<void> {
  const { request, response, registry } = exchange
  const digest = requireDigest(digestText)
  if (request.method === 'DELETE') {
    await registry.deleteBlob(repository, digest)
    sendEmpty(exchange, 202)
    return
  }
  const size = await registry.requireBlobSize(repository, digest)
  const file = await registry.store.blobFile(digest)
  if (file === undefined) throw refusal('BLOB_UNKNOWN', 'blob unknown to registry')
  // There is no validator an If-Range could match, so such a request gets the whole blob (RFC 9110 §13.1.5).
  const range = request.headers['if-range'] === undefined ? parseRange(request.headers.range, size) : 'whole'
  response.setHeader('accept-ranges', 'bytes')
  response.setHeader('docker-content-digest', digest)
  if (range === 'unsatisfiable') {
    response.setHeader('content-range', `bytes */${size}`)
    throw refusal('RANGE_INVALID', `the blob has ${size} bytes`)
  }
  const { start, end } = range === 'whole' ? { start: 0, end: size - 1 } : range
  response.setHeader('content-type', 'application/octet-stream')
  response.setHeader('content-length', end - start + 1)
  if (range !== 'whole') {
    response.statusCode = 206
    response.setHeader('content-range', `bytes ${start}-${end}/${size}`)
  }
  if (request.method === 'HEAD') response.end()
  else await sendFile(file, { start, end }, response)
}
