import {
  collect,
  displayUrl,
  HttpError,
  parseJsonObject,
  TransloadError,
  type OperationOptions,
} from '@transload/contract'

import type { HttpRequest } from '../http/http-client.ts'
import type { FollowedResponse } from '../http/redirects.ts'
import type { Credentials } from '../options.ts'
import { registryError, unexpectedStatus } from '../registry-error.ts'
import type { Challenge } from './challenge.ts'

export interface BearerToken {
  readonly token: string
  /** On the clock of `Date.now()`; some time before the server's idea of it. */
  readonly expiresAt: number
}

export interface TokenRequest extends OperationOptions {
  readonly challenge: Challenge
  readonly scopes: readonly string[]
  readonly credentials: Credentials | undefined
  /** The registry is spoken to over https: then a token server must be as well, if it is to see credentials. */
  readonly requireHttps: boolean
  readonly send: SendTokenRequest
}

/** Sends with retries; follows redirects only of a GET, whose credentials are in a header that is dropped. */
export type SendTokenRequest = (request: HttpRequest) => Promise<FollowedResponse>

const maxTokenBytes = 1024 * 1024
const minLifetimeSeconds = 60
/** A token is not used in its last seconds: the request it goes with takes time. */
const marginMs = 10_000
/** skopeo's: servers that know their clients by it accept that one. */
const clientId = 'containers/image'

/**
 * Asks the token server of a Bearer challenge (registry-client.md §5): GET with Basic credentials or none, POST with an
 * identity token. Throws UNAUTHENTICATED for wrong credentials, PROTOCOL for an answer without a token.
 */
export async function requestBearerToken(request: TokenRequest): Promise<BearerToken> {
  const { challenge, credentials, send, signal } = request
  const realm = URL.parse(challenge.parameters['realm'] ?? '')
  if (!realm || !/^https?:$/.test(realm.protocol)) {
    throw new TransloadError('PROTOCOL', 'missing realm in bearer auth challenge')
  }
  if (credentials && request.requireHttps && realm.protocol === 'http:') {
    throw new TransloadError('TLS', `token server ${displayUrl(realm)} is not https: credentials were not sent to it`)
  }
  const isIdentity = credentials !== undefined && 'identityToken' in credentials
  const response = await send(
    isIdentity ? identityRequest(realm, request, credentials.identityToken) : basicRequest(realm, request, signal),
  )
  if (response.status !== 200) {
    throw await tokenError(response, isIdentity ? 'Trying to obtain access token' : 'Requesting bearer token')
  }
  return parseToken(await collect(response.body, maxTokenBytes, 'bearer token'), response.url)
}

function basicRequest(realm: URL, { challenge, scopes, credentials }: TokenRequest, signal?: AbortSignal): HttpRequest {
  const url = new URL(realm)
  if (credentials?.username) url.searchParams.append('account', credentials.username)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  const service = challenge.parameters['service']
  if (service) url.searchParams.append('service', service)
  url.searchParams.sort()
  const { username, password } = credentials && 'password' in credentials ? credentials : { username: '', password: '' }
  const headers = username !== '' && password !== '' ? { Authorization: basicAuthorization(username, password) } : {}
  return { method: 'GET', url, headers, signal }
}

function identityRequest(realm: URL, { challenge, scopes, signal }: TokenRequest, identityToken: string): HttpRequest {
  const form = new URLSearchParams()
  const service = challenge.parameters['service']
  if (service) form.append('service', service)
  for (const scope of scopes) form.append('scope', scope)
  form.append('grant_type', 'refresh_token')
  form.append('refresh_token', identityToken)
  form.append('client_id', clientId)
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  return { method: 'POST', url: realm, headers, body: Buffer.from(form.toString()), signal }
}

/** The value of an `Authorization` header (RFC 7617), UTF-8. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

async function tokenError(response: FollowedResponse, prefix: string): Promise<HttpError> {
  const { status } = response
  if (status === 401) {
    return await registryError(response, 'unable to retrieve auth token: invalid username/password', 'other')
  }
  await response.discard()
  if (status === 429) {
    return new HttpError('RATE_LIMITED', 'too many requests to registry', { status, retryable: true })
  }
  return await unexpectedStatus(status, prefix)
}

function parseToken(bytes: Uint8Array, url: URL): BearerToken {
  const subject = `decoding bearer token (last URL ${JSON.stringify(displayUrl(url))})`
  const json = parseJsonObject(bytes, subject, 'PROTOCOL')
  const token = [json['token'], json['access_token']].find((value) => typeof value === 'string' && value !== '')
  // It becomes part of a header: nothing but what a token can be made of.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw new TransloadError('PROTOCOL', `${subject}: the answer holds no token`)
  }
  const lifetime = typeof json['expires_in'] === 'number' ? json['expires_in'] : 0
  return { token, expiresAt: Date.now() + Math.max(minLifetimeSeconds, lifetime) * 1000 - marginMs }
}
