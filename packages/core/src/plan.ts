import {
  displayText,
  isSchema1Type,
  parseDockerReference,
  referenceText,
  TransloadError,
  type Descriptor,
  type Digest,
  type ImageDestination,
  type RawManifest,
} from '@transload/contract'

import type { ResolvedCopyOptions } from './copy-options.ts'
import type {
  CopyPlan,
  LayerEncoding,
  PlannedBlob,
  PlannedImage,
  PlannedIndex,
  PlannedSignatures,
} from './copy-plan.ts'
import { imageLabel, labelError } from './image-label.ts'
import { chosenLayers, cryptoOf, isEncrypted, plainMediaType, writtenMediaType } from './layer-crypto.ts'
import { compressionAfter, declaredCompression, editFor } from './layer-encoding.ts'
import { chooseImageType, chooseIndexType, formatOf, unmodifiableHint, unmodifiableReasons } from './manifest-type.ts'
import { digestInName } from './read-manifest.ts'
import type { SelectedImage, SelectedImages, SelectedManifest } from './select-images.ts'

/** What a plan has to know of a destination. */
export type PlanDestination = Pick<ImageDestination, 'reference' | 'traits' | 'signatures'>

export type PlanOptions = Pick<
  ResolvedCopyOptions,
  | 'format'
  | 'preserveDigests'
  | 'removeSignatures'
  | 'layers'
  | 'compressionFormat'
  | 'encryptor'
  | 'encryptLayers'
  | 'decryptor'
>

/**
 * Reconciles what is copied with what the destination takes and the options want. No I/O: all that rules a copy out
 * beforehand is thrown here, as CONVERSION_IMPOSSIBLE, SIGNATURES_LOST or DIGEST_MISMATCH (copy-engine.md §4–6, §8).
 */
export function planCopy(selected: SelectedImages, destination: PlanDestination, options: PlanOptions): CopyPlan {
  checkDestinationDigest(selected, digestInName(destination.reference))
  const index = selected.index && planIndex(selected.index, destination, options)
  return {
    source: selected.source,
    destination: displayText(referenceText(destination.reference)),
    ...(index ? { index } : {}),
    images: selected.images.map((image, position) =>
      forImage(selected, position, () => planImage(image, destination, options, index?.unmodifiable)),
    ),
  }
}

function forImage<T>({ index, images }: SelectedImages, position: number, plan: () => T): T {
  try {
    return plan()
  } catch (error) {
    const label = imageLabel(index !== undefined, images.length, images[position]!.entry ? position : undefined)
    throw labelError(label, 'plan', error)
  }
}

/** A destination named by a digest takes only that; the index an image was chosen from counts too. */
function checkDestinationDigest({ root, index, images }: SelectedImages, wanted: Digest | undefined): void {
  if (wanted === undefined || wanted === root.digest) return
  if (!index && images.some(({ raw }) => raw.digest === wanted)) return
  throw new TransloadError('DIGEST_MISMATCH', "Digest of source image's manifest would not match destination reference")
}

function planIndex(
  { raw, manifest, signatures }: NonNullable<SelectedImages['index']>,
  destination: PlanDestination,
  options: PlanOptions,
): PlannedIndex {
  const unmodifiable = unmodifiableReason(signatures.length > 0, destination, options)
  return {
    manifest: describe(raw),
    mediaType: chooseIndexType(raw.mediaType, destination.traits, options, unmodifiable),
    ...(unmodifiable === undefined ? {} : { unmodifiable }),
    signatures: planSignatures({ signatures }, destination, options),
    listed: manifest.manifests.length,
  }
}

function planImage(
  image: SelectedImage,
  destination: PlanDestination,
  options: PlanOptions,
  indexUnmodifiable: string | undefined,
): PlannedImage {
  const { raw, manifest, signatures, entry } = image
  // An index that may not change pins the images it names.
  const unmodifiable = unmodifiableReason(signatures.length > 0, destination, options) ?? indexUnmodifiable
  const encoding = chooseEncoding(destination, options)
  const artifactType = manifest.kind === 'image' ? manifest.artifactType : undefined
  const mediaType = chooseImageType(
    raw.mediaType,
    destination.traits,
    {
      ...options,
      zstdLayers: encoding === 'zstd' && artifactType === undefined,
      encryptedLayers: options.encryptor !== undefined || (!options.decryptor && image.layers.some(isEncrypted)),
    },
    unmodifiable,
  )
  const converts = mediaType !== raw.mediaType
  if (converts && artifactType !== undefined) throw conversionError(artifactConversion(artifactType))
  const replacesLayers = !sameLayers(image.layers, manifest.layers)
  if (replacesLayers && unmodifiable !== undefined) throw layersMustChange(unmodifiable)

  const mayEncode = unmodifiable === undefined && artifactType === undefined
  const isNewToConfigs = manifest.kind === 'schema1' && !isSchema1Type(mediaType)
  const toEncrypt = options.encryptor && chosenLayers(options.encryptLayers, image.layers.length)
  const layers = image.layers.map((blob, index): PlannedBlob => {
    const crypto = cryptoOf(blob, toEncrypt?.has(index) ?? false, options.decryptor)
    const layer = planLayer(blob, mayEncode ? encoding : 'as-is', crypto, destination)
    const isNamed = isNewToConfigs && manifest.layers[index]?.isThrowaway === false
    return isNamed ? { ...layer, needsDiffId: true } : layer
  })
  checkCrypto(layers, unmodifiable)
  checkLayerTypes(layers, formatOf(mediaType))
  const embeddedName = isSchema1Type(mediaType) ? planEmbeddedName(image, destination, unmodifiable) : undefined
  return {
    manifest: describe(raw),
    mediaType,
    ...(unmodifiable === undefined ? {} : { unmodifiable }),
    signatures: planSignatures(image, destination, options),
    ...(entry ? { position: entry.position } : {}),
    ...(entry?.descriptor.platform ? { platform: entry.descriptor.platform } : {}),
    ...(manifest.kind === 'image' && !isSchema1Type(mediaType)
      ? {
          config: {
            role: 'config',
            blob: manifest.config,
            encoding: 'as-is',
            edit: converts && formatOf(mediaType) === 'oci' ? 'convert' : 'none',
          },
        }
      : {}),
    ...(embeddedName ? { embeddedName } : {}),
    layers,
    replacesLayers,
  }
}

