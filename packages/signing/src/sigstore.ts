export type { Passphrase } from './sigstore/encrypted-key.ts'
export {
  generateKeyPairFiles,
  readSigningKey,
  type CertificateChain,
  type KeyPairFiles,
  type SigningKey,
} from './sigstore/signing-key.ts'
export { createSigstoreVerifier } from './sigstore/create-verifier.ts'
