import { displayText, displayUrl, TransloadError, type OperationOptions } from '@transload/contract'
import * as oauth from 'oauth4webapi'

import { wait, type Delay } from '../sigstore/delay.ts'
import type { IdToken } from '../sigstore/id-token.ts'
import { requestIdToken, type OidcClient, type OidcOptions, type TokenAnswer } from './oidc-client.ts'

export interface DeviceGrantOptions extends OidcOptions {
  /** Between questions. */
  readonly delay?: Delay | undefined
}

/** Until the issuer says otherwise (RFC 8628 §3.5). */
const defaultIntervalSeconds = 5
const slowDownSeconds = 5

/** An ID token for somebody who logs in elsewhere, with a code that is shown (RFC 8628). Throws like `requestIdToken`. */
export async function requestIdTokenByDevice(options: DeviceGrantOptions & OperationOptions): Promise<IdToken> {
  return await requestIdToken(options, async (client) => await grantByDevice(client, options))
}

async function grantByDevice(
  { issuer, client, authentication, http }: OidcClient,
  { say, delay = wait, signal }: DeviceGrantOptions & OperationOptions,
): Promise<TokenAnswer> {
  const verifier = oauth.generateRandomCodeVerifier()
  const parameters = {
    scope: 'openid email',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  const offered = await oauth.processDeviceAuthorizationResponse(
    issuer,
    client,
    await oauth.deviceAuthorizationRequest(issuer, client, authentication, parameters, http),
  )
  const address = offered.verification_uri_complete ?? offered.verification_uri
  await say(`Enter the verification code ${displayText(offered.user_code)} in your browser at: ${displayText(address)}`)
  await say(`Code will be valid for ${offered.expires_in} seconds`)
  let intervalSeconds = offered.interval ?? defaultIntervalSeconds
  for (let waitedSeconds = 0; ;) {
    const response = await oauth.deviceCodeGrantRequest(issuer, client, authentication, offered.device_code, {
      ...http,
      additionalParameters: { code_verifier: verifier },
    })
    try {
      const tokens = await oauth.processDeviceCodeResponse(issuer, client, response)
      await say('Token received!')
      return { response, tokens }
    } catch (error) {
      const problem = error instanceof oauth.ResponseBodyError ? error.error : undefined
      if (problem === 'slow_down') intervalSeconds += slowDownSeconds
      else if (problem !== 'authorization_pending') throw error
    }
    waitedSeconds += intervalSeconds
    if (waitedSeconds > offered.expires_in) {
      throw new TransloadError('UNAUTHENTICATED', `nobody logged in at ${displayUrl(address)} in time`)
    }
    await delay(intervalSeconds * 1000, { signal })
  }
}
