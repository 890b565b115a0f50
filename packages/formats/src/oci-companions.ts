import {
  TransloadError,
  type CompanionReader,
  type Descriptor,
  type Digest,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'

import { cosignSaved } from './cosign-layout.ts'
import { refNameOf, type OciIndex } from './oci-index.ts'
import type { ReadableOciLayout } from './oci-layout.ts'
import { findOciReferrers, readOciReferrers, type OciReferrers } from './oci-referrers.ts'

/** What goes along with the images of a layout, as `index.json` had it. Looks the referrers up once for all subjects. */
export class OciCompanions implements CompanionReader {
  readonly #layout: ReadableOciLayout
  readonly #index: OciIndex
  #referrers: Promise<OciReferrers> | undefined

  constructor(layout: ReadableOciLayout, index: OciIndex) {
    this.#layout = layout
    this.#index = index
  }

  async *readReferrers(
    subject: Digest,
    options: OperationOptions & { readonly artifactType?: string | undefined } = {},
  ): AsyncGenerator<Descriptor> {
    yield* readOciReferrers(this.#layout, await this.#findReferrers(options), subject, options)
  }

  /** Throws DIGEST_MISMATCH. */
  async readTagged(tag: string, options: OperationOptions = {}): Promise<RawManifest | undefined> {
    const entry = this.#index.manifests.find((each) => refNameOf(each) === tag) ?? cosignSaved(this.#index, tag)
    if (!entry || (await this.#layout.blobSize(entry.digest)) === undefined) return undefined
    const manifest = await this.#layout.readManifest(entry.digest, entry.mediaType, options)
    if (manifest.digest === entry.digest) return manifest
    throw new TransloadError('DIGEST_MISMATCH', `Manifest does not match provided manifest digest ${entry.digest}`)
  }

  async #findReferrers({ signal }: OperationOptions): Promise<OciReferrers> {
    const finding = (this.#referrers ??= findOciReferrers(this.#layout, this.#index, { signal }))
    try {
      return await finding
    } catch (error) {
      // Whose reading it was may have given up; the next one tries again.
      if (this.#referrers === finding) this.#referrers = undefined
      throw error
    }
  }
}
