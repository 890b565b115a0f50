export { createGpgSigner, type GpgSignerOptions } from './openpgp/gpg-signer.ts'
export { createKeyFileSigner, type KeyFileSignerOptions } from './openpgp/key-file-signer.ts'
export { createOpenPgpVerifier } from './openpgp/create-verifier.ts'
