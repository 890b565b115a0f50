import type { Socket } from 'node:net'

import { TransloadError } from '@transload/contract'

import { BodyQueue } from './body-queue.ts'
import { connectionError } from './connection-error.ts'
import type { Connector } from './connector.ts'
import { isStreamBody, type HttpRequest, type HttpResponse, type StreamBody } from './http-client.ts'
import { requestHead } from './request-head.ts'
import { ResponseReader, type ResponseHead } from './response-reader.ts'
import { SlabReader } from './slab-reader.ts'

/** The answer; or the error to report, and whether not one byte of an answer had come. */
export type ExchangeResult =
  | { readonly response: HttpResponse }
  | { readonly error: unknown; readonly isUnanswered: boolean }

export interface ConnectionEvents {
  /** It can take another request. */
  freed(): void
  /** Once, after a successful `open`: it is gone. */
  closed(): void
}

/** Servers that do not say when they close idle connections do so after a minute or more. */
const defaultIdleMs = 50_000
const discardLimitBytes = 16 * 1024
const discardTimeoutMs = 1000

/** One request and what has come of its answer. */
interface Exchange {
  readonly request: HttpRequest
  readonly reader: ResponseReader
  readonly queue: BodyQueue
  readonly head: PromiseWithResolvers<ResponseHead>
  readonly detach: () => void
  /** The request is out, whole; `stopped`: it never will be. */
  sent: boolean
  stopped: boolean
  /** Some of an answer came; its head, that is not an interim one; all of it. */
  touched: boolean
  answered: boolean
  received: boolean
  reusable: boolean
}

/**
 * One HTTP/1.1 connection: one request at a time, its head written by us, its body as it comes with back-pressure, the
 * answer read in large buffers. While idle it does not keep the process alive.
 */
export class LeanConnection {
  readonly #events: ConnectionEvents
  readonly #slabs: SlabReader
  #socket: Socket | undefined
  #exchange: Exchange | undefined
  #hasRested = false
  #isClosed = false
  #isReported = false
  #closeError: unknown
  #idleMs = defaultIdleMs
  #idleUntil = Number.POSITIVE_INFINITY
  #wakeWriter: (() => void) | undefined

