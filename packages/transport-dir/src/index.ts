export type { DirReference } from './reference.ts'
export { default } from './transport.ts'
