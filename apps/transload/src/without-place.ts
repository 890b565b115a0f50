import { TransferError } from '@transload/core'

/** For commands with one place only: an error of `read` in its own words, without the engine's for where it happened. */
export async function withoutPlace<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw error instanceof TransferError ? error.cause : error
  }
}
