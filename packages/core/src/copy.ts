import { TransloadError } from '@transload/contract'

import { checkSignatureStore } from './check-signature-store.ts'
import { commitImage } from './commit.ts'
import type { CopyOptions, CopyResult } from './copy-options.ts'
import { withFallbackFormat } from './fallback-format.ts'
import { withReferrers } from './find-referrers.ts'
import { planCopy } from './plan.ts'
import { plannedResult } from './planned-result.ts'
import type { Located } from './plugin-registry.ts'
import { selectImages } from './select-images.ts'
import { openCopySession, openReadSession } from './session.ts'
import { transferBlobs } from './transfer.ts'

/**
 * Copies an image, or an index with its images, to another place, in which nothing is visible before all of it has
 * arrived. Throws TransferError (whose `code` is that of the transport's error), TrustError, ABORTED once `signal`
 * is, for what the options rule out CONVERSION_IMPOSSIBLE, SIGNATURES_LOST, REFERRERS_LOST, PLATFORM_UNKNOWN or
 * UNSUPPORTED, and REFERRERS_LOST also for a destination that has lost some when it is asked afterwards.
 */
export async function copyImage(from: Located, to: Located, options: CopyOptions = {}): Promise<CopyResult> {
  try {
    await using reading = await openReadSession(from, to, options)
    const images = await selectImages(reading)
    const selected = options.withReferrers ? await withReferrers(reading, images) : images
    await using session = await openCopySession(reading, to)
    const plan = planCopy(selected, session.destination, session.options)
    await checkSignatureStore(session, selected)
    if (options.dryRun) return plannedResult(selected, plan)
    return await withFallbackFormat(session, selected, plan, async (tried) => {
      const moved = await transferBlobs(session, tried)
      return await commitImage(session, selected, tried, moved)
    })
  } catch (error) {
    if (options.signal?.aborted) throw abortedBy(options.signal)
    throw error
  }
}

function abortedBy({ reason }: AbortSignal): TransloadError {
  return new TransloadError('ABORTED', `copy aborted: ${reason instanceof Error ? reason.message : String(reason)}`, {
    cause: reason,
  })
}
