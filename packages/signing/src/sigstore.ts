export type { Passphrase } from './sigstore/encrypted-key.ts'
export { createFulcioKeys, type FulcioOptions, type KeySupply } from './sigstore/fulcio.ts'
export { parseIdToken, type IdToken } from './sigstore/id-token.ts'
export type { RekorOptions } from './sigstore/rekor.ts'
export type { Fetch, ServiceOptions } from './sigstore/service.ts'
export { createSigstoreSigner, type SignatureForm, type SigstoreSignerOptions } from './sigstore/signer.ts'
export {
  generateKeyPairFiles,
  readSigningKey,
  type CertificateChain,
  type KeyPairFiles,
  type SigningKey,
} from './sigstore/signing-key.ts'
export { createSigstoreVerifier } from './sigstore/create-verifier.ts'
