import { mediaTypes, type Descriptor, type Digest } from '@transload/contract'

import { refNameOf, type OciIndex, type OciIndexEntry } from './oci-index.ts'

/**
 * How `cosign save` says in `index.json` which entry is what, and `cosign load` finds it: an annotation, the same for
 * every image, so that a layout has one image with signatures and attestations, and no more.
 */
const kindAnnotation = 'kind'
const kindPrefix = 'dev.cosignproject.cosign/'

/** The kind of what has a tag that ends so. */
const kindOfSuffix: Readonly<Record<string, string>> = { sig: 'sigs', att: 'atts' }

/** What `cosign save` kept of a tag made of the image's digest, as `sha256-HEX.sig`; undefined if there is no such. */
export function cosignSaved({ manifests }: OciIndex, tag: string): OciIndexEntry | undefined {
  const image = manifests.find(isImage)
  const [, suffix = ''] = /^[a-z0-9]+-[0-9a-f]+\.([a-z]+)$/.exec(tag) ?? []
  const kind = Object.hasOwn(kindOfSuffix, suffix) ? kindOfSuffix[suffix] : undefined
  if (!image || kind === undefined || tag !== tagOf(image.digest, suffix)) return undefined
  return manifests.find((entry) => kindOf(entry) === kind)
}

/** Whether `cosign save` wrote this entry as something of another one. */
export function isCosignCompanion(entry: Descriptor): boolean {
  return Object.values(kindOfSuffix).some((kind) => kind === kindOf(entry))
}

/**
 * Marks the image of that digest, and its signatures and attestations by their names, for `cosign load`; if it has any,
 * and no other image is marked.
 */
export function withCosignKinds(index: OciIndex, digest: Digest): OciIndex {
  const kinds = new Map(Object.entries(kindOfSuffix).map(([suffix, kind]) => [tagOf(digest, suffix), kind]))
  const isCompanion = (entry: OciIndexEntry): boolean => kinds.has(refNameOf(entry) ?? '')
  const isOther = (entry: OciIndexEntry): boolean => isImage(entry) && entry.digest !== digest
  if (!index.manifests.some(isCompanion) || index.manifests.some(isOther)) return index
  const manifests = index.manifests.map((entry) => {
    if (entry.digest === digest) return withKind(entry, isList(entry) ? 'imageIndex' : 'image')
    // Not those of an earlier signature, which has lost its name.
    return withKind(entry, kinds.get(refNameOf(entry) ?? ''))
  })
  return { ...index, manifests }
}

function withKind(entry: OciIndexEntry, kind: string | undefined): OciIndexEntry {
  if (kind !== undefined) {
    return { ...entry, annotations: { ...entry.annotations, [kindAnnotation]: kindPrefix + kind } }
  }
  if (kindOf(entry) === undefined) return entry
  const { annotations, ...others } = entry
  const { [kindAnnotation]: _, ...kept } = annotations ?? {}
  return Object.keys(kept).length === 0 ? others : { ...others, annotations: kept }
}

function isImage(entry: Descriptor): boolean {
  return kindOf(entry) === 'image' || kindOf(entry) === 'imageIndex'
}

function isList({ mediaType }: Descriptor): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerList
}

function kindOf({ annotations }: Descriptor): string | undefined {
  const kind: unknown = annotations?.[kindAnnotation]
  return typeof kind === 'string' && kind.startsWith(kindPrefix) ? kind.slice(kindPrefix.length) : undefined
}

function tagOf(digest: Digest, suffix: string): string {
  return `${digest.replace(':', '-')}.${suffix}`
}
