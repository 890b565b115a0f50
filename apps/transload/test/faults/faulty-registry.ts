import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'

/** What goes wrong with one exchange. */
export type Fault =
  /** The registry is not asked; this is the answer. */
  | { readonly kind: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** The answer's body ends too early: with a reset, with an orderly close, or without an end. */
  | { readonly kind: 'break'; readonly how: 'reset' | 'close' | 'stall'; readonly afterBytes: number }
  /** So many bytes of the request's body are read, then the connection is reset, or nothing happens any more. */
  | {
      readonly kind: 'break-request'
      readonly how: 'reset' | 'stall'
      readonly afterBytes: number
      /** The real registry gets what was read, and sees its connection break, too. */
      readonly arrives?: boolean
    }
  /** The answer has another body, with its length in the header or without. */
  | { readonly kind: 'rewrite'; readonly body: (real: Buffer) => Buffer; readonly isChunked?: boolean }
  /** A body of this many bytes, sent for as long as somebody takes them. */
  | { readonly kind: 'flood'; readonly bytes: number; readonly isChunked?: boolean }
  /** No answer. */
  | { readonly kind: 'silence' }

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  /** As announced. */
  readonly bodyBytes: number
}

/** A registry that works but for its faults: what it does not spoil it passes on to a real one. */
export interface FaultyRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly requests: readonly SeenRequest[]
  /** Bytes that `flood` got rid of. */
  readonly floodedBytes: number
  /** What to do to a request; undefined: nothing. May be replaced at any time. */
  inject: (request: SeenRequest) => Fault | undefined
  /** Resolves when a fault has gone as far as it goes, for the first time. */
  readonly struck: Promise<void>
}

/** `upstream`: `127.0.0.1:PORT` of the real one. */
export async function startFaultyRegistry(upstream: string): Promise<FaultyRegistry> {
  const requests: SeenRequest[] = []
  const struck = Promise.withResolvers<void>()
  const flooded = { bytes: 0 }
  const server = createServer((incoming, outgoing) => {
    const { method = '', url: path = '', headers } = incoming
    const bodyBytes = Number(headers['content-length'] ?? 0)
    const seen = { method, path, authorization: headers.authorization, bodyBytes }
    requests.push(seen)
    // Clients that go away are what this is about.
    for (const stream of [incoming, outgoing]) stream.on('error', () => undefined)
    void spoil(upstream, incoming, outgoing, registry.inject(seen), flooded)
      .catch(() => outgoing.destroy())
      .then((isSpoilt) => isSpoilt && struck.resolve())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const registry: FaultyRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get floodedBytes() {
      return flooded.bytes
    },
    inject: () => undefined,
    struck: struck.promise,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return registry
}

/** Resolves to whether something was done to the exchange. */
async function spoil(
  upstream: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: Fault | undefined,
  flooded: { bytes: number },
): Promise<boolean> {
  switch (fault?.kind) {
    case 'answer':
      incoming.resume()
      outgoing.writeHead(fault.status, { 'content-length': 0, ...fault.headers }).end()
      break
    case 'break-request':
      await breakRequest(upstream, incoming, fault)
      break
    case 'flood':
      await flood(outgoing, fault, flooded)
      break
    case 'break':
      await breakBody(await passOn(upstream, incoming), outgoing, fault)
      break
    case 'rewrite': {
      const answer = await passOn(upstream, incoming)
      const body = fault.body(await buffer(answer))
      const { 'content-length': _, ...headers } = answer.headers
      outgoing.writeHead(answer.statusCode!, fault.isChunked ? headers : { ...headers, 'content-length': body.length })
      outgoing.end(body)
      break
    }
    case 'silence':
      break
    case undefined: {
      const answer = await passOn(upstream, incoming)
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
      return false
    }
  }
  return true
}

async function passOn(upstream: string, incoming: IncomingMessage): Promise<IncomingMessage> {
  const { method, url, headers } = incoming
  const onward = request(`http://${upstream}${url}`, { method, headers, agent: false })
  incoming.on('close', () => incoming.complete || onward.destroy())
  incoming.pipe(onward)
  const [answer] = (await once(onward, 'response')) as [IncomingMessage]
  answer.on('error', () => undefined)
  return answer
}

async function breakRequest(
  upstream: string,
  incoming: IncomingMessage,
  { how, afterBytes, arrives = false }: Extract<Fault, { kind: 'break-request' }>,
): Promise<void> {
  const { method, url, headers } = incoming
  const onward = arrives ? request(`http://${upstream}${url}`, { method, headers, agent: false }) : undefined
  onward?.on('error', () => undefined)
  let left = afterBytes
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    left -= (chunk as Buffer).length
    if (onward) await new Promise((resolve) => onward.write(chunk, resolve))
    if (left <= 0) break
  }
  incoming.pause()
  onward?.socket?.end()
  if (how === 'reset') incoming.socket.resetAndDestroy()
}

async function breakBody(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  { how, afterBytes }: Extract<Fault, { kind: 'break' }>,
): Promise<void> {
  outgoing.writeHead(answer.statusCode!, answer.headers)
  let left = afterBytes
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    const piece = chunk.subarray(0, left)
    left -= piece.length
    if (piece.length > 0) await new Promise((resolve) => outgoing.write(piece, resolve))
    if (left <= 0) break
  }
  if (how === 'reset') outgoing.socket?.resetAndDestroy()
  if (how === 'close') outgoing.socket?.end()
}

async function flood(
  outgoing: ServerResponse,
  { bytes, isChunked = false }: Extract<Fault, { kind: 'flood' }>,
  flooded: { bytes: number },
): Promise<void> {
  const chunk = Buffer.alloc(64 * 1024, ' ')
  const type = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
  outgoing.writeHead(200, isChunked ? type : { ...type, 'content-length': bytes })
  const closed = once(outgoing, 'close')
  for (; flooded.bytes < bytes && !outgoing.closed; flooded.bytes += chunk.length) {
    if (!outgoing.write(chunk)) await Promise.race([once(outgoing, 'drain'), closed])
    else await setImmediate()
  }
  outgoing.end()
}
