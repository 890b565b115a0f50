import {
  displayText,
  parseManifest,
  referenceText,
  TransloadError,
  type Descriptor,
  type Digest,
  type Manifest,
  type OperationOptions,
  type RawManifest,
  type StoredSignature,
} from '@transload/contract'

import { createLimiter, runAll } from './bounded.ts'
import { checkTrust } from './check-trust.ts'
import { imageLabel, labelError } from './image-label.ts'
import { readManifest } from './read-manifest.ts'
import { schema1Layers } from './schema1/layers.ts'
import { chooseInstance } from './select-instance.ts'
import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'

export type ImageManifest = Extract<Manifest, { readonly kind: 'image' }>
export type Schema1Manifest = Extract<Manifest, { readonly kind: 'schema1' }>
export type IndexManifest = Extract<Manifest, { readonly kind: 'index' }>

export interface SelectedManifest<M extends Manifest = Manifest> {
  readonly raw: RawManifest
  readonly manifest: M
  /** Empty where they are not to be carried over: then they were not read. */
  readonly signatures: readonly StoredSignature[]
}

export interface SelectedImage extends SelectedManifest<ImageManifest | Schema1Manifest> {
  /** The layers to read; other ones than the manifest's where the source stores them in another encoding. */
  readonly layers: readonly Descriptor[]
  /** Its place in the index and what the index says of it. */
  readonly entry?: { readonly position: number; readonly descriptor: Descriptor }
}

/** What is to be copied, read but not judged (that is the plan's) except by the trust policy. */
export interface SelectedImages {
  /** `scheme:text` */
  readonly source: string
  readonly root: RawManifest
  /** The index to be written too; absent when one image is copied, even one chosen from an index. */
  readonly index?: SelectedManifest<IndexManifest>
  /** In the order of the index. */
  readonly images: readonly SelectedImage[]
}

/** Reads the manifests and signatures of what is copied, and asks the policy about every image (copy-engine.md §2). */
export async function selectImages(session: CopySession): Promise<SelectedImages> {
  const { source, options } = session
  const name = displayText(referenceText(source.reference))
  const root = await reading(`reading manifest of ${name}`, options, () => readManifest(source, undefined, options))
  const manifest = parseManifest(root)
  if (manifest.kind !== 'index') {
    return { source: name, root, images: [await selectImage(session, root, manifest, options)] }
  }
  if (options.images === 'system') {
    const descriptor = await reading(`choosing an image from manifest list ${name}`, options, async () =>
      chooseInstance(manifest, options.platform),
    )
    const entry = { position: manifest.manifests.indexOf(descriptor), descriptor }
    const label = imageLabel(false, 1, 0)
    return { source: name, root, images: [await selectInstance(session, entry, label, options)] }
  }
  if (session.destination.traits.multiImage !== true) {
    const scheme = session.destination.reference.scheme
    throw new TransloadError(
      'UNSUPPORTED',
      `copying multiple images: destination transport "${scheme}" does not support copying multiple images as a group`,
    )
  }
  const signatures = options.removeSignatures ? [] : await readSignatures(session, root.digest, options)
  const index = { raw: root, manifest, signatures }
  const entries = options.images === 'all' ? [...manifest.manifests.entries()] : []
  const inTurn = createLimiter(options.concurrency)
  const images = await runAll(entries, options, ([position, descriptor], operation) =>
    inTurn(async () => {
      operation.signal.throwIfAborted()
      const label = imageLabel(true, entries.length, position)
      return await selectInstance(session, { position, descriptor }, label, operation)
    }),
  )
  return { source: name, root, index, images }
}

async function selectInstance(
  session: CopySession,
  entry: NonNullable<SelectedImage['entry']>,
  label: string | undefined,
  operation: OperationOptions,
): Promise<SelectedImage> {
  try {
    const { digest } = entry.descriptor
    const raw = await reading('reading manifest', operation, () => readManifest(session.source, digest, operation))
    const manifest = parseManifest(raw)
    if (manifest.kind !== 'index') return { ...(await selectImage(session, raw, manifest, operation)), entry }
    throw new TransloadError(
      'UNSUPPORTED',
      'Unexpectedly received a manifest list instead of a manifest for a single image',
    )
  } catch (error) {
    throw labelError(label, 'plan', error)
  }
}

async function selectImage(
  session: CopySession,
  raw: RawManifest,
  manifest: ImageManifest | Schema1Manifest,
  operation: OperationOptions,
): Promise<SelectedImage> {
  let listed: Promise<readonly StoredSignature[]> | undefined
  // Once, so that what is copied is what the policy has seen.
  const list = (): Promise<readonly StoredSignature[]> => (listed ??= readSignatures(session, raw.digest, operation))
  const { source, options } = session
  await checkTrust(options.policy, { reference: source.reference, manifest: raw, signatures: list }, operation)
  const signatures = session.options.removeSignatures ? [] : await list()
  const layers = await reading('reading layers', operation, async () => source.layersForCopy?.(raw, operation))
  return { raw, manifest, signatures, layers: layers ?? layersOf(manifest) }
}

function layersOf(manifest: ImageManifest | Schema1Manifest): readonly Descriptor[] {
  return manifest.kind === 'image' ? manifest.layers : schema1Layers(manifest)
}

async function readSignatures(
  { source: { signatures } }: CopySession,
  digest: Digest,
  operation: OperationOptions,
): Promise<readonly StoredSignature[]> {
  if (!signatures) return []
  return await reading(`reading signatures of ${digest}`, operation, () => signatures.list(digest, operation))
}

async function reading<T>(what: string, { signal }: OperationOptions, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    // An abort is not the source's doing: it keeps its reason for whoever aborted.
    signal?.throwIfAborted()
    throw new TransferError('source', 'plan', what, error)
  }
}
