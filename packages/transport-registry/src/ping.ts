import { isIP } from 'node:net'

import { TransloadError } from '@transload/contract'

import { parseChallenges, type Challenge } from './auth/challenge.ts'
import type { FollowedResponse } from './http/redirects.ts'
import { registryError } from './registry-error.ts'

/** What the ping found out: where the registry is, and how it wants to be shown credentials. */
export interface Service {
  readonly base: URL
  readonly challenges: readonly Challenge[]
  /** It keeps signatures (`X-Registry-Supports-Signatures`). */
  readonly keepsSignatures: boolean
}

export interface PingOptions {
  /** `host[:port]` that serves it. */
  readonly address: string
  /** Plain http will do as well. */
  readonly allowHttp: boolean
  readonly get: (url: URL, options: PingAttempt) => Promise<FollowedResponse>
  readonly signal: AbortSignal
}

export interface PingAttempt {
  /** The server may not speak this protocol, so a connection that breaks says no. */
  readonly isGuess: boolean
  readonly signal: AbortSignal
}

/**
 * `GET /v2/` without credentials. Where plain http is allowed it is asked at the same time, and its answer counts if
 * https fails (registry-client.md §2): it costs no round trip then. On this machine's loopback, where nobody listens
 * in, http comes first: loading TLS takes half as long as starting up. Throws the error of http, if that was tried.
 */
export async function pingRegistry(options: PingOptions): Promise<Service> {
  const { address, allowHttp, signal } = options
  const https = new URL(`https://${address}/v2/`)
  if (!allowHttp) return await ping(https, options, { isGuess: false, signal })
  const http = new URL(`http://${address}/v2/`)
  if (isLoopback(http)) {
    const attempt = { isGuess: true, signal }
    return await firstGood(ping(http, options, attempt), () => ping(https, options, attempt))
  }
  const needless = new AbortController()
  const plain = ping(http, options, { isGuess: false, signal: AbortSignal.any([signal, needless.signal]) })
  plain.catch(() => undefined)
  try {
    return await ping(https, options, { isGuess: true, signal })
  } catch {
    signal.throwIfAborted()
    return await plain
  } finally {
    needless.abort()
  }
}

/** If neither is good, the error of the first. */
async function firstGood(first: Promise<Service>, second: () => Promise<Service>): Promise<Service> {
  try {
    return await first
  } catch (error) {
    return await second().catch(() => {
      throw error
    })
  }
}

async function ping(url: URL, { address, get }: PingOptions, attempt: PingAttempt): Promise<Service> {
  const prefix = `pinging container registry ${address}`
  let response: FollowedResponse
  try {
    response = await get(url, attempt)
  } catch (error) {
    if (!TransloadError.is(error)) throw error
    const { code, message, hint } = error
    // Not retryable: a server that was never reached is not there for any blob.
    throw new TransloadError(code, `${prefix}: ${message}`, { cause: error, hint })
  }
  if (response.status !== 200 && response.status !== 401) throw await registryError(response, prefix, 'other')
  await response.discard()
  const { headers } = response
  return {
    base: new URL(url.origin),
    challenges: parseChallenges(headers.all('www-authenticate')),
    keepsSignatures: headers.get('x-registry-supports-signatures') === '1',
  }
}

/** With a port of its own: without one https and http are two servers. */
function isLoopback({ hostname, port }: URL): boolean {
  return port !== '' && (hostname === 'localhost' || (isIP(hostname) === 4 && hostname.startsWith('127.')))
}
