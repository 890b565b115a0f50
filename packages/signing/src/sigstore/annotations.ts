/** What a sigstore signature is in a registry's `.sig` attachment: a layer of this type with these annotations (trust.md §3). */
export const signatureMediaType = 'application/vnd.dev.cosign.simplesigning.v1+json'

export const signatureAnnotation = 'dev.cosignproject.cosign/signature'
/** PEM: one certificate. */
export const certificateAnnotation = 'dev.sigstore.cosign/certificate'
/** PEM: the issuing CA first, the root last. */
export const chainAnnotation = 'dev.sigstore.cosign/chain'
/** JSON: the log's promise (§3.3). */
export const logEntryAnnotation = 'dev.sigstore.cosign/bundle'
