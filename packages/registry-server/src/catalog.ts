import type { Descriptor, Digest } from '@transload/contract'
import { refNameAnnotation, refNameOf, type OciIndex, type OciIndexEntry } from '@transload/formats'

import { isRepositoryName, parseRefName, type TagName } from './repository-name.ts'

/**
 * The annotation of an `index.json` entry that says which repository it belongs to: needed where no
 * `org.opencontainers.image.ref.name` does (a manifest pushed by digest, one whose tag moved on).
 */
export const repositoryAnnotation = 'io.transload.repository'

/** One repository as `index.json` has it. */
export interface Repository {
  readonly name: string
  readonly tags: ReadonlyMap<string, OciIndexEntry>
  /** Manifests of the repository by digest, tagged or not; not those that only an index mentions. */
  readonly manifests: ReadonlyMap<Digest, OciIndexEntry>
}

/** The repositories of a layout, by name. */
export type Catalog = ReadonlyMap<string, Repository>

/** An entry without any name belongs to `defaultRepository`. The first of two entries with one name counts. */
export function readCatalog(index: OciIndex, defaultRepository: string): Catalog {
  const catalog = new Map<
    string,
    Repository & { tags: Map<string, OciIndexEntry>; manifests: Map<Digest, OciIndexEntry> }
  >()
  for (const entry of index.manifests) {
    const place = placeOf(entry, defaultRepository)
    if (!place) continue
    let repository = catalog.get(place.repository)
    if (!repository) {
      repository = { name: place.repository, tags: new Map(), manifests: new Map() }
      catalog.set(place.repository, repository)
    }
    if (place.tag !== undefined && !repository.tags.has(place.tag)) repository.tags.set(place.tag, entry)
    if (!repository.manifests.has(entry.digest)) repository.manifests.set(entry.digest, entry)
  }
  return catalog
}

/** A change of the entries of `index.json`, in place. */
export type CatalogEdit = (entries: OciIndexEntry[], defaultRepository: string) => void

/** Points a tag at a manifest. What it pointed at stays in the repository. A name the tag has is kept as it is written. */
export function tagManifest({ repository, tag }: TagName, manifest: Descriptor): CatalogEdit {
  return (entries, defaultRepository) => {
    const previous = findTag(entries, repository, tag, defaultRepository)
    const current = entries[previous]
    if (current?.digest === manifest.digest && current.mediaType === manifest.mediaType) return
    const refName = current ? refNameOf(current)! : `${repository}:${tag}`
    if (current) removeName(entries, previous, repository, defaultRepository)
    const added = entryFor(manifest, { [refNameAnnotation]: refName, [repositoryAnnotation]: repository })
    const untagged = entries.findIndex(
      (entry) =>
        entry.digest === manifest.digest &&
        refNameOf(entry) === undefined &&
        placeOf(entry, defaultRepository)?.repository === repository,
    )
    if (untagged >= 0) entries[untagged] = added
    else entries.push(added)
  }
}

/** Lists a manifest in a repository without a tag. */
export function addManifest(repository: string, manifest: Descriptor): CatalogEdit {
  return (entries, defaultRepository) => {
    if (findManifest(entries, repository, manifest.digest, defaultRepository) >= 0) return
    entries.push(entryFor(manifest, { [repositoryAnnotation]: repository }))
  }
}

/** Removes a tag only; its manifest stays in the repository. */
export function removeTag({ repository, tag }: TagName): CatalogEdit {
  return (entries, defaultRepository) => {
    const index = findTag(entries, repository, tag, defaultRepository)
    if (index >= 0) removeName(entries, index, repository, defaultRepository)
  }
}

/** Removes a manifest and every tag of the repository that points at it. */
export function removeManifest(repository: string, digest: Digest): CatalogEdit {
  return (entries, defaultRepository) => {
    for (;;) {
      const index = findManifest(entries, repository, digest, defaultRepository)
      if (index < 0) return
      entries.splice(index, 1)
    }
  }
}

function placeOf(entry: Descriptor, defaultRepository: string): { repository: string; tag?: string } | undefined {
  const refName = refNameOf(entry)
  if (refName !== undefined) return parseRefName(refName, defaultRepository)
  const repository = entry.annotations?.[repositoryAnnotation] ?? defaultRepository
  return isRepositoryName(repository) ? { repository } : undefined
}

function findTag(
  entries: readonly OciIndexEntry[],
  repository: string,
  tag: string,
  defaultRepository: string,
): number {
  const full = `${repository}:${tag}`
  const bare = repository === defaultRepository ? tag : full
  return entries.findIndex((entry) => {
    const refName = refNameOf(entry)
    return refName === full || refName === bare
  })
}

function findManifest(
  entries: readonly OciIndexEntry[],
  repository: string,
  digest: Digest,
  defaultRepository: string,
): number {
  return entries.findIndex(
    (entry) => entry.digest === digest && placeOf(entry, defaultRepository)?.repository === repository,
  )
}

/** The manifest stays listed once, without a name. */
function removeName(entries: OciIndexEntry[], index: number, repository: string, defaultRepository: string): void {
  const [entry] = entries.splice(index, 1)
  if (findManifest(entries, repository, entry!.digest, defaultRepository) >= 0) return
  const { [refNameAnnotation]: _, ...annotations } = entry!.annotations ?? {}
  entries.splice(index, 0, { ...entry!, annotations: { ...annotations, [repositoryAnnotation]: repository } })
}

function entryFor(manifest: Descriptor, annotations: Readonly<Record<string, string>>): OciIndexEntry {
  return { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.size, annotations }
}
