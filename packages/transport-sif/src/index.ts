export type { SifReference } from './reference.ts'
export { default } from './transport.ts'
