export {
  authFileLocations,
  checkAuthFile,
  readAuthFile,
  runtimeAuthFile,
  type AuthEntry,
  type AuthFile,
  type AuthFileLocation,
} from './auth-file.ts'
export * from './auth-target.ts'
export * from './blob-info-cache-file.ts'
export * from './credential-helper.ts'
export * from './credential-key.ts'
export * from './edit-credentials.ts'
export {
  checkCredentialFiles,
  findCredentials,
  type CredentialScope,
  type FindCredentialsOptions,
  type FoundCredentials,
} from './find-credentials.ts'
export * from './find-registry.ts'
export { readGpgKeyring } from './gpg-keyring.ts'
export * from './host-certificates.ts'
export { readCpuVariant } from './host-platform.ts'
export { readKeyProviders, type KeyProviderProgram } from './key-providers.ts'
export { readKubernetesServer, type KubernetesServer } from './kubeconfig.ts'
export { processLocations, type Locations } from './locations.ts'
export { parsePolicy, readPolicy } from './policy.ts'
export * from './proxy-settings.ts'
export { readRegistriesConf, type RegistriesConf } from './registries-conf.ts'
export * from './registries-d.ts'
export type { ShortNameMode } from './registries-file.ts'
export type { MirrorEntry, RegistryEntry } from './registry-entry.ts'
export * from './root-certificates.ts'
export * from './short-name.ts'
export {
  readSigstoreParameters,
  type FulcioParameters,
  type OidcParameters,
  type SigstoreKeyFile,
  type SigstoreParameters,
} from './sigstore-parameters.ts'
export type { ShortNameAlias } from './short-name-aliases.ts'
export { readTlsDetails, type TlsDetails } from './tls-details.ts'
