export type { TarballOptions } from './options.ts'
export type { TarballReference } from './reference.ts'
export { default } from './transport.ts'
