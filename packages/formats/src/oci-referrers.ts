import {
  mediaTypes,
  parseManifest,
  readSubject,
  referrerDescriptor,
  type Descriptor,
  type Digest,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'

import { isCosignCompanion } from './cosign-layout.ts'
import { refNameOf, withManifest, type OciIndex, type OciIndexEntry } from './oci-index.ts'
import type { ReadableOciLayout } from './oci-layout.ts'

/** The manifests of a layout by what they refer to, each with the media type it is listed with. */
export type OciReferrers = ReadonlyMap<Digest, ReadonlyMap<Digest, string>>

/**
 * What `index.json` lists and has a subject: a layout has no other place for that, but the indexes named as the tags are
 * which stand in for the referrers API in registries (`sha256-HEX`), as some programs copy them. In the order of
 * `index.json`. Reads every OCI manifest listed there, once. Throws MANIFEST_INVALID.
 */
export async function findOciReferrers(
  layout: ReadableOciLayout,
  index: OciIndex,
  options: OperationOptions = {},
): Promise<OciReferrers> {
  const found = new Map<Digest, Map<Digest, string>>()
  const seen = new Set<Digest>()
  const waiting: Descriptor[] = index.manifests.filter(mayHaveSubject)
  for (const { digest, mediaType, ...entry } of waiting) {
    options.signal?.throwIfAborted()
    if (seen.has(digest) || (await layout.blobSize(digest)) === undefined) continue
    seen.add(digest)
    const raw = await layout.readManifest(digest, mediaType, options)
    if (isReferrersTag(refNameOf({ digest, mediaType, ...entry }))) {
      const manifest = parseManifest(raw)
      if (manifest.kind === 'index') waiting.push(...manifest.manifests.filter(mayHaveSubject))
    }
    const subject = readSubject(raw)?.digest
    if (subject === undefined || subject === digest) continue
    const referrers = found.get(subject) ?? new Map<Digest, string>()
    found.set(subject, referrers.set(digest, mediaType))
  }
  return found
}

/** The referrers of `subject`, of one artifact type, if that is given. Throws MANIFEST_INVALID. */
export async function* readOciReferrers(
  layout: ReadableOciLayout,
  referrers: OciReferrers,
  subject: Digest,
  { artifactType, ...options }: OperationOptions & { readonly artifactType?: string | undefined } = {},
): AsyncGenerator<Descriptor> {
  for (const [digest, mediaType] of referrers.get(subject) ?? []) {
    options.signal?.throwIfAborted()
    const referrer = referrerDescriptor(await layout.readManifest(digest, mediaType, options))
    if (artifactType === undefined || referrer.artifactType === artifactType) yield referrer
  }
}

/**
 * The only entry of the index that does not just go along with something else in the layout, by its subject, by a name
 * made of the other's digest, or as `cosign save` marks it; undefined if there are several, or none.
 */
export async function findLoneImage(
  layout: ReadableOciLayout,
  { manifests }: OciIndex,
  options: OperationOptions = {},
): Promise<OciIndexEntry | undefined> {
  const images: OciIndexEntry[] = []
  for (const entry of manifests) {
    if (isNamedAfterDigest(refNameOf(entry)) || isCosignCompanion(entry)) continue
    if (await refersToStored(layout, entry, options)) continue
    images.push(entry)
    if (images.length > 1) return undefined
  }
  return images[0]
}

/** A manifest that goes along with an image; under a name of its own, or to be found by what it refers to. */
export interface OciCompanion {
  readonly manifest: RawManifest
  readonly name?: string | undefined
}

/** `index` with these in it: each under its name, or without one as far as the index does not list it yet. */
export function withCompanions(index: OciIndex, companions: readonly OciCompanion[]): OciIndex {
  const listed = new Set(index.manifests.map(({ digest }) => digest))
  // Those with a name first: what has one need not be listed without.
  const { named = [], unnamed = [] } = Object.groupBy(companions, ({ name }) =>
    name === undefined ? 'unnamed' : 'named',
  )
  return [...named, ...unnamed].reduce((extended, { manifest: { mediaType, digest, bytes }, name }) => {
    if (name === undefined && listed.has(digest)) return extended
    listed.add(digest)
    return withManifest(extended, { mediaType, digest, size: bytes.length }, name)
  }, index)
}

function mayHaveSubject({ mediaType }: Descriptor): boolean {
  return mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.ociIndex
}

async function refersToStored(
  layout: ReadableOciLayout,
  entry: Descriptor,
  options: OperationOptions,
): Promise<boolean> {
  if (!mayHaveSubject(entry) || (await layout.blobSize(entry.digest)) === undefined) return false
  const subject = readSubject(await layout.readManifest(entry.digest, entry.mediaType, options))
  return subject !== undefined && (await layout.blobSize(subject.digest)) !== undefined
}

/** `sha256-HEX`. */
function isReferrersTag(name: string | undefined): boolean {
  return name !== undefined && /^[a-z0-9]+-[0-9a-f]{64,128}$/.test(name)
}

/** `sha256-HEX`, `sha256-HEX.sig` and the like. */
function isNamedAfterDigest(name: string | undefined): boolean {
  return isReferrersTag(name?.replace(/\.[a-z]+$/, ''))
}