/** Schema 1 says what the image is called, which is the destination's name for it, if that has names (copy-engine.md §5.7). */
function planEmbeddedName(
  { manifest }: SelectedImage,
  { reference }: PlanDestination,
  unmodifiable: string | undefined,
): PlannedImage['embeddedName'] {
  const wanted = reference.name === undefined ? undefined : parseDockerReference(reference.name)
  const { name, tag } = { name: wanted?.path ?? '', tag: wanted?.tag ?? '' }
  const isThere = manifest.kind === 'schema1' && (!wanted || (manifest.name === name && manifest.tag === tag))
  if (isThere) return undefined
  if (unmodifiable === undefined) return { name, tag }
  throw new TransloadError(
    'CONVERSION_IMPOSSIBLE',
    `Copying a schema1 image with an embedded Docker reference to ${displayText(referenceText(reference))} ` +
      `(Docker reference ${reference.name}) would change the manifest, which we cannot do: "${unmodifiable}"`,
    { hint: unmodifiableHint(unmodifiable) },
  )
}

function planLayer(
  blob: Descriptor,
  wanted: LayerEncoding,
  crypto: PlannedBlob['crypto'],
  { traits }: PlanDestination,
): PlannedBlob {
  if (blob.urls !== undefined && traits.keepsForeignLayers) {
    return { role: 'layer', blob, encoding: 'as-is', edit: 'skip' }
  }
  const planned = { role: 'layer', blob, ...(crypto ? { crypto } : {}) } as const
  const declared = declaredCompression(plainMediaType(planned))
  if (declared === undefined) return { ...planned, encoding: 'as-is', edit: 'none' }
  // Decrypting gives back what was encrypted, unless the destination cannot take that.
  const encoding = crypto === 'decrypt' && wanted !== 'uncompressed' ? 'as-is' : wanted
  return { ...planned, encoding, edit: editFor(declared, encoding) }
}

function checkCrypto(layers: readonly PlannedBlob[], unmodifiable: string | undefined): void {
  const changed = layers.find(({ crypto }) => crypto !== undefined)
  if (!changed || unmodifiable === undefined) return
  throw new TransloadError(
    'CONVERSION_IMPOSSIBLE',
    `layer ${changed.blob.digest} should be ${changed.crypto}ed, but we can’t modify the manifest: ${unmodifiable}`,
  )
}

/** Throws for layers that manifests of `format` have no type for, before any of them moves. */
function checkLayerTypes(layers: readonly PlannedBlob[], format: 'oci' | 'docker'): void {
  try {
    for (const layer of layers) writtenMediaType(layer, format, compressionAfter(layer.edit))
  } catch (error) {
    throw conversionError(error)
  }
}

/** Worded as where skopeo finds it out. */
function conversionError(cause: unknown): unknown {
  return labelError('creating an updated image manifest', 'plan', cause)
}

function chooseEncoding({ traits }: PlanDestination, { layers, compressionFormat }: PlanOptions): LayerEncoding {
  const wanted = layers ?? traits.layers ?? 'as-is'
  return wanted === 'compressed' ? (compressionFormat ?? 'compressed') : wanted
}

/** The strongest reason not to touch a manifest (copy-engine.md §4.3). */
function unmodifiableReason(
  hasSignatures: boolean,
  { reference }: PlanDestination,
  { preserveDigests }: PlanOptions,
): string | undefined {
  if (preserveDigests) return unmodifiableReasons.preserve
  if (digestInName(reference) !== undefined) return unmodifiableReasons.digest
  return hasSignatures ? unmodifiableReasons.signatures : undefined
}

function planSignatures(
  { signatures }: Pick<SelectedManifest, 'signatures'>,
  destination: PlanDestination,
  { removeSignatures }: PlanOptions,
): PlannedSignatures {
  if (removeSignatures) return { fate: 'drop', count: 0 }
  if (signatures.length === 0) return { fate: 'none', count: 0 }
  if (destination.signatures) return { fate: 'carry', count: signatures.length }
  const { scheme } = destination.reference
  throw new TransloadError(
    'SIGNATURES_LOST',
    `Can not copy signatures to ${displayText(referenceText(destination.reference))}: ` +
      `Storing signatures for ${scheme}: images is not supported`,
    { hint: 'To copy without the signatures use --remove-signatures.' },
  )
}

function describe({ mediaType, digest, bytes }: RawManifest): Descriptor {
  return { mediaType, digest, size: bytes.length }
}

function sameLayers(a: readonly Descriptor[], b: readonly { readonly digest: Digest }[]): boolean {
  return a.length === b.length && a.every((layer, index) => layer.digest === b[index]!.digest)
}

function artifactConversion(type: string): TransloadError {
  return new TransloadError(
    'CONVERSION_IMPOSSIBLE',
    `unsupported image-specific operation on artifact with type "${type}"`,
    { hint: 'Artifacts are only copied as they are, to places that take OCI manifests.' },
  )
}

function layersMustChange(reason: string): TransloadError {
  return new TransloadError(
    'CONVERSION_IMPOSSIBLE',
    `Copying this image would require changing layer representation, which we cannot do: "${reason}"`,
  )
}
