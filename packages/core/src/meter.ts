import type { Stage } from '@transload/contract'

import type { PlannedBlob } from './copy-plan.ts'
import type { ProgressSink } from './progress.ts'

const intervalMs = 100

/** Passes bytes on and reports how many there were so far, ten times a second at most. */
export function meter(progress: ProgressSink, { role, blob }: PlannedBlob): Stage {
  return async function* (input) {
    let bytes = 0
    let reportedAt = performance.now()
    for await (const chunk of input) {
      bytes += chunk.length
      const now = performance.now()
      if (now - reportedAt >= intervalMs) {
        reportedAt = now
        progress({ type: 'blob', state: 'moving', role, blob, bytes })
      }
      yield chunk
    }
  }
}
