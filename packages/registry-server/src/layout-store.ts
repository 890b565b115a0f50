import { stat } from 'node:fs/promises'

import { systemErrorCode, TransloadError, type Digest, type Log, type RawManifest } from '@transload/contract'
import { DirectoryTree, OciLayout } from '@transload/formats'

import { readCatalog, type Catalog, type CatalogEdit } from './catalog.ts'
import { readManifestFacts, type ManifestFacts } from './manifest-facts.ts'

export interface LayoutStoreOptions {
  readonly directory: string
  readonly defaultRepository: string
  readonly log: Log
}

interface WaitingEdit {
  readonly edit: CatalogEdit
  readonly done: PromiseWithResolvers<void>
}

/** Which version of `index.json` a catalog was read from. */
type IndexIdentity = string | undefined

/**
 * The layout and what is known of it. Other processes may write the layout meanwhile: a changed `index.json` is
 * noticed by the next request. Edits that wait at the same time share one write of `index.json`.
 */
export class LayoutStore {
  readonly #layout: OciLayout
  readonly #defaultRepository: string
  readonly #log: Log
  #catalog: Catalog = new Map()
  #identity: IndexIdentity
  #reading: Promise<void> | undefined
  #waiting: WaitingEdit[] = []
  #isCommitting = false
  /** Content never changes under a digest, so neither do its facts; undefined: no such manifest, or not one. */
  readonly #facts = new Map<Digest, ManifestFacts | undefined>()

  constructor({ directory, defaultRepository, log }: LayoutStoreOptions) {
    this.#layout = new OciLayout(new DirectoryTree(directory))
    this.#defaultRepository = defaultRepository
    this.#log = log
  }

  /** The repositories as of now. */
  async readCatalog(): Promise<Catalog> {
    while ((await this.#currentIdentity()) !== this.#identity) {
      try {
        await (this.#reading ??= this.#reread())
      } catch (error) {
        // Some tools write index.json in place: until it is whole again, what was last read counts.
        if (this.#identity === undefined || !TransloadError.is(error, 'MANIFEST_INVALID')) throw error
        this.#log('warn', error.message)
        break
      }
    }
    return this.#catalog
  }

  /** Resolves when the change is durable. */
  async edit(edit: CatalogEdit): Promise<void> {
    const done = Promise.withResolvers<void>()
    this.#waiting.push({ edit, done })
    if (!this.#isCommitting) void this.#commit()
    await done.promise
  }

  /** Undefined for a manifest that is not in the layout or that this registry cannot read. */
  async readFacts(digest: Digest, mediaType: string): Promise<ManifestFacts | undefined> {
    if (this.#facts.has(digest)) return this.#facts.get(digest)
    let facts: ManifestFacts | undefined
    try {
      facts = readManifestFacts({ ...(await this.#layout.readManifest(digest, mediaType)), digest })
    } catch (error) {
      if (!TransloadError.is(error)) throw error
      if (error.code !== 'MANIFEST_UNKNOWN') this.#log('warn', `${digest}: ${error.message}`)
    }
    this.#facts.set(digest, facts)
    return facts
  }

  /** Throws MANIFEST_UNKNOWN. */
  async readManifest(digest: Digest, mediaType: string): Promise<RawManifest> {
    return await this.#layout.readManifest(digest, mediaType)
  }

  async writeManifest(manifest: RawManifest, facts: ManifestFacts): Promise<void> {
    await this.#layout.writeBlob(manifest.bytes, () => manifest.digest)
    this.#facts.set(manifest.digest, facts)
  }

  /** In bytes; undefined when there is no such blob. */
  async blobSize(digest: Digest): Promise<number | undefined> {
    return await this.#layout.blobSize(digest)
  }

  /** The file of a blob; undefined when there is no such blob. */
  async blobFile(digest: Digest): Promise<string | undefined> {
    return await this.#layout.blobFile(digest)
  }

  /** Takes over a closed file with verified content. */
  async adoptBlob(file: string, digest: Digest): Promise<void> {
    await this.#layout.adoptBlob(file, digest)
  }

  /** Removes a manifest's or blob's file unless `isNeeded`, which is asked while nobody can change the index. */
  async removeBlob(digest: Digest, isNeeded: () => Promise<boolean>): Promise<void> {
    await using _locked = await this.#layout.lockIndex()
    if (await isNeeded()) return
    await this.#layout.removeBlob(digest)
    this.#facts.delete(digest)
  }

  /** Never rejects. */
  async #commit(): Promise<void> {
    this.#isCommitting = true
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await using locked = await this.#layout.lockIndex()
        const manifests = [...locked.index.manifests]
        for (const { edit } of batch) edit(manifests, this.#defaultRepository)
        const index = { ...locked.index, manifests }
        await locked.write(index)
        this.#catalog = readCatalog(index, this.#defaultRepository)
        this.#identity = await this.#currentIdentity()
        for (const { done } of batch) done.resolve()
      } catch (error) {
        for (const { done } of batch) done.reject(error)
      }
    }
    this.#isCommitting = false
  }

  async #reread(): Promise<void> {
    try {
      const identity = await this.#currentIdentity()
      this.#catalog =
        identity === undefined ? new Map() : readCatalog(await this.#layout.readIndex(), this.#defaultRepository)
      this.#identity = identity
      // What another process wrote may include manifests that were missing.
      for (const [digest, facts] of this.#facts) if (!facts) this.#facts.delete(digest)
    } finally {
      this.#reading = undefined
    }
  }

  async #currentIdentity(): Promise<IndexIdentity> {
    try {
      const { ino, size, mtimeNs } = await stat(this.#layout.tree.hostPath('index.json'), { bigint: true })
      return `${ino} ${size} ${mtimeNs}`
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined
      throw error
    }
  }
}
