import { HttpError, TransloadError, type OperationOptions, type RawManifest } from '@transload/contract'

import { createLimiter, runAll } from './bounded.ts'
import { checkReferrers } from './check-referrers.ts'
import type { CopyResult } from './copy-options.ts'
import type { CopyPlan } from './copy-plan.ts'
import { labelError, plannedImageLabel } from './image-label.ts'
import { pendingManifests, type PendingManifest } from './pending-manifests.ts'
import type { SelectedImages } from './select-images.ts'
import type { CopySession } from './session.ts'
import { signManifests, type SignedManifest } from './sign-manifests.ts'
import { TransferError } from './transfer-error.ts'
import type { MovedBlobs } from './transfer.ts'
import { storeBundles } from './write-bundles.ts'
import { writeReferrers } from './write-referrers.ts'

/** Many registries take an index only with all of its images. */
const sparseHint =
  'The list names images that are not copied, and the registry takes it only with them: ' +
  'copy all (--all), or have their entries removed (--strip-removed-platforms).'

/**
 * Writes the manifests, images before their index and after what is signed of them, then the signatures, and publishes
 * it all; looks whether what refers to the image is really there then. Until the destination's `commit` nothing is
 * visible under its name. Throws TransferError, REFERRERS_LOST.
 */
export async function commitImage(
  session: CopySession,
  selected: SelectedImages,
  plan: CopyPlan,
  moved: MovedBlobs,
): Promise<CopyResult> {
  const { destination, options } = session
  const { images, nested, root } = await pendingManifests(session, selected, plan, moved)
  if (plan.index) await writeImages(session, plan, images)
  const isSparse = plan.index?.others === 'keep' && plan.images.length < plan.index.listed
  const hint = isSparse ? sparseHint : undefined
  for (const { manifest } of nested) await writeManifest(session, manifest, { root: false, list: true, hint }, options)
  await writeReferrers(session, selected.referrers ?? [])
  announceManifest(session, root.manifest, root)
  const signed = await signManifests(session, plan.signIdentity, [...images, ...nested, root])
  for (const one of signed) await writeBundles(session, one)
  await storeManifest(session, root.manifest, { ...root, hint }, options)
  for (const one of signed) await writeSignatures(session, one)
  await committing('committing the finished image', { ...options, hint }, () => destination.commit(options))
  await checkReferrers(session, selected.referrers ?? [])

  const { digest, mediaType, bytes } = root.manifest
  options.progress({ type: 'done', digest })
  return { plan, digest, mediaType, bytes, blobs: { copied: moved.copied, reused: moved.reused, bytes: moved.bytes } }
}

async function writeImages(session: CopySession, plan: CopyPlan, images: readonly PendingManifest[]): Promise<void> {
  const { options } = session
  const distinct = new Map(images.entries().map(([index, image]) => [image.manifest.digest, { ...image, index }]))
  const inTurn = createLimiter(options.concurrency)
  await runAll([...distinct.values()], options, ({ manifest, index }, operation) =>
    inTurn(async () => {
      operation.signal.throwIfAborted()
      try {
        await writeManifest(session, manifest, { root: false, list: false }, operation)
      } catch (error) {
        throw labelError(plannedImageLabel(plan, index), 'commit', error)
      }
    }),
  )
}

interface ManifestRole {
  readonly root: boolean
  /** An index. */
  readonly list: boolean
  /** What to do if it is turned down because something is not known. */
  readonly hint?: string | undefined
}

async function writeManifest(
  session: CopySession,
  manifest: RawManifest,
  role: ManifestRole,
  operation: OperationOptions,
): Promise<void> {
  announceManifest(session, manifest, role)
  await storeManifest(session, manifest, role, operation)
}

function announceManifest(
  { options }: CopySession,
  { digest }: RawManifest,
  { root, list }: Pick<ManifestRole, 'root' | 'list'>,
): void {
  options.progress({ type: 'manifest', digest, root, list })
}

async function storeManifest(
  { destination }: CopySession,
  manifest: RawManifest,
  { root, hint }: ManifestRole,
  { signal }: OperationOptions,
): Promise<void> {
  await committing('writing manifest', { signal, hint }, () => destination.writeManifest(manifest, { root, signal }))
}

async function writeBundles(session: CopySession, signed: SignedManifest): Promise<void> {
  const { destination, options } = session
  for (const referrer of await storeBundles(session, signed)) {
    await committing('writing signatures', options, () =>
      destination.writeManifest(referrer, { root: false, referrer: true, signal: options.signal }),
    )
  }
}

async function writeSignatures(
  { destination, options }: CopySession,
  { manifest, signatures, bundles, root, list }: SignedManifest,
): Promise<void> {
  const count = signatures.length + bundles.length
  if (list || count > 0) options.progress({ type: 'signatures', digest: manifest.digest, root, list, count })
  const writer = destination.signatures
  if (signatures.length === 0 || !writer) return
  await committing('writing signatures', options, () => writer.replace(manifest.digest, signatures, options))
}

/** `hint` goes with the answer that something is not known: for more a registry has no words. */
async function committing(
  what: string,
  { signal, hint }: OperationOptions & { readonly hint?: string | undefined },
  write: () => Promise<void>,
): Promise<void> {
  try {
    signal?.throwIfAborted()
    await write()
  } catch (error) {
    signal?.throwIfAborted()
    throw new TransferError('destination', 'commit', what, saysUnknown(error) ? withHint(error, hint) : error)
  }
}

function saysUnknown(error: unknown): error is HttpError {
  if (!TransloadError.is(error)) return false
  const { serverCodes = [] } = error as Partial<HttpError>
  return serverCodes.some((code) => code.endsWith('UNKNOWN'))
}

function withHint(error: HttpError, hint = error.hint): HttpError {
  const { code, message, status, serverCodes, retryable } = error
  return new HttpError(code, message, { status, serverCodes, retryable, hint, cause: error.cause })
}
