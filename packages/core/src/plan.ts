import {
  displayText,
  isSchema1Type,
  parseDockerReference,
  referenceText,
  TransloadError,
  type Descriptor,
  type Digest,
} from '@transload/contract'

import { isAttestation } from './attestation.ts'
import type { CopyPlan, LayerEncoding, PlannedBlob, PlannedImage } from './copy-plan.ts'
import { imageLabel, labelError } from './image-label.ts'
import { chosenLayers, cryptoOf, isEncrypted, plainMediaType, writtenMediaType } from './layer-crypto.ts'
import { baseCompression, compressionAfter, describedCompression, editFor } from './layer-encoding.ts'
import { chooseImageType, formatOf, unmodifiableHint } from './manifest-type.ts'
import { planIndexes } from './plan-index.ts'
import { describe, unmodifiableReason, type PlanDestination, type PlanOptions } from './plan-manifest.ts'
import { planReferrers } from './plan-referrers.ts'
import { planSignatures, planSignIdentity } from './plan-signatures.ts'
import { digestInName } from './read-manifest.ts'
import type { SelectedImage, SelectedImages } from './select-images.ts'

/**
 * Reconciles what is copied with what the destination takes and the options want. No I/O: all that rules a copy out
 * beforehand is thrown here, as CONVERSION_IMPOSSIBLE, SIGNATURES_LOST, DIGEST_MISMATCH or UNSUPPORTED (copy-engine.md §4–6, §8).
 */
export function planCopy(selected: SelectedImages, destination: PlanDestination, given: PlanOptions): CopyPlan {
  checkMultiImage(selected, destination)
  checkDestinationDigest(selected, digestInName(destination.reference))
  const referrers = planReferrers(selected.referrers ?? [], destination)
  const signIdentity = planSignIdentity(destination, given)
  const options = { ...given, hasReferrers: referrers.length > 0 }
  const indexes = planIndexes(selected, destination, options)
  const index = indexes.get('')
  const nested = selected.index?.nested.map(({ path }) => indexes.get(path.join())!)
  return {
    source: selected.source,
    destination: displayText(referenceText(destination.reference)),
    ...(signIdentity === undefined ? {} : { signIdentity }),
    ...(index ? { index } : {}),
    ...(nested?.length ? { nested } : {}),
    images: selected.images.map((image, position) =>
      forImage(selected, position, () => {
        const within = image.entry && indexes.get(image.entry.path.slice(0, -1).join())
        return planImage(image, destination, options, within?.unmodifiable)
      }),
    ),
    ...(referrers.length > 0 ? { referrers } : {}),
  }
}

function checkMultiImage({ index }: SelectedImages, { traits, reference: { scheme } }: PlanDestination): void {
  if (!index || traits.multiImage) return
  throw new TransloadError(
    'UNSUPPORTED',
    `copying multiple images: destination transport "${scheme}" does not support copying multiple images as a group`,
  )
}

function forImage<T>({ index, images }: SelectedImages, position: number, plan: () => T): T {
  try {
    return plan()
  } catch (error) {
    const { entry } = images[position]!
    const label = imageLabel(index !== undefined, images.length, entry ? position : undefined)
    throw labelError(label, 'plan', entry && isAttestation(entry.descriptor) ? explainAttestation(error) : error)
  }
}

function explainAttestation(error: unknown): unknown {
  if (!TransloadError.is(error, 'CONVERSION_IMPOSSIBLE')) return error
  const hint =
    'It is an attestation, which only OCI manifests can hold: copy in that format, or one platform (no --all).'
  return new TransloadError(error.code, error.message, { cause: error.cause, hint })
}

/** A destination named by a digest takes only that; the index an image was chosen from counts too. */
function checkDestinationDigest({ root, index, images }: SelectedImages, wanted: Digest | undefined): void {
  if (wanted === undefined || wanted === root.digest) return
  if (!index && images.some(({ raw }) => raw.digest === wanted)) return
  throw new TransloadError('DIGEST_MISMATCH', "Digest of source image's manifest would not match destination reference")
}

function planImage(
  image: SelectedImage,
  destination: PlanDestination,
  options: PlanOptions,
  indexUnmodifiable: string | undefined,
): PlannedImage {
  const { raw, manifest, entry } = image
  const signatures = planSignatures(image, destination, options)
  // An index that may not change pins the images it names.
  const unmodifiable = unmodifiableReason(signatures.count > 0, destination, options) ?? indexUnmodifiable
  const encoding = chooseEncoding(destination, options)
  const artifactType = manifest.kind === 'image' ? manifest.artifactType : undefined
  const mediaType = chooseImageType(
    raw.mediaType,
    destination.traits,
    {
      ...options,
      zstdLayers: baseCompression(options.compressionFormat ?? 'none') === 'zstd' && artifactType === undefined,
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
    ...(entry ? { path: entry.path } : {}),
    manifest: describe(raw),
    mediaType,
    ...(unmodifiable === undefined ? {} : { unmodifiable }),
    signatures,
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
  const described = describedCompression({ ...blob, mediaType: plainMediaType(planned) })
  if (described === undefined) return { ...planned, encoding: 'as-is', edit: 'none' }
  // Decrypting gives back what was encrypted, unless the destination cannot take that.
  const encoding = crypto === 'decrypt' && wanted !== 'uncompressed' ? 'as-is' : wanted
  return { ...planned, encoding, edit: editFor(described, encoding) }
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
