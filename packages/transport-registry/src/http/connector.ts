import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net'
import type { ConnectionOptions, SecureContext } from 'node:tls'

import { systemErrorCode } from '@transload/contract'

import type { TlsSettings } from './http-client.ts'
import { createContext } from './tls-context.ts'

const connectTimeoutMs = 30_000
const handshakeTimeoutMs = 10_000

/** Opens sockets to servers; TLS is loaded with the first https URL, its roots once, and its sessions resumed. */
export class Connector {
  readonly #tls: TlsSettings
  /** The last session of each origin: a second connection to it needs no full handshake. */
  readonly #sessions = new Map<string, Buffer>()
  #context: Promise<SecureContext | undefined> | undefined

  constructor(tls: TlsSettings) {
    this.#tls = tls
  }

  /**
   * A connected socket, for https with the handshake done and the certificate checked, read through `onread`.
   * Throws Node's error, or `signal.reason`.
   */
  async connect(url: URL, onread: OnReadOpts, signal: AbortSignal | undefined): Promise<Socket> {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const secure = url.protocol === 'https:'
    const options = {
      host,
      port: Number(url.port) || (secure ? 443 : 80),
      onread,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      noDelay: true,
      autoSelectFamilyAttemptTimeout: 1000,
    }
    if (!secure) return await established(connectTcp(options), 'connect', signal)
    this.#context ??= createContext(this.#tls)
    const [tls, secureContext] = await Promise.all([import('node:tls'), this.#context])
    signal?.throwIfAborted()
    const session = this.#sessions.get(url.origin)
    const socket = tls.connect({
      ...options,
      rejectUnauthorized: this.#tls.verify,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(secureContext ? { secureContext } : {}),
      ...(session ? { session } : {}),
    } as ConnectionOptions)
    socket.on('session', (latest: Buffer) => this.#sessions.set(url.origin, latest))
    return await established(socket, 'secureConnect', signal)
  }
}

async function established(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal | undefined,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = (): void => reject(signal?.reason as Error)
  const onClose = (): void => reject(failure('CONNECT_RESET', 'the connection was closed'))
  let timer = setTimeout(() => reject(failure('ETIMEDOUT', 'no connection in time')), connectTimeoutMs)
  const onTcp = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      reject(failure('ERR_TLS_HANDSHAKE_TIMEOUT', 'no TLS handshake in time'))
    }, handshakeTimeoutMs)
  }
  socket.on('error', reject)
  socket.once('close', onClose)
  if (event === 'secureConnect') socket.once('connect', onTcp)
  socket.once(event, resolve)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    if (signal?.aborted) onAbort()
    await promise
    return socket
  } catch (error) {
    // What the socket says from now on, nobody waits for; without a listener it would end the process.
    socket.on('error', () => undefined)
    socket.destroy()
    // Not to be confused with a connection that broke while it was used.
    throw systemErrorCode(error) === 'ECONNRESET' ? failure('CONNECT_RESET', 'the connection was closed') : error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    socket.off('close', onClose)
    socket.off('connect', onTcp)
    socket.off('error', reject)
  }
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
