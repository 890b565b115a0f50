export {
  createCertificateAuthority,
  extension,
  type AuthorityOptions,
  type CertificateAuthority,
  type LeafOptions,
} from './certificate-authority.ts'
export { startFakeSigstore, type FakeSigstore } from './fake-sigstore.ts'
export type { User } from './identity-token.ts'
export { createTransparencyLog, type LogEntry, type TransparencyLog } from './transparency-log.ts'
