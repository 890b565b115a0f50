export { requestIdTokenByBrowser, type BrowserLoginOptions } from './oidc/browser-login.ts'
export { requestIdTokenByDevice, type DeviceGrantOptions } from './oidc/device-grant.ts'
export type { OidcOptions } from './oidc/oidc-client.ts'
export type { IdToken } from './sigstore/id-token.ts'
