import {
  mediaTypes,
  readSubject,
  referrerDescriptor,
  type Descriptor,
  type Digest,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'

import { withManifest, type OciIndex } from './oci-index.ts'
import type { ReadableOciLayout } from './oci-layout.ts'

/**
 * The manifests which `index.json` lists and whose subject is `subject`, in its order: a layout has no other place for
 * them. Reads every OCI manifest listed. Throws MANIFEST_INVALID.
 */
export async function* readOciReferrers(
  layout: ReadableOciLayout,
  { manifests }: OciIndex,
  subject: Digest,
  { artifactType, ...options }: OperationOptions & { readonly artifactType?: string | undefined } = {},
): AsyncGenerator<Descriptor> {
  const listed = new Map(manifests.filter(mayHaveSubject).map(({ digest, mediaType }) => [digest, mediaType]))
  for (const [digest, mediaType] of listed) {
    options.signal?.throwIfAborted()
    if (digest === subject || (await layout.blobSize(digest)) === undefined) continue
    const manifest = await layout.readManifest(digest, mediaType, options)
    if (readSubject(manifest)?.digest !== subject) continue
    const referrer = referrerDescriptor(manifest)
    if (artifactType === undefined || referrer.artifactType === artifactType) yield referrer
  }
}

/** `index` with these manifests in it, without a name, as far as it does not list them yet. */
export function withReferrers(index: OciIndex, referrers: readonly RawManifest[]): OciIndex {
  const listed = new Set(index.manifests.map(({ digest }) => digest))
  return referrers
    .filter(({ digest }) => !listed.has(digest))
    .reduce((all, { mediaType, digest, bytes }) => withManifest(all, { mediaType, digest, size: bytes.length }), index)
}

function mayHaveSubject({ mediaType }: Descriptor): boolean {
  return mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.ociIndex
}