  constructor(events: ConnectionEvents) {
    this.#events = events
    this.#slabs = new SlabReader(
      () => this.#exchange?.reader.expectedBytes ?? 0,
      (bytes) => this.#receive(bytes),
    )
  }

  /** Was it idle before? Then the server may be closing it at this moment. */
  get hasRested(): boolean {
    return this.#hasRested
  }

  get isAlive(): boolean {
    return !this.#isClosed && Date.now() < this.#idleUntil
  }

  /** Once, before the first request. Throws Node's error or `signal.reason`. */
  async open(connector: Connector, url: URL, signal: AbortSignal | undefined): Promise<void> {
    const socket = await connector.connect(url, this.#slabs.onread, signal)
    this.#socket = socket
    socket.on('error', (error) => (this.#closeError ??= error))
    socket.on('end', () => this.#receiveEnd())
    socket.on('close', () => this.#report())
    socket.on('drain', () => this.#wakeWriter?.())
    if (this.#isClosed) socket.destroy()
    if (socket.closed) this.#report()
  }

  /** It is idle from now on, until the next `send`. */
  rest(): void {
    this.#hasRested = true
    this.#idleUntil = Date.now() + this.#idleMs
    this.#socket!.unref()
  }

  /** Never rejects. */
  async send(request: HttpRequest): Promise<ExchangeResult> {
    const exchange = this.#begin(request)
    void this.#sendRequest(exchange)
    try {
      const { status, headers } = await exchange.head.promise
      const body = exchange.queue.read(() => this.close())
      return { response: { status, headers, body, discard: () => this.#discard(exchange, body) } }
    } catch (error) {
      return { error, isUnanswered: !exchange.touched }
    }
  }

  close(): void {
    this.#isClosed = true
    this.#socket?.destroy()
  }

  #begin(request: HttpRequest): Exchange {
    const { method, signal } = request
    const onAbort = (): void => this.#fail(exchange, signal!.reason)
    const exchange: Exchange = {
      request,
      reader: new ResponseReader(method, {
        head: (head) => {
          exchange.answered = true
          this.#idleMs = idleTime(head)
          exchange.head.resolve(head)
        },
        body: (bytes) => exchange.queue.push(bytes),
        end: (reusable) => {
          exchange.received = true
          exchange.reusable = reusable
          exchange.queue.end()
        },
      }),
      queue: new BodyQueue(() => this.#socket?.resume()),
      head: Promise.withResolvers<ResponseHead>(),
      detach: () => signal?.removeEventListener('abort', onAbort),
      sent: false,
      stopped: false,
      touched: false,
      answered: false,
      received: false,
      reusable: false,
    }
    this.#exchange = exchange
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#socket?.ref()
    this.#socket?.resume()
    if (signal?.aborted) onAbort()
    else if (this.#isClosed) this.#lose(exchange)
    return exchange
  }

  async #sendRequest(exchange: Exchange): Promise<void> {
    try {
      await this.#write(exchange)
      exchange.sent = !exchange.stopped
      this.#settle(exchange)
    } catch (error) {
      this.#fail(exchange, error)
    }
  }

  /** Throws only what the request's own body throws. */
  async #write(exchange: Exchange): Promise<void> {
    const socket = this.#socket!
    const { body } = exchange.request
    const head = requestHead(exchange.request)
    if (isStreamBody(body)) {
      socket.write(head, 'latin1')
      await this.#writeStream(body, exchange)
      return
    }
    socket.cork()
    socket.write(head, 'latin1')
    if (body && body.length > 0) socket.write(body)
    socket.uncork()
  }

  /** Stops once an answer came: it says what was wrong with the request, and the rest would be thrown away. */
  async #writeStream({ chunks, size = 0 }: StreamBody, exchange: Exchange): Promise<void> {
    const socket = this.#socket!
    let sent = 0
    for await (const chunk of chunks) {
      if (this.#isMoot(exchange)) return
      sent += chunk.length
      if (sent > size) throw wrongLength(size, 'more')
      if (!socket.write(chunk)) await this.#drained()
      if (sent < size && this.#isMoot(exchange)) return
    }
    if (sent < size && !this.#isMoot(exchange)) throw wrongLength(size, 'fewer')
  }

  #isMoot(exchange: Exchange): boolean {
    exchange.stopped ||= exchange.answered || this.#isClosed
    return exchange.stopped
  }

  /** Resolves as well when an answer comes or the connection goes. */
  async #drained(): Promise<void> {
    if (this.#isClosed || !this.#socket!.writableNeedDrain) return
    await new Promise<void>((resolve) => (this.#wakeWriter = resolve))
    this.#wakeWriter = undefined
  }

  #receive(bytes: Buffer): boolean {
    const exchange = this.#exchange
    if (!exchange) {
      // Nobody asked: whatever this is, the next answer would be misread.
      this.close()
      return false
    }
    exchange.touched = true
    try {
      exchange.reader.read(bytes)
    } catch (error) {
      this.#fail(exchange, connectionError(error, exchange.request.method, exchange.request.url))
      return false
    }
    if (exchange.answered && !exchange.sent) this.#wakeWriter?.()
    if (exchange.received) this.#settle(exchange)
    return exchange.received || !exchange.queue.isFull
  }

  #receiveEnd(): void {
    // A body without a length ends here.
    if (this.#exchange?.answered && !this.#exchange.received) this.#exchange.reader.finish()
    this.close()
  }

  /** Frees the connection once the request is out and the answer is in; drops it if it cannot be used again. */
  #settle(exchange: Exchange): void {
    if (this.#exchange !== exchange || !exchange.received || !(exchange.sent || exchange.stopped)) return
    this.#exchange = undefined
    exchange.detach()
    if (exchange.stopped || !exchange.reusable || this.#isClosed) {
      this.close()
      return
    }
    this.rest()
    this.#events.freed()
  }

  #fail(exchange: Exchange, error: unknown): void {
    if (this.#exchange === exchange) this.#exchange = undefined
    exchange.detach()
    exchange.head.reject(error)
    exchange.queue.fail(error)
    this.close()
    this.#wakeWriter?.()
  }

  #lose(exchange: Exchange): void {
    const { method, url } = exchange.request
    const reason = this.#closeError ?? Object.assign(new Error('the server closed the connection'), { code: 'EOF' })
    this.#fail(exchange, connectionError(reason, method, url))
  }

  #report(): void {
    this.#isClosed = true
    if (this.#exchange) this.#lose(this.#exchange)
    this.#wakeWriter?.()
    if (this.#isReported) return
    this.#isReported = true
    this.#events.closed()
  }

  async #discard(exchange: Exchange, body: AsyncGenerator<Buffer>): Promise<void> {
    if (exchange.received) return
    if (exchange.reader.expectedBytes > discardLimitBytes) {
      this.close()
      return
    }
    const timer = setTimeout(() => this.close(), discardTimeoutMs)
    try {
      while (!(await body.next()).done);
    } catch {
      // Nobody wanted it.
    } finally {
      clearTimeout(timer)
    }
  }
}

/** `Keep-Alive: timeout=5` is when the server will close the connection; one second earlier we stop using it. */
function idleTime({ headers }: ResponseHead): number {
  const seconds = /timeout=(\d+)/i.exec(headers.get('keep-alive') ?? '')?.[1]
  return seconds === undefined ? defaultIdleMs : Math.min(defaultIdleMs, Number(seconds) * 1000 - 1000)
}

function wrongLength(size: number, problem: 'more' | 'fewer'): TransloadError {
  return new TransloadError('SIZE_MISMATCH', `request body has ${problem} than the ${size} bytes announced`)
}
