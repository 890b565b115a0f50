import { TransloadError } from '@transload/contract'

import type { CopyPlan } from './copy-plan.ts'
import { TransferError } from './transfer-error.ts'

/**
 * Which image of a list is being copied, in skopeo's words: the `turn`th of `count`, or the one chosen from it.
 * Undefined for an image that is in no list.
 */
export function imageLabel(wholeList: boolean, count: number, turn: number | undefined): string | undefined {
  if (turn === undefined) return undefined
  return wholeList ? `copying image ${turn + 1}/${count} from manifest list` : 'copying system image from manifest list'
}

/** The label of an image of a plan. */
export function plannedImageLabel({ index, images }: CopyPlan, turn: number): string | undefined {
  return imageLabel(index !== undefined, images.length, images[turn]?.path === undefined ? undefined : turn)
}

/** The same error, saying which image it is about. What is not a TransloadError (an abort reason) stays as it is. */
export function labelError(label: string | undefined, step: TransferError['step'], error: unknown): unknown {
  if (label === undefined || !TransloadError.is(error)) return error
  return new TransferError(error instanceof TransferError ? error.side : 'source', step, label, error)
}
