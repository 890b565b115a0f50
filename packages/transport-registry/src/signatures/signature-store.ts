import {
  displayUrl,
  TransloadError,
  type Digest,
  type SignatureReader,
  type StoredSignature,
} from '@transload/contract'

import type { SignatureStorage } from '../options.ts'
import type { RegistryReference } from '../reference.ts'
import type { LateSignatureWriter } from '../registry-access.ts'
import type { RegistryClient } from '../registry-client.ts'
import type { SigstoreSignature } from './attachment.ts'
import { lookasideDirectory, lookasideUrl, readLookaside, type SignatureOptions } from './lookaside.ts'
import type { SimpleSignature } from './new-signatures.ts'

export interface SignatureStoreOptions {
  readonly client: RegistryClient
  /** The repository, where it really is. */
  readonly reference: RegistryReference
  readonly log: SignatureOptions['log']
  readonly readStorage: () => Promise<SignatureStorage>
}

/** The registry's own signatures, or else those of the lookaside, and then what is attached (trust.md §4). */
export function createSignatureReader({ client, reference, log, readStorage }: SignatureStoreOptions): SignatureReader {
  return {
    async list(manifest, { signal } = {}) {
      signal?.throwIfAborted()
      const options = { log, signal }
      const { lookaside, useSigstoreAttachments } = await readStorage()
      const simple = async (): Promise<readonly StoredSignature[]> => {
        if (await client.keepsSignatures(options)) {
          const { readExtension } = await import('./extension.ts')
          return await readExtension(client, reference, manifest, options)
        }
        if (lookaside === undefined) return []
        return await readLookaside(client, lookasideUrl(lookaside, reference.repository, manifest), options)
      }
      const attached = async (): Promise<readonly StoredSignature[]> => {
        if (!useSigstoreAttachments) return []
        const { readAttachments } = await import('./attachment.ts')
        return await readAttachments(client, reference, manifest, options)
      }
      return [...(await simple()), ...(await attached())]
    },
  }
}

/** Writes sigstore signatures to attachments, the others to the registry itself or else the lookaside. */
export function createSignatureWriter({
  client,
  reference,
  log,
  readStorage,
}: SignatureStoreOptions): Required<LateSignatureWriter> {
  const unfinished: ((options: SignatureOptions) => Promise<void>)[] = []

  const storeSimple = async (
    manifest: Digest,
    signatures: readonly SimpleSignature[],
    options: SignatureOptions,
  ): Promise<void> => {
    if (await client.keepsSignatures(options)) {
      const { addToExtension } = await import('./extension.ts')
      unfinished.push((finishing) => addToExtension(client, reference, manifest, signatures, finishing))
      return
    }
    const url = writableLookaside(await readStorage(), reference, manifest)
    const { writeLookasideFiles } = await import('./lookaside-files.ts')
    await writeLookasideFiles(lookasideDirectory(url), signatures, options)
  }

  const storeSigstore = async (
    manifest: Digest,
    signatures: readonly SigstoreSignature[],
    options: SignatureOptions,
  ): Promise<void> => {
    requireAttachments(await readStorage())
    const { addAttachments } = await import('./attachment.ts')
    await addAttachments(client, reference, manifest, signatures, options)
  }

  return {
    async check(kinds, { signal } = {}) {
      signal?.throwIfAborted()
      const storage = await readStorage()
      if (kinds.has('sigstore')) requireAttachments(storage)
      if (kinds.has('simple') && !(await client.keepsSignatures({ log, signal }))) {
        lookasideDirectory(writableLookaside(storage, reference, anyManifest))
      }
    },
    async replace(manifest, signatures, { signal } = {}) {
      signal?.throwIfAborted()
      const options = { log, signal }
      const sigstore = signatures.filter((signature) => signature.kind === 'sigstore')
      const simple = signatures.filter((signature) => signature.kind === 'simple')
      if (sigstore.length > 0) await storeSigstore(manifest, sigstore, options)
      if (simple.length > 0) await storeSimple(manifest, simple, options)
    },
    async finish({ signal } = {}) {
      for (const store of unfinished.splice(0)) await store({ log, signal })
    },
  }
}

/** Removes the files of the lookaside. Throws UNSUPPORTED where that cannot be written to. */
export async function removeLookasideSignatures(
  reference: RegistryReference,
  storage: SignatureStorage,
  manifest: Digest,
): Promise<void> {
  if ((storage.lookasideStaging ?? storage.lookaside) === undefined) return
  const directory = lookasideDirectory(writableLookaside(storage, reference, manifest))
  const { removeLookasideFiles } = await import('./lookaside-files.ts')
  await removeLookasideFiles(directory)
}

/** For a question about all of them. */
const anyManifest = `sha256:${'0'.repeat(64)}` as Digest

function requireAttachments({ useSigstoreAttachments }: SignatureStorage): void {
  if (useSigstoreAttachments) return
  throw new TransloadError('UNSUPPORTED', 'writing sigstore attachments is disabled by configuration', {
    hint: 'Set use-sigstore-attachments: true for the repository in registries.d.',
  })
}

function writableLookaside(
  { lookaside, lookasideStaging = lookaside }: SignatureStorage,
  { name, repository }: RegistryReference,
  manifest: Digest,
): URL {
  if (lookasideStaging === undefined) {
    throw new TransloadError('UNSUPPORTED', `${name}: no place for signatures is configured`)
  }
  const url = lookasideUrl(lookasideStaging, repository, manifest)
  if (url.protocol === 'file:') return url
  const scheme = url.protocol.slice(0, -1)
  throw new TransloadError(
    'UNSUPPORTED',
    `Writing directly to a ${scheme} lookaside ${displayUrl(lookasideStaging)} is not supported. Configure a lookaside-staging: location`,
  )
}
