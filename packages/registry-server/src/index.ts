export { htpasswdLine } from './auth/htpasswd.ts'
export { createRegistryHandler, type RegistryHandler } from './handler.ts'
export type { RegistryAuth, RegistryOptions, RegistryServerOptions } from './options.ts'
export { startRegistryServer, type RegistryServer } from './server.ts'
