import {
  digestAlgorithm,
  maxManifestBytes,
  parseDockerReference,
  rawManifest,
  TransloadError,
  type Digest,
  type ImageReference,
  type ImageSource,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'

/**
 * A manifest whose bytes have the digest they were asked for by: `digest`, or the one in the source's reference.
 * Throws MANIFEST_UNKNOWN, DIGEST_MISMATCH, SIZE_LIMIT, and MANIFEST_INVALID for schema 1 with broken signatures.
 */
export async function readManifest(
  source: ImageSource,
  digest: Digest | undefined,
  options: OperationOptions,
): Promise<RawManifest> {
  const raw = await source.readManifest(digest, options)
  checkSize(raw)
  const expected = digest ?? digestInName(source.reference) ?? raw.digest
  const read = rawManifest(raw.bytes, raw.mediaType, digestAlgorithm(expected))
  if (read.digest !== expected) {
    throw new TransloadError('DIGEST_MISMATCH', `Manifest does not match provided manifest digest ${expected}`)
  }
  return read
}

/** What a tag beside the image names; undefined if there is no such tag. Throws SIZE_LIMIT. */
export async function readTaggedManifest(
  source: ImageSource,
  tag: string,
  options: OperationOptions,
): Promise<RawManifest | undefined> {
  const raw = await source.readTagged?.(tag, options)
  if (!raw) return undefined
  checkSize(raw)
  return rawManifest(raw.bytes, raw.mediaType)
}

/** The digest a reference pins its image to, if it has a name with one. */
export function digestInName({ name }: ImageReference): Digest | undefined {
  return name === undefined ? undefined : parseDockerReference(name).digest
}

function checkSize({ bytes }: RawManifest): void {
  if (bytes.length <= maxManifestBytes) return
  throw new TransloadError('SIZE_LIMIT', `manifest: exceeded maximum allowed size of ${maxManifestBytes} bytes`)
}
