import { TransloadError } from '@transload/contract'

import type { CopyResult, ManifestFormat } from './copy-options.ts'
import type { CopyPlan, PlannedManifest } from './copy-plan.ts'
import { isEncrypted } from './layer-crypto.ts'
import { imageTypeOf, indexTypeOf } from './manifest-type.ts'
import { planCopy } from './plan.ts'
import type { SelectedImages } from './select-images.ts'
import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'

/**
 * Carries out the plan, and, if the destination turns the manifest down for its type, the plans for the other formats
 * in turn: a registry says only when asked which manifests it takes (copy-engine.md §6.3). Anything else is thrown as
 * it is. Layers that need to be read through for the other format are read again, where skopeo gives up.
 */
export async function withFallbackFormat(
  session: CopySession,
  selected: SelectedImages,
  plan: CopyPlan,
  carryOut: (plan: CopyPlan) => Promise<CopyResult>,
): Promise<CopyResult> {
  try {
    return await carryOut(plan)
  } catch (error) {
    if (!isRejectedType(error)) throw error
    const formats = otherFormats(session, plan)
    if (formats.length === 0) throw unmodifiable(plan, error)
    const failed: FailedAttempt[] = [{ mediaType: writtenRoot(plan).mediaType, error }]
    for (const format of formats) {
      session.options.log('info', `${failed.at(-1)!.error.message}; trying ${format} manifests`)
      try {
        return await carryOut(planCopy(selected, session.destination, { ...session.options, format }))
      } catch (next) {
        if (!TransloadError.is(next) || session.options.signal?.aborted) throw next
        failed.push({ mediaType: plan.index ? indexTypeOf(format) : imageTypeOf(format), error: next })
      }
    }
    throw allFailed(failed)
  }
}

function isRejectedType(error: unknown): error is TransferError {
  if (!(error instanceof TransferError) || error.side !== 'destination' || error.step !== 'commit') return false
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const [code] = (cause as { readonly serverCodes?: readonly string[] }).serverCodes ?? []
    if (code === 'MANIFEST_INVALID' || code === 'TAG_INVALID') return true
  }
  return false
}

/** In the order to be tried; empty if only one format is possible. Encrypted layers are in OCI manifests only. */
function otherFormats({ destination, options }: CopySession, plan: CopyPlan): readonly ManifestFormat[] {
  if (options.format !== undefined || unmodifiableReason(plan) !== undefined) return []
  const formats: readonly ManifestFormat[] = plan.index ? ['docker', 'oci'] : ['docker', 'schema1', 'oci']
  const typeOf = plan.index ? indexTypeOf : imageTypeOf
  const tried = writtenRoot(plan).mediaType
  const isEncrypting = hasEncryptedLayers(plan)
  return formats.filter((format) => {
    const isAccepted = destination.traits.manifestTypes?.includes(imageTypeOf(format)) ?? true
    return isAccepted && typeOf(format) !== tried && (format === 'oci' || !isEncrypting)
  })
}

function hasEncryptedLayers({ images }: CopyPlan): boolean {
  return images.some(({ layers }) =>
    layers.some(({ blob, crypto }) => crypto === 'encrypt' || (crypto === undefined && isEncrypted(blob))),
  )
}

function writtenRoot({ index, images }: CopyPlan): PlannedManifest {
  return index ?? images[0]!
}

function unmodifiableReason(plan: CopyPlan): string | undefined {
  return [writtenRoot(plan), ...(plan.nested ?? []), ...plan.images].find(
    (written) => written.unmodifiable !== undefined,
  )?.unmodifiable
}

function unmodifiable(plan: CopyPlan, error: TransferError): TransferError {
  const reason = unmodifiableReason(plan)
  if (reason === undefined) return error
  const what = `writing manifest failed and we cannot try conversions: "${reason}"`
  return new TransferError('destination', 'commit', what, error)
}

interface FailedAttempt {
  readonly mediaType: string
  readonly error: TransloadError
}

function allFailed(failed: readonly FailedAttempt[]): TransloadError {
  const tried = failed.map(({ mediaType, error }) => `${mediaType}(${error.message})`).join(', ')
  const { code, hint } = failed.at(-1)!.error
  return new TransloadError(code, `Uploading manifest failed, attempted the following formats: ${tried}`, {
    cause: failed.at(-1)!.error,
    hint,
  })
}
