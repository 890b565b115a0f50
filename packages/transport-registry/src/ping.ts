import { isIP } from 'node:net'

import { TransloadError } from '@transload/contract'

import { parseChallenges, type Challenge } from './auth/challenge.ts'
import type { FollowedResponse } from './http/redirects.ts'
import { registryError } from './registry-error.ts'

/** What the ping found out: where the registry is, and how it wants to be shown credentials. */
export interface Service {
  readonly base: URL
  readonly challenges: readonly Challenge[]
}

export interface PingOptions {
  /** As in the reference. */
  readonly host: string
  /** Plain http will do as well. */
  readonly allowHttp: boolean
  /** `isGuess`: the server may not speak this protocol, so a connection that breaks says no. */
  readonly get: (url: URL, options: { readonly isGuess: boolean }) => Promise<FollowedResponse>
  readonly signal: AbortSignal
}

/**
 * `GET /v2/` without credentials: https first, then, where that is allowed, plain http (registry-client.md §2).
 * Throws the last error. On this machine's own loopback the order is the other way round, for nobody listens there and
 * loading TLS takes half as long as starting up.
 */
export async function pingRegistry(options: PingOptions): Promise<Service> {
  const { host, allowHttp, signal } = options
  const address = host === 'docker.io' ? 'registry-1.docker.io' : host
  const https = new URL(`https://${address}/v2/`)
  if (!allowHttp) return await ping(https, options, false)
  const http = new URL(`http://${address}/v2/`)
  const [guess, other] = isLoopback(http) ? [http, https] : [https, http]
  let guessError: unknown
  try {
    return await ping(guess, options, true)
  } catch (error) {
    if (signal.aborted) throw error
    guessError = error
  }
  try {
    return await ping(other, options, false)
  } catch (error) {
    throw guess === http && !signal.aborted ? guessError : error
  }
}

async function ping(url: URL, { host, get }: PingOptions, isGuess: boolean): Promise<Service> {
  const prefix = `pinging container registry ${host}`
  let response: FollowedResponse
  try {
    response = await get(url, { isGuess })
  } catch (error) {
    if (!TransloadError.is(error)) throw error
    const { code, message, hint, retryable } = error
    throw new TransloadError(code, `${prefix}: ${message}`, { cause: error, hint, retryable })
  }
  if (response.status !== 200 && response.status !== 401) throw await registryError(response, prefix, 'other')
  await response.discard()
  return { base: new URL(url.origin), challenges: parseChallenges(response.headers.all('www-authenticate')) }
}

/** With a port of its own: without one https and http are two servers. */
function isLoopback({ hostname, port }: URL): boolean {
  return port !== '' && (hostname === 'localhost' || (isIP(hostname) === 4 && hostname.startsWith('127.')))
}
