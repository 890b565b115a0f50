import { displayText, displayUrl, TransloadError, type OperationOptions } from '@transload/contract'
import * as oauth from 'oauth4webapi'

import { parseIdToken, type IdToken } from '../sigstore/id-token.ts'
import { prefixed } from '../sigstore/prefixed.ts'
import { boundedFetch, type ServiceOptions } from '../sigstore/service.ts'

/** As whom an OpenID Connect issuer is asked for a token. */
export interface OidcOptions extends ServiceOptions {
  readonly issuerUrl: string
  readonly clientId: string
  /** Absent or empty: the client has none, as is usual for programs. */
  readonly clientSecret?: string | undefined
  /** Shows a line to the person who is to log in. */
  readonly say: (line: string) => void | Promise<void>
}

/** What every request to the issuer takes. */
export interface OidcClient {
  readonly issuer: oauth.AuthorizationServer
  readonly client: oauth.Client
  readonly authentication: oauth.ClientAuth
  readonly http: {
    readonly [oauth.customFetch]: (url: string, init: object) => Promise<Response>
    readonly [oauth.allowInsecureRequests]: boolean
  }
}

/**
 * Asks the issuer what it offers, then `login` for its answer to a request for a token, which it has to check. Throws
 * `Error authenticating with OIDC: …`: UNAUTHENTICATED, NETWORK, PROTOCOL or CONFIG_INVALID.
 */
export async function requestIdToken(
  options: OidcOptions & OperationOptions,
  login: (client: OidcClient) => Promise<TokenAnswer>,
): Promise<IdToken> {
  try {
    const client = await discover(options)
    const { response, tokens } = await login(client)
    const { id_token: raw } = tokens
    if (raw === undefined) throw new TransloadError('PROTOCOL', 'id_token not present')
    await oauth.validateApplicationLevelSignature(client.issuer, response, client.http)
    return parseIdToken(raw)
  } catch (error) {
    options.signal?.throwIfAborted()
    throw prefixed('Error authenticating with OIDC', inOurWords(error))
  }
}

export interface TokenAnswer {
  readonly response: Response
  /** What was found in it. */
  readonly tokens: oauth.TokenEndpointResponse
}

async function discover(options: OidcOptions & OperationOptions): Promise<OidcClient> {
  const url = URL.parse(options.issuerUrl)
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new TransloadError('CONFIG_INVALID', `${displayText(options.issuerUrl)} is not the URL of an issuer`)
  }
  const bounded = boundedFetch(options)
  const http: OidcClient['http'] = {
    [oauth.customFetch]: (address, init) => bounded(address, init),
    // Who names an issuer on http: means it.
    [oauth.allowInsecureRequests]: url.protocol === 'http:',
  }
  const response = await oauth.discoveryRequest(url, http)
  if (response.status !== 200) {
    throw new TransloadError('PROTOCOL', `${displayUrl(response.url || url)}: status ${response.status}`)
  }
  const issuer = await oauth.processDiscoveryResponse(url, response)
  const { clientId, clientSecret } = options
  return { issuer, client: { client_id: clientId }, authentication: authenticationOf(clientSecret, issuer), http }
}

function authenticationOf(secret: string | undefined, issuer: oauth.AuthorizationServer): oauth.ClientAuth {
  if (!secret) return oauth.None()
  const methods = issuer.token_endpoint_auth_methods_supported
  const inHeader = methods === undefined || methods.includes('client_secret_basic')
  return inHeader ? oauth.ClientSecretBasic(secret) : oauth.ClientSecretPost(secret)
}

/** The library's errors keep what the issuer said beside their message. */
function inOurWords(error: unknown): unknown {
  if (!(error instanceof oauth.ResponseBodyError || error instanceof oauth.AuthorizationResponseError)) return error
  const { error: problem, error_description: description } = error
  const text = description === undefined ? problem : `${problem}: ${description}`
  return new TransloadError('UNAUTHENTICATED', displayText(text, 500), { cause: error })
}
