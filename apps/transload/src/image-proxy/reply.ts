import { encodeJson, errorMessage, systemErrorCode } from '@transload/contract'
import { TransferError, TrustError } from '@transload/core'

import { causes } from '../exit-code.ts'
import { mayPass } from '../retry.ts'

/** What a call answers; `pipeId` is given with one descriptor, none or two come without. */
export interface ProxyAnswer {
  readonly value?: unknown
  readonly pipeId?: number
  /** The read ends the client gets. */
  readonly descriptors?: readonly number[]
}

export function successPacket({ value = null, pipeId = 0 }: ProxyAnswer): string {
  return encodeJson({ success: true, value, pipeid: pipeId, error_code: '', error: '' })
}

export function failurePacket(error: unknown): string {
  const { code, message } = proxyFailure(error)
  return encodeJson({ success: false, value: null, pipeid: 0, error_code: code, error: message })
}

/** A failure as the protocol tells it: `EPIPE` the client closed its pipe, `retryable`, or `other`. */
export function proxyFailure(error: unknown): { readonly code: string; readonly message: string } {
  if (causes(error).some((cause) => systemErrorCode(cause) === 'EPIPE')) {
    return { code: 'EPIPE', message: 'write |1: broken pipe' }
  }
  return { code: mayPass(error) ? 'retryable' : 'other', message: failureMessage(error) }
}

/** Without the engine's words before it, which skopeo does not have here. */
function failureMessage(error: unknown): string {
  if (error instanceof TrustError) return error.reasons.join('; ')
  return errorMessage(error instanceof TransferError ? error.cause : error)
}
