import {
  referrerDescriptor,
  type Descriptor,
  type Digest,
  type Log,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'

import type { ResponseHeaders } from './http/http-client.ts'
import type { RegistryReference } from './reference.ts'
import { changeReferrersTag, subjectOf } from './referrers-tag.ts'
import { usesReferrersTag } from './referrers.ts'
import type { RegistryClient } from './registry-client.ts'

/** Manifests stored in a registry that may have to be told of what they refer to, once for all of the same subject. */
export class ReferrerListing {
  readonly #client: RegistryClient
  readonly #reference: RegistryReference
  readonly #unlisted = new Map<Digest, Map<Digest, Descriptor>>()

  constructor(client: RegistryClient, reference: RegistryReference) {
    this.#client = client
    this.#reference = reference
  }

  /** `headers`: of the answer when it was stored, in which a registry with the referrers API says that it knows. */
  add(manifest: RawManifest, headers?: ResponseHeaders): void {
    if (headers?.get('oci-subject') !== undefined) return
    const subject = subjectOf(manifest)
    if (subject === undefined) return
    const referrers = this.#unlisted.get(subject) ?? new Map<Digest, Descriptor>()
    this.#unlisted.set(subject, referrers.set(manifest.digest, referrerDescriptor(manifest)))
  }

  /** Lists all that was added under the tags that stand in for the API, where a registry has none. */
  async write(options: OperationOptions & { readonly log: Log }): Promise<void> {
    for (const [subject, referrers] of this.#unlisted) {
      options.signal?.throwIfAborted()
      if (await usesReferrersTag(this.#client, this.#reference, subject, options)) {
        await changeReferrersTag(this.#client, this.#reference, subject, { add: [...referrers.values()] }, options)
      }
      this.#unlisted.delete(subject)
    }
  }
}
