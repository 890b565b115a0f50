import { mediaTypes, TransloadError, type Digest } from '@transload/contract'

import { refNameOf, type OciIndex, type OciIndexEntry } from './oci-index.ts'

const namedTypes: readonly string[] = [
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
  mediaTypes.dockerManifest,
  mediaTypes.dockerList,
]

/** Which image of a layout is meant: by name, by position (from 0), by digest, or, none given, the only one. */
export interface OciImageChoice {
  readonly image?: string | undefined
  readonly position?: number | undefined
  readonly digest?: Digest | undefined
}

/**
 * The entry of `index.json` a reference means: that at its position, the first of its digest, the first of its name that is an image or an
 * index, or the only one there is. Throws MANIFEST_UNKNOWN when there is none, REFERENCE_INVALID when it is ambiguous
 * or the position too large, MANIFEST_INVALID when only entries of other types have the name.
 */
export function chooseOciEntry({ manifests }: OciIndex, choice: OciImageChoice): OciIndexEntry {
  const { image, position, digest } = choice
  if (position !== undefined) {
    const entry = manifests[position]
    if (entry) return entry
    throw new TransloadError(
      'REFERENCE_INVALID',
      `index ${position} is too large, only ${manifests.length} entries available`,
    )
  }
  if (digest !== undefined) {
    const entry = manifests.find((other) => other.digest === digest)
    if (entry) return entry
    throw new TransloadError('MANIFEST_UNKNOWN', `no descriptor found for digest ${digest}`)
  }
  if (image !== undefined) return chooseNamed(manifests, image)
  const [only, ...others] = manifests
  if (!only) throw new TransloadError('MANIFEST_UNKNOWN', 'no image in oci, its index is empty')
  if (others.length > 0) {
    throw new TransloadError('REFERENCE_INVALID', 'more than one image in oci, choose an image', {
      hint: `Name one (${listNames(manifests)}) or give its position (:@0).`,
    })
  }
  return only
}

function chooseNamed(manifests: readonly OciIndexEntry[], image: string): OciIndexEntry {
  const named = manifests.filter((entry) => refNameOf(entry) === image)
  const entry = named.find(({ mediaType }) => namedTypes.includes(mediaType))
  if (entry) return entry
  if (named.length > 0) {
    const types = named.map(({ mediaType }) => JSON.stringify(mediaType)).join(' ')
    throw new TransloadError(
      'MANIFEST_INVALID',
      `reference ${JSON.stringify(image)} matches unsupported manifest MIME types [${types}]`,
    )
  }
  throw new TransloadError('MANIFEST_UNKNOWN', `no descriptor found for reference ${JSON.stringify(image)}`, {
    hint: manifests.some((other) => refNameOf(other) !== undefined)
      ? `The layout has ${listNames(manifests)}.`
      : undefined,
  })
}

/** The first few. */
function listNames(manifests: readonly OciIndexEntry[]): string {
  const names = manifests.map(refNameOf).filter((name) => name !== undefined)
  const shown = names.slice(0, 10).map((name) => JSON.stringify(name))
  return names.length > shown.length ? `${shown.join(', ')}, …` : shown.join(', ')
}
