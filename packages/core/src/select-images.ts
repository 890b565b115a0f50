import {
  displayText,
  parseManifest,
  referenceText,
  TransloadError,
  type Descriptor,
  type Manifest,
  type OperationOptions,
  type RawManifest,
  type StoredSignature,
  type UnverifiedImage,
} from '@transload/contract'

import { createLimiter, runAll } from './bounded.ts'
import { checkSingleImage } from './check-single-image.ts'
import type { ResolvedCopyOptions } from './copy-options.ts'
import type { SelectedReferrer } from './find-referrers.ts'
import { imageLabel, labelError } from './image-label.ts'
import { imageLayers } from './image-layers.ts'
import {
  findInstance,
  listImages,
  parseIndex,
  type IndexManifest,
  type ListedImage,
  type ListedImages,
  type ListedIndex,
  type ReadIndex,
} from './index-tree.ts'
import { readManifest } from './read-manifest.ts'
import type { ReadSession } from './session.ts'
import { TransferError } from './transfer-error.ts'
import { checkIndexTrust, checkTrust } from './trust/check-trust.ts'
import { unverifiedImage } from './trust/unverified-image.ts'

export type ImageManifest = Extract<Manifest, { readonly kind: 'image' }>
export type Schema1Manifest = Extract<Manifest, { readonly kind: 'schema1' }>

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
  readonly entry?: ListedImage
}

/** An index in the index. */
export type SelectedIndex = SelectedManifest<IndexManifest> & Pick<ListedIndex, 'path'>

/** The index copied, with those in it. */
export interface SelectedRoot extends SelectedManifest<IndexManifest> {
  /** Each before the one it is in. */
  readonly nested: readonly SelectedIndex[]
  /** How many images there are to select from. */
  readonly listed: number
}

/** What is to be copied, read but not judged (that is the plan's) except by the trust policy. */
export interface SelectedImages {
  /** `scheme:text` */
  readonly source: string
  readonly root: RawManifest
  /** The index to be written too; absent when one image is copied, even one chosen from an index. */
  readonly index?: SelectedRoot
  /** In the order of the index. */
  readonly images: readonly SelectedImage[]
  /** What refers to these; absent unless it is copied. */
  readonly referrers?: readonly SelectedReferrer[]
}

/** Reads the manifests and signatures of what is copied, and asks the policy about every image (copy-engine.md §2). */
export async function selectImages(session: ReadSession): Promise<SelectedImages> {
  const { source, options } = session
  const name = displayText(referenceText(source.reference))
  const root = await reading(`determining manifest MIME type for ${name}`, options, () =>
    readManifest(source, undefined, options),
  )
  const manifest = parseManifest(root)
  if (manifest.kind !== 'index') {
    const image = await selectImage(session, root, manifest, options)
    if (typeof options.images !== 'string') await checkSingleImage(source, image, options.images, options)
    return { source: name, root, images: [image] }
  }
  const readIndex = indexReader(session)
  if (options.images === 'system') {
    const entry = await reading(`choosing an image from manifest list ${name}`, options, () =>
      findInstance(manifest, options.platform, readIndex, options),
    )
    return { source: name, root, images: [await selectInstance(session, entry, imageLabel(false, 1, 0), options)] }
  }
  const { images, nested, listed } =
    options.images === 'index-only'
      ? nothingOf(manifest)
      : await listImages(manifest, options.images, readIndex, options)
  const inTurn = createLimiter(options.concurrency)
  const rootImage = unverifiedImage(source, root)
  const nestedImages = nested.map(({ raw }) => unverifiedImage(source, raw))
  const isWhole = options.images === 'all' && images.length > 0
  await checkIndexTrust(options.policy, rootImage, nestedImages, { ...options, isWhole })
  const index = {
    raw: root,
    manifest,
    signatures: await readSignatures(rootImage, options),
    nested: await runAll([...nested.entries()], options, ([position, found], operation) =>
      inTurn(async () => ({
        ...found,
        signatures: await readSignatures(nestedImages[position]!, { ...options, ...operation }),
      })),
    ),
    listed,
  }
  const selected = await runAll([...images.entries()], options, ([turn, entry], operation) =>
    inTurn(async () => {
      operation.signal.throwIfAborted()
      return await selectInstance(session, entry, imageLabel(true, images.length, turn), operation)
    }),
  )
  return { source: name, root, index, images: selected }
}

function nothingOf({ manifests }: IndexManifest): ListedImages {
  return { images: [], nested: [], listed: manifests.length }
}

/** Reads indexes of an index. */
function indexReader({ source }: ReadSession): ReadIndex {
  return (digest, operation) =>
    reading(`reading manifest ${digest}`, operation, async () =>
      parseIndex(await readManifest(source, digest, operation)),
    )
}

async function selectInstance(
  session: ReadSession,
  entry: ListedImage,
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
  session: ReadSession,
  raw: RawManifest,
  manifest: ImageManifest | Schema1Manifest,
  operation: OperationOptions,
): Promise<SelectedImage> {
  const { source, options } = session
  const image = unverifiedImage(source, raw)
  await checkTrust(options.policy, image, operation)
  const signatures = await readSignatures(image, { ...options, ...operation })
  const layers = await reading('reading layers', operation, async () => source.layersForCopy?.(raw, operation))
  return { raw, manifest, signatures, layers: layers ?? imageLayers(manifest) }
}

async function readSignatures(
  image: UnverifiedImage,
  { removeSignatures, signal }: Pick<ResolvedCopyOptions, 'removeSignatures' | 'signal'>,
): Promise<readonly StoredSignature[]> {
  return removeSignatures ? [] : await image.signatures({ signal })
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
