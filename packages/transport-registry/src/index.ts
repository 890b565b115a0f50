export { checkCredentials, type CheckCredentialsOptions } from './check-credentials.ts'
export { createForeignLayers, type ForeignLayers } from './foreign-layers.ts'
export type { ProxySettings } from './http/proxy-choice.ts'
export type {
  Credentials,
  CredentialScope,
  EndpointUse,
  HostCertificates,
  RegistryEndpoint,
  RegistryTransportOptions,
  RetryOptions,
  RootCertificates,
  SignatureStorage,
  TlsDetails,
} from './options.ts'
export type { RegistryReference } from './reference.ts'
export { registryTransport, registryTransport as default } from './registry-transport.ts'
export { createServiceFetch, type ServiceFetch } from './service-fetch.ts'
