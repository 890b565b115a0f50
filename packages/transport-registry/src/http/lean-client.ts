import { connectionError, isBrokenConnection } from './connection-error.ts'
import { Connector } from './connector.ts'
import { isStreamBody, type HttpClient, type HttpRequest, type HttpResponse, type TlsSettings } from './http-client.ts'
import { LeanConnection } from './lean-connection.ts'

const maxConnectionsPerOrigin = 64

/**
 * The client for what a copy mostly does: direct connections, request bodies of known length. It loads nothing but
 * `node:net` (and `node:tls` for https), and moves bytes in chunks of 256 KiB and more.
 */
export function createLeanClient(tls: TlsSettings): HttpClient {
  return new LeanClient(tls)
}

class LeanClient implements HttpClient {
  readonly #connector: Connector
  readonly #origins = new Map<string, ConnectionPool>()

  constructor(tls: TlsSettings) {
    this.#connector = new Connector(tls)
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    const { method, url, body, signal } = request
    const pool = this.#poolFor(url)
    for (let isSecondTry = false; ; isSecondTry = true) {
      signal?.throwIfAborted()
      let connection: LeanConnection
      try {
        connection = await pool.acquire({ signal, fresh: isSecondTry })
      } catch (error) {
        signal?.throwIfAborted()
        throw connectionError(error, method, url)
      }
      const hadRested = connection.hasRested
      const result = await connection.send(request)
      if ('response' in result) return result.response
      // A kept connection that the server closed just as we used it says nothing about the request.
      const isRace = hadRested && result.isUnanswered && isBrokenConnection(result.error)
      if (!isRace || isSecondTry || isStreamBody(body)) throw result.error
    }
  }

  connect(url: URL, count: number): void {
    this.#poolFor(url).grow(count)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pool of this.#origins.values()) pool.close()
    this.#origins.clear()
  }

  #poolFor(url: URL): ConnectionPool {
    let pool = this.#origins.get(url.origin)
    if (!pool) {
      pool = new ConnectionPool(this.#connector, url)
      this.#origins.set(url.origin, pool)
    }
    return pool
  }
}

interface AcquireOptions {
  readonly signal: AbortSignal | undefined
  /** Only a connection that was not used before. */
  readonly fresh: boolean
}

/** The connections to one origin: the one used last is used next, so that surplus ones go stale. */
class ConnectionPool {
  readonly #connector: Connector
  readonly #url: URL
  readonly #open = new Set<LeanConnection>()
  readonly #idle: LeanConnection[] = []
  readonly #closing = new AbortController()
  /** Called when a connection was freed or went. */
  #waiting: (() => void)[] = []
  #opening = 0
  /** Those being opened ahead: they will be idle. */
  #coming = 0

  constructor(connector: Connector, url: URL) {
    this.#connector = connector
    this.#url = url
  }

  async acquire({ signal, fresh }: AcquireOptions): Promise<LeanConnection> {
    for (;;) {
      signal?.throwIfAborted()
      this.#closing.signal.throwIfAborted()
      for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
        if (idle.isAlive && !fresh) return idle
        idle.close()
      }
      if (!fresh && this.#waiting.length < this.#coming) await this.#change(signal)
      else if (this.#open.size + this.#opening < maxConnectionsPerOrigin) return await this.#connect(signal)
      else await this.#change(signal)
    }
  }

  /** Opens connections until there are `count`, in the background. */
  grow(count: number): void {
    for (let missing = count - this.#open.size - this.#opening; missing > 0; missing--) void this.#connectAhead()
  }

  async #connectAhead(): Promise<void> {
    this.#coming++
    try {
      const connection = await this.#connect(undefined)
      connection.rest()
      this.#idle.push(connection)
    } catch {
      // Whoever waited for it opens one, and gets to see what is wrong.
    } finally {
      this.#coming--
      this.#waiting.shift()?.()
    }
  }

  close(): void {
    this.#closing.abort(new Error('the client was closed'))
    for (const connection of this.#open) connection.close()
    this.#wakeAll()
  }

  async #connect(signal: AbortSignal | undefined): Promise<LeanConnection> {
    const connection = new LeanConnection({
      freed: () => {
        this.#idle.push(connection)
        this.#waiting.shift()?.()
      },
      closed: () => {
        this.#open.delete(connection)
        const at = this.#idle.indexOf(connection)
        if (at >= 0) this.#idle.splice(at, 1)
        this.#waiting.shift()?.()
      },
    })
    const closing = this.#closing.signal
    this.#opening++
    try {
      await connection.open(this.#connector, this.#url, signal ? AbortSignal.any([signal, closing]) : closing)
      this.#open.add(connection)
      return connection
    } catch (error) {
      this.#waiting.shift()?.()
      throw error
    } finally {
      this.#opening--
    }
  }

  async #change(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const onAbort = (): void => {
      this.#waiting = this.#waiting.filter((waiter) => waiter !== resolve)
      resolve()
    }
    this.#waiting.push(resolve)
    signal?.addEventListener('abort', onAbort, { once: true })
    await promise
    signal?.removeEventListener('abort', onAbort)
  }

  #wakeAll(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting = []
  }
}
