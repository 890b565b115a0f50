import {
  encryptionAnnotationPrefix,
  mediaTypes,
  TransloadError,
  type Descriptor,
  type LayerDecryptor,
} from '@transload/contract'

import type { PlannedBlob } from './copy-plan.ts'
import { layerMediaType, type LayerCompression } from './layer-encoding.ts'

const suffix = '+encrypted'
const encryptableTypes: readonly string[] = [mediaTypes.ociLayer, mediaTypes.ociForeignLayer]

export function isEncrypted({ mediaType }: Descriptor): boolean {
  return mediaType.endsWith(suffix)
}

/** What `indices` name of `count` layers, from 0, negative ones from the end; none: all. Throws CONFIG_INVALID. */
export function chosenLayers(indices: readonly number[], count: number): ReadonlySet<number> {
  if (indices.length === 0) return new Set(Array.from({ length: count }, (_, index) => index))
  return new Set(
    indices.map((index) => {
      const position = index < 0 ? index + count : index
      if (Number.isSafeInteger(position) && position >= 0 && position < count) return position
      const problem = `layer index ${index} out of range (${count} layers exist)`
      throw new TransloadError('CONFIG_INVALID', `when choosing layers to encrypt, ${problem}`)
    }),
  )
}

/** What is done to a layer. Those that are encrypted already are never encrypted again. */
export function cryptoOf(
  layer: Descriptor,
  isChosen: boolean,
  decryptor: LayerDecryptor | undefined,
): PlannedBlob['crypto'] {
  if (isEncrypted(layer)) return decryptor ? 'decrypt' : undefined
  return isChosen ? 'encrypt' : undefined
}

/** The type of the bytes that compression is about: without `+encrypted` if the layer is decrypted. */
export function plainMediaType({ blob, crypto }: Pick<PlannedBlob, 'blob' | 'crypto'>): string {
  return crypto === 'decrypt' ? blob.mediaType.slice(0, -suffix.length) : blob.mediaType
}

/** The type of a layer as written to a manifest of `format` (see {@link layerMediaType}). Throws CONVERSION_IMPOSSIBLE. */
export function writtenMediaType(
  planned: Pick<PlannedBlob, 'blob' | 'crypto'>,
  format: 'oci' | 'docker',
  compression: LayerCompression | undefined,
): string {
  const mediaType = layerMediaType(plainMediaType(planned), format, compression)
  if (planned.crypto !== 'encrypt') return mediaType
  if (encryptableTypes.includes(mediaType.split('+', 1)[0]!)) return mediaType + suffix
  throw new TransloadError(
    'CONVERSION_IMPOSSIBLE',
    `error preparing updated manifest: encryption specified but no counterpart for mediatype: ${JSON.stringify(mediaType)}`,
    { hint: 'Only layers of OCI images can be encrypted.' },
  )
}

/** The annotations of a layer once it is decrypted. */
export function decryptedAnnotations(annotations: Descriptor['annotations'] = {}): Descriptor['annotations'] {
  return Object.fromEntries(
    Object.entries(annotations).filter(([name]) => !name.startsWith(encryptionAnnotationPrefix)),
  )
}
