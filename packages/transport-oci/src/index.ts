export type { OciTransportOptions } from './options.ts'
export type { OciReference } from './reference.ts'
export { default } from './transport.ts'
