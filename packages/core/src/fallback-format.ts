import { mediaTypes, TransloadError } from '@transload/contract'

import type { CopyOptions, CopyResult } from './copy-options.ts'
import type { CopyPlan, PlannedManifest } from './copy-plan.ts'
import { isEncrypted } from './layer-crypto.ts'
import { formatOf } from './manifest-type.ts'
import { planCopy } from './plan.ts'
import type { SelectedImages } from './select-images.ts'
import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'

/**
 * Carries out the plan, and, if the destination turns the manifest down for its type, the plan for the other format:
 * a registry says only when asked which manifests it takes (copy-engine.md §6.3). Anything else is thrown as it is.
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
    const format = otherFormat(session, plan)
    if (format === undefined) throw unmodifiable(plan, error)
    session.options.log('info', `${error.message}; trying ${format} manifests`)
    try {
      return await carryOut(planCopy(selected, session.destination, { ...session.options, format }))
    } catch (second) {
      throw bothFailed(plan, format, error, second)
    }
  }
}

function isRejectedType(error: unknown): error is TransferError {
  if (!(error instanceof TransferError) || error.side !== 'destination' || error.step !== 'commit') return false
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const [code] = (cause as { readonly serverCodes?: readonly string[] }).serverCodes ?? []
    if (code === 'MANIFEST_INVALID' || code === 'TAG_INVALID') return true
    if (code === 'UNSUPPORTED' && cause.message.includes('Invalid JSON syntax')) return true
  }
  return false
}

/** Undefined if only one format is possible; encrypted layers are in OCI manifests only. */
function otherFormat({ destination, options }: CopySession, plan: CopyPlan): CopyOptions['format'] {
  if (options.format !== undefined || unmodifiableReason(plan) !== undefined) return undefined
  const other = formatOf(writtenRoot(plan).mediaType) === 'oci' ? 'docker' : 'oci'
  if (other === 'docker' && hasEncryptedLayers(plan)) return undefined
  const type = other === 'oci' ? mediaTypes.ociManifest : mediaTypes.dockerManifest
  return destination.traits.manifestTypes?.includes(type) === false ? undefined : other
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
  return [writtenRoot(plan), ...plan.images].find((written) => written.unmodifiable !== undefined)?.unmodifiable
}

function unmodifiable(plan: CopyPlan, error: TransferError): TransferError {
  const reason = unmodifiableReason(plan)
  if (reason === undefined) return error
  const what = `writing manifest failed and we cannot try conversions: "${reason}"`
  return new TransferError('destination', 'commit', what, error)
}

function bothFailed(plan: CopyPlan, format: 'oci' | 'docker', first: TransferError, second: unknown): unknown {
  if (!TransloadError.is(second)) return second
  const { mediaType } = writtenRoot(plan)
  const tried = `${mediaType}(${first.message}), ${otherType(plan, format)}(${second.message})`
  return new TransloadError(second.code, `Uploading manifest failed, attempted the following formats: ${tried}`, {
    cause: second,
    hint: second.hint,
  })
}

function otherType({ index }: CopyPlan, format: 'oci' | 'docker'): string {
  if (index) return format === 'oci' ? mediaTypes.ociIndex : mediaTypes.dockerList
  return format === 'oci' ? mediaTypes.ociManifest : mediaTypes.dockerManifest
}
