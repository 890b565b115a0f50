import { mediaTypes, TransloadError, type DestinationTraits } from '@transload/contract'

import type { ManifestFormat, ResolvedCopyOptions } from './copy-options.ts'

type TypeOptions = Pick<ResolvedCopyOptions, 'format' | 'compressionFormat'>

const imageTypes: readonly string[] = [
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
  mediaTypes.dockerSchema1Signed,
  mediaTypes.dockerSchema1,
]
const indexTypes: readonly string[] = [mediaTypes.dockerList, mediaTypes.ociIndex]

export function isIndexType(mediaType: string): boolean {
  return indexTypes.includes(mediaType)
}

export function imageTypeOf(format: ManifestFormat): string {
  if (format === 'schema1') return mediaTypes.dockerSchema1Signed
  return format === 'oci' ? mediaTypes.ociManifest : mediaTypes.dockerManifest
}

/** Schema 1 has no indexes of its own. */
export function indexTypeOf(format: ManifestFormat): string {
  return format === 'oci' ? mediaTypes.ociIndex : mediaTypes.dockerList
}

/** Whose media types the layers have; those of schema 1 count as Docker's. */
export function formatOf(mediaType: string): 'oci' | 'docker' {
  return mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.ociIndex ? 'oci' : 'docker'
}

/**
 * The type an image is written as (copy-engine.md §6.1): its own where the destination takes that, else Docker v2
 * schema 2, else signed schema 1, else what the destination prefers. Throws CONVERSION_IMPOSSIBLE.
 */
export function chooseImageType(
  current: string,
  traits: DestinationTraits,
  options: TypeOptions & { readonly zstdLayers: boolean; readonly encryptedLayers: boolean },
  unmodifiable: string | undefined,
): string {
  const accepted = traits.manifestTypes?.filter((type) => imageTypes.includes(type)) ?? imageTypes
  if (unmodifiable !== undefined) {
    if (accepted.includes(current) || traits.anyManifestTypeOnRequest) return current
    throw impossible(
      `Manifest must be converted to type "${accepted[0]}" to be written to destination, ` +
        `but we cannot modify it: "${unmodifiable}"`,
      unmodifiableHint(unmodifiable),
    )
  }
  const forced = options.format && imageTypeOf(options.format)
  if (forced !== undefined && !accepted.includes(forced) && !traits.anyManifestTypeOnRequest) {
    throw impossible(`Unsupported manifest type "${forced}", the destination only takes ${accepted.join(', ')}`)
  }
  const offered = forced === undefined ? accepted : [forced]
  const needsOci = options.zstdLayers || options.encryptedLayers
  const usable = needsOci ? offered.filter((type) => type === mediaTypes.ociManifest) : offered
  if (usable.length === 0) throw needsOtherType(options, forced, accepted)
  if (usable.includes(current)) return current
  const fallbacks: readonly string[] = [mediaTypes.dockerManifest, mediaTypes.dockerSchema1Signed]
  return fallbacks.find((type) => usable.includes(type)) ?? usable[0]!
}

/** The type an index is written as (copy-engine.md §4.4). Throws CONVERSION_IMPOSSIBLE. */
export function chooseIndexType(
  current: string,
  traits: DestinationTraits,
  { format }: TypeOptions,
  unmodifiable: string | undefined,
): string {
  const forced = format && indexTypeOf(format)
  const accepted = traits.manifestTypes?.filter((type) => indexTypes.includes(type)) ?? indexTypes
  const isTaken = forced !== undefined && (accepted.includes(forced) || traits.anyManifestTypeOnRequest === true)
  const offered = forced === undefined ? accepted : isTaken ? [forced] : []
  if (offered.includes(current)) return current
  const wanted = offered[0]
  if (wanted === undefined) {
    throw impossible(
      `Unsupported manifest list type "${forced ?? current}", the destination only takes ` +
        (traits.manifestTypes ?? indexTypes).join(', '),
    )
  }
  if (unmodifiable === undefined) return wanted
  throw impossible(
    `Manifest list must be converted to type "${wanted}" to be written to destination, ` +
      `but we cannot modify it: "${unmodifiable}"`,
    unmodifiableHint(unmodifiable),
  )
}

export const unmodifiableReasons = {
  signatures: 'Would invalidate signatures',
  referrers: 'Would lose its referrers',
  digest: 'Destination specifies a digest',
  preserve: 'Instructed to preserve digests',
} as const

/** What to do about it, where there is something to do. */
export function unmodifiableHint(reason: string): string | undefined {
  if (reason === unmodifiableReasons.signatures) return 'To copy without the signatures use --remove-signatures.'
  if (reason === unmodifiableReasons.referrers)
    return 'Without --with-referrers the image may be changed: they refer to it by its digest.'
  if (reason === unmodifiableReasons.digest) return 'Name the destination by a tag.'
  return undefined
}

function needsOtherType(
  {
    compressionFormat,
    zstdLayers,
    encryptedLayers,
  }: TypeOptions & { readonly zstdLayers: boolean; readonly encryptedLayers: boolean },
  forced: string | undefined,
  accepted: readonly string[],
): TransloadError {
  const [need, it] = !encryptedLayers
    ? [`compression using ${compressionFormat} required`, 'it']
    : zstdLayers
      ? [`compression using ${compressionFormat}, and encryption, required`, 'both']
      : ['encryption required', 'encryption']
  return impossible(
    forced === undefined
      ? `${need} but the destination only supports MIME types [${accepted.join(', ')}], none of which support ${it}`
      : `${need} together with format ${forced}, which does not support ${it}`,
  )
}

function impossible(message: string, hint?: string): TransloadError {
  return new TransloadError('CONVERSION_IMPOSSIBLE', message, { hint })
}
