/** Of a sigstore signature, as a layer of a registry's `.sig` attachment (trust.md §3). Base64. */
export const signatureAnnotation = 'dev.cosignproject.cosign/signature'
/** PEM: one certificate. */
export const certificateAnnotation = 'dev.sigstore.cosign/certificate'
/** PEM: the issuing CA first, the root last. */
export const chainAnnotation = 'dev.sigstore.cosign/chain'
/** JSON: the log's promise (§3.3). */
export const logEntryAnnotation = 'dev.sigstore.cosign/bundle'
