export {
  authFileLocations,
  checkAuthFile,
  readAuthFile,
  runtimeAuthFile,
  type AuthEntry,
  type AuthFile,
  type AuthFileLocation,
} from './auth-file.ts'
export * from './credential-helper.ts'
export * from './credential-key.ts'
export * from './edit-credentials.ts'
export { findCredentials, type FindCredentialsOptions, type FoundCredentials } from './find-credentials.ts'
export * from './host-certificates.ts'
export { processLocations, type Locations } from './locations.ts'
export * from './policy.ts'
export * from './proxy-settings.ts'
export * from './root-certificates.ts'
export { readTlsDetails, type TlsDetails } from './tls-details.ts'
export * from './trust-policy.ts'
