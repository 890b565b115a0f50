import type { OperationOptions } from '@transload/contract'

import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'

const retries = 3
const firstDelayMs = 500

/** Tries again what failed with a retryable TransferError, up to three times, each after a longer wait. */
export async function withRetries<T>(
  { delay, options }: CopySession,
  operation: OperationOptions,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failures = 0; ;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof TransferError && error.retryable) || ++failures > retries) throw error
      options.log('warn', `${error.message}; trying again (${failures}/${retries})`)
      await delay(firstDelayMs * 2 ** (failures - 1), operation)
    }
  }
}
