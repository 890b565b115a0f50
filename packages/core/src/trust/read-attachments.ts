import {
  collect,
  maxManifestBytes,
  mediaTypes,
  parseManifest,
  TransloadError,
  type Digest,
  type ImageSource,
  type OperationOptions,
  type StoredSignature,
} from '@transload/contract'

import { signatureTag } from '../attached-tags.ts'
import { readTaggedManifest } from '../read-manifest.ts'
import { createVerification } from '../verification.ts'

const mostSignatures = 128

/**
 * The sigstore signatures under the tag that cosign attaches them by (trust.md §4.4), of a place that has tags but reads
 * no signatures itself, such as an OCI layout. Throws SIZE_LIMIT for more than anybody needs.
 */
export async function readAttachments(
  source: ImageSource,
  subject: Digest,
  options: OperationOptions,
): Promise<readonly StoredSignature[]> {
  if (source.signatures) return []
  const raw = await readTaggedManifest(source, signatureTag(subject), options)
  const manifest = raw && parseManifest(raw)
  if (manifest?.kind !== 'image') return []
  const layers = manifest.layers.filter(({ mediaType }) => mediaType === mediaTypes.cosignSignature)
  if (layers.length > mostSignatures) {
    throw new TransloadError('SIZE_LIMIT', `more than ${mostSignatures} signatures are attached to ${subject}`)
  }
  const signatures: StoredSignature[] = []
  for (const layer of layers) {
    const { mediaType, annotations = {} } = layer
    const body = createVerification(layer).stage(source.readBlob(layer, options))
    const payload = await collect(body, maxManifestBytes, `signature ${layer.digest}`)
    signatures.push({ kind: 'sigstore', mediaType, payload, annotations })
  }
  return signatures
}
