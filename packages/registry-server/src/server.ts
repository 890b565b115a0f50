import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

import { TransloadError } from '@transload/contract'

import { createRegistryHandler } from './handler.ts'
import type { RegistryServerOptions } from './options.ts'

/** A registry that listens. */
export interface RegistryServer extends AsyncDisposable {
  /** `http://127.0.0.1:40123`, without a slash at the end. */
  readonly url: string
  /** `127.0.0.1:40123`, as image names begin. */
  readonly host: string
  readonly address: AddressInfo
  /** Ends at once, with whatever was going on; idempotent. What was answered with success is on disk. */
  close(): Promise<void>
}

/** Resolves when connections are accepted. Throws CONFIG_INVALID, or IO when the address cannot be listened on. */
export async function startRegistryServer(options: RegistryServerOptions): Promise<RegistryServer> {
  const handler = createRegistryHandler(options)
  const server = createListener(options)
  server.on('request', handler)
  // Whole requests may take hours, so it is silence that ends a connection, and slow headers.
  server.requestTimeout = 0
  server.headersTimeout = 30_000
  server.keepAliveTimeout = 60_000
  server.timeout = options.idleTimeoutMs ?? 60_000
  const { host = '127.0.0.1', port = 0 } = options
  try {
    await listen(server, host, port)
  } catch (cause) {
    await handler[Symbol.asyncDispose]()
    throw new TransloadError('IO', `listen ${host}:${port}: ${(cause as Error).message}`, { cause })
  }
  const address = server.address() as AddressInfo
  const hostAndPort = `${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
  let closing: Promise<void> | undefined
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
      await handler[Symbol.asyncDispose]()
    })())
  return {
    url: `${options.tls ? 'https' : 'http'}://${hostAndPort}`,
    host: hostAndPort,
    address,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function createListener({ tls }: RegistryServerOptions): Server {
  if (!tls) return createServer()
  try {
    return createTlsServer({ cert: tls.cert, key: tls.key })
  } catch (cause) {
    throw new TransloadError(
      'CONFIG_INVALID',
      `the TLS certificate or key cannot be used: ${(cause as Error).message}`,
      {
        cause,
      },
    )
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
