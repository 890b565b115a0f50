import { setTimeout as sleep } from 'node:timers/promises'

import type { OperationOptions } from '@transload/contract'

/** How to wait; tests put a clock of their own here. Rejects with `signal.reason`. */
export type Delay = (ms: number, options: OperationOptions) => Promise<void>

export const wait: Delay = async (ms, { signal }) => {
  await sleep(ms, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted())
}
