import { errorMessage, TransloadError, type OperationOptions } from '@transload/contract'
import * as oauth from 'oauth4webapi'

import type { IdToken } from '../sigstore/id-token.ts'
import { requestIdToken, type OidcClient, type OidcOptions, type TokenAnswer } from './oidc-client.ts'
import { startRedirectListener } from './redirect-listener.ts'

export interface BrowserLoginOptions extends OidcOptions {
  /** Shows the page to whoever is to log in. Rejects, at whatever time, where there is no browser. */
  readonly openBrowser: (url: string) => Promise<void>
  /** Asks that person for a line, where the browser cannot answer by itself. */
  readonly ask: (question: string) => Promise<string>
}

/** The issuer shows the code, to be typed in here. */
const outOfBand = 'urn:ietf:wg:oauth:2.0:oob'
const loginTimeoutMs = 120_000

/**
 * An ID token for whoever logs in with a browser (authorization code with PKCE), which comes back to a server on
 * loopback; without a browser, or after two minutes, a code is asked for. Throws like `requestIdToken`.
 */
export async function requestIdTokenByBrowser(options: BrowserLoginOptions & OperationOptions): Promise<IdToken> {
  return await requestIdToken(options, async (client) => await grantByCode(client, options))
}

/** What the issuer has to be told, and has to repeat. */
interface Login {
  readonly verifier: string
  readonly state: string
  readonly nonce: string
}

async function grantByCode(
  { issuer, client, authentication, http }: OidcClient,
  options: BrowserLoginOptions & OperationOptions,
): Promise<TokenAnswer> {
  const login: Login = {
    verifier: oauth.generateRandomCodeVerifier(),
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
  }
  const pageFor = async (redirectUri: string): Promise<string> =>
    await loginPage({ issuer, client }, login, redirectUri)
  const { redirectUri, query } =
    (await viaBrowser(pageFor, login, options)) ?? (await viaPerson(pageFor, login, options))
  const parameters = oauth.validateAuthResponse(issuer, client, query, login.state)
  const response = await oauth.authorizationCodeGrantRequest(
    issuer,
    client,
    authentication,
    parameters,
    redirectUri,
    login.verifier,
    http,
  )
  const expected = { expectedNonce: login.nonce, requireIdToken: true }
  return { response, tokens: await oauth.processAuthorizationCodeResponse(issuer, client, response, expected) }
}

async function loginPage(
  { issuer, client }: Pick<OidcClient, 'issuer' | 'client'>,
  { verifier, state, nonce }: Login,
  redirectUri: string,
): Promise<string> {
  const { authorization_endpoint: endpoint } = issuer
  if (endpoint === undefined) throw new TransloadError('PROTOCOL', `${issuer.issuer} has no page to log in`)
  const page = new URL(endpoint)
  const parameters = {
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: redirectUri,
    scope: 'openid email',
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries(parameters)) page.searchParams.set(name, value)
  return page.href
}

interface CodeAnswer {
  readonly redirectUri: string
  readonly query: URLSearchParams
}

/** Undefined, once said why: it did not come back. */
async function viaBrowser(
  pageFor: (redirectUri: string) => Promise<string>,
  { state }: Login,
  { openBrowser, say, signal }: BrowserLoginOptions & OperationOptions,
): Promise<CodeAnswer | undefined> {
  await using listener = await startRedirectListener(state)
  const page = await pageFor(listener.redirectUri)
  await say(`Your browser will now be opened to:\n${page}`)
  const timeout = AbortSignal.timeout(loginTimeoutMs)
  const answer = listener.answer({ signal: signal ? AbortSignal.any([signal, timeout]) : timeout })
  try {
    const query = await Promise.race([answer, failureOf(openBrowser(page))])
    return { redirectUri: listener.redirectUri, query }
  } catch (error) {
    answer.catch(() => undefined)
    signal?.throwIfAborted()
    await say(error === timeout.reason ? 'nobody logged in so far' : `error opening browser: ${errorMessage(error)}`)
    return undefined
  }
}

/** Never resolves. */
async function failureOf(work: Promise<void>): Promise<never> {
  await work
  return await new Promise(() => undefined)
}

async function viaPerson(
  pageFor: (redirectUri: string) => Promise<string>,
  { state }: Login,
  { say, ask }: BrowserLoginOptions,
): Promise<CodeAnswer> {
  await say(`Go to the following link in a browser:\n\n\t ${await pageFor(outOfBand)}`)
  const code = (await ask('Enter verification code: ')).trim()
  return { redirectUri: outOfBand, query: new URLSearchParams({ code, state }) }
}
