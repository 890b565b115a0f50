import { TransloadError, type Descriptor, type Digest, type RawManifest } from '@transload/contract'

import { addManifest, removeManifest, removeTag, tagManifest, type Repository } from './catalog.ts'
import { readContents, type Contents } from './contents.ts'
import type { LayoutStore } from './layout-store.ts'
import { readManifestFacts, type ManifestFacts } from './manifest-facts.ts'
import { refusal } from './refusal.ts'

/**
 * Repositories with their rules, over one layout. A blob is in a repository when a manifest of it references the
 * blob, or when it was uploaded or mounted there since this object was made. Throws refusals.
 */
export class Registry {
  readonly store: LayoutStore
  /** By repository: blobs there that no manifest of it references, as far as this process knows. */
  readonly #looseBlobs = new Map<string, Set<Digest>>()
  /** Manifests between the check of their blobs and their being listed. */
  readonly #arriving = new Set<ManifestFacts>()
  /** A repository of a catalog never changes, so it is read once. */
  readonly #contents = new WeakMap<Repository, Promise<Contents>>()

  constructor(store: LayoutStore) {
    this.store = store
  }

  /** Names, sorted. */
  async listRepositories(): Promise<readonly string[]> {
    return [...(await this.store.readCatalog()).keys()].sort()
  }

  /** Sorted. */
  async listTags(name: string): Promise<readonly string[]> {
    const repository = (await this.store.readCatalog()).get(name)
    if (!repository) throw refusal('NAME_UNKNOWN', 'repository name not known to registry')
    return [...repository.tags.keys()].sort()
  }

  /** Sorted by digest; none where the subject or the repository is unknown, as the spec wants. */
  async listReferrers(name: string, subject: Digest): Promise<readonly Descriptor[]> {
    return (await this.#readContents(name))?.referrers.get(subject) ?? []
  }

  /** Digest and type of the manifest that a tag or digest names. */
  async findManifest(name: string, reference: string | Digest): Promise<{ digest: Digest; mediaType: string }> {
    const repository = (await this.store.readCatalog()).get(name)
    const listed = repository?.tags.get(reference) ?? repository?.manifests.get(reference as Digest)
    if (listed) return listed
    const mediaType = reference.includes(':')
      ? (await this.#readContents(name))?.manifests.get(reference as Digest)
      : undefined
    if (mediaType === undefined) throw refusal('MANIFEST_UNKNOWN', 'manifest unknown')
    return { digest: reference as Digest, mediaType }
  }

  /**
   * Stores a manifest and lists it, durably, under a tag if one is given. Its config and layers must be in the
   * repository; what an index mentions need not be, so that mirrors can be sparse. Returns its subject, if any.
   */
  async putManifest(name: string, manifest: RawManifest, tag: string | undefined): Promise<Digest | undefined> {
    const facts = readPushedFacts(manifest)
    this.#arriving.add(facts)
    try {
      await Promise.all(facts.requiredBlobs.map((blob) => this.#requireBlob(name, blob)))
      await this.store.writeManifest(manifest, facts)
      const { descriptor } = facts
      await this.store.edit(
        tag === undefined ? addManifest(name, descriptor) : tagManifest({ repository: name, tag }, descriptor),
      )
    } finally {
      this.#arriving.delete(facts)
    }
    const loose = this.#looseBlobs.get(name)
    for (const blob of facts.blobs) loose?.delete(blob)
    return facts.subject
  }

  /** Removes the tag and nothing else. */
  async deleteTag(name: string, tag: string): Promise<void> {
    await this.findManifest(name, tag)
    await this.store.edit(removeTag({ repository: name, tag }))
  }

  /** Removes a manifest with its tags. Its blobs stay, to be pushed again or deleted. */
  async deleteManifest(name: string, digest: Digest): Promise<void> {
    const { mediaType } = await this.findManifest(name, digest)
    const parent = (await this.#readContents(name))?.parents.get(digest)
    if (parent !== undefined) throw refusal('DENIED', `the manifest is part of ${parent}: delete that first`, 405)
    const facts = await this.store.readFacts(digest, mediaType)
    await this.store.edit(removeManifest(name, digest))
    for (const blob of facts?.blobs ?? []) this.addBlob(name, blob)
    await this.store.removeBlob(digest, () => this.#isNeeded(digest))
  }

  /** Size in bytes. Throws BLOB_UNKNOWN. */
  async requireBlobSize(name: string, digest: Digest): Promise<number> {
    const size = (await this.hasBlob(name, digest)) ? await this.store.blobSize(digest) : undefined
    if (size === undefined) throw refusal('BLOB_UNKNOWN', 'blob unknown to registry')
    return size
  }

  async hasBlob(name: string, digest: Digest): Promise<boolean> {
    if (this.#looseBlobs.get(name)?.has(digest)) return true
    return (await this.#readContents(name))?.blobs.has(digest) ?? false
  }

  /** Names of repositories that have the blob. */
  async *repositoriesWithBlob(digest: Digest): AsyncGenerator<string> {
    for (const [name, loose] of this.#looseBlobs) if (loose.has(digest)) yield name
    for (const name of (await this.store.readCatalog()).keys()) {
      if ((await this.#readContents(name))?.blobs.has(digest)) yield name
    }
  }

  /** Says that a blob of the layout is in a repository now. */
  addBlob(name: string, digest: Digest): void {
    const loose = this.#looseBlobs.get(name)
    if (loose) loose.add(digest)
    else this.#looseBlobs.set(name, new Set([digest]))
  }

  async deleteBlob(name: string, digest: Digest): Promise<void> {
    await this.requireBlobSize(name, digest)
    if ((await this.#readContents(name))?.blobs.has(digest)) {
      throw refusal('DENIED', 'a manifest of the repository references the blob: delete that first', 405)
    }
    this.#looseBlobs.get(name)?.delete(digest)
    await this.store.removeBlob(digest, () => this.#isNeeded(digest))
  }

  async #requireBlob(name: string, digest: Digest): Promise<void> {
    if ((await this.hasBlob(name, digest)) && (await this.store.blobSize(digest)) !== undefined) return
    throw refusal('MANIFEST_BLOB_UNKNOWN', `manifest references unknown blob ${digest}`)
  }

  /** By any repository. */
  async #isNeeded(digest: Digest): Promise<boolean> {
    for (const loose of this.#looseBlobs.values()) if (loose.has(digest)) return true
    for (const { blobs, descriptor } of this.#arriving) {
      if (descriptor.digest === digest || blobs.includes(digest)) return true
    }
    for (const name of (await this.store.readCatalog()).keys()) {
      const contents = await this.#readContents(name)
      if (contents?.blobs.has(digest) || contents?.manifests.has(digest)) return true
    }
    return false
  }

  async #readContents(name: string): Promise<Contents | undefined> {
    const repository = (await this.store.readCatalog()).get(name)
    if (!repository) return undefined
    let contents = this.#contents.get(repository)
    if (!contents) {
      contents = readContents(this.store, repository)
      this.#contents.set(repository, contents)
      contents.catch(() => this.#contents.delete(repository))
    }
    return await contents
  }
}

function readPushedFacts(manifest: RawManifest): ManifestFacts {
  try {
    return readManifestFacts(manifest)
  } catch (error) {
    throw TransloadError.is(error, 'MANIFEST_INVALID') ? refusal('MANIFEST_INVALID', error.message) : error
  }
}
