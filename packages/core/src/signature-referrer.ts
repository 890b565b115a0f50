import { referrerDescriptor, type RawManifest } from '@transload/contract'

/** Whether a referrer is a signature, of cosign or of Notation, rather than an attestation, an SBOM or anything else. */
export function isSignatureReferrer(raw: RawManifest): boolean {
  const { artifactType = '', annotations = {} } = referrerDescriptor(raw)
  if (artifactType === 'application/vnd.cncf.notary.signature') return true
  if (!artifactType.startsWith('application/vnd.dev.sigstore.bundle')) return false
  const predicate = annotations['dev.sigstore.bundle.predicateType']
  return (
    predicate === 'https://sigstore.dev/cosign/sign/v1' ||
    annotations['dev.sigstore.bundle.content'] === 'message-signature'
  )
}
