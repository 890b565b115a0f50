import { TransloadError, type OperationOptions } from '@transload/contract'

import { createLimiter, runAll } from './bounded.ts'
import type { SelectedReferrer } from './find-referrers.ts'
import { listSome, type NamedReferrer } from './referrer-text.ts'
import type { CopySession } from './session.ts'
import { coversManifest } from './tag-coverage.ts'
import { TransferError } from './transfer-error.ts'

/**
 * Looks at the destination again: throws REFERRERS_LOST, naming what is not found there by its subject or by its tag. A
 * destination that cannot be looked at again is trusted.
 */
export async function checkReferrers(session: CopySession, referrers: readonly SelectedReferrer[]): Promise<void> {
  const { destination, options } = session
  if (referrers.length === 0 || !destination.readReferrers || !destination.readTagged) return
  const inTurn = createLimiter(options.concurrency)
  const subjects = Map.groupBy(referrers, ({ subject }) => subject)
  const missing = await readingBack(options, async () => [
    ...(await runAll([...subjects], options, async ([subject, expected], operation): Promise<NamedReferrer[]> => {
      if (subject === undefined) return []
      const found = new Set<string>()
      await inTurn(async () => {
        for await (const { digest } of destination.readReferrers!(subject, operation)) found.add(digest)
      })
      return expected.flatMap(({ raw }) => (found.has(raw.digest) ? [] : [{ raw, subject, tags: [] }]))
    })),
    ...(await runAll(referrers, options, async ({ raw, tags }, operation): Promise<NamedReferrer[]> => {
      const found = await runAll(tags, operation, (tag, each) =>
        inTurn(async () => coversManifest(await destination.readTagged!(tag, each), raw)),
      )
      const lost = tags.filter((_, position) => !found[position])
      return lost.length > 0 ? [{ raw, tags: lost }] : []
    })),
  ])
  const lost = missing.flat()
  if (lost.length > 0) {
    throw new TransloadError('REFERRERS_LOST', `not found at the destination after the copy: ${listSome(lost)}`, {
      retryable: true,
      hint: 'The image is there without them. The registry may not keep them, or list them only after a while.',
    })
  }
  options.progress({ type: 'verified', referrers: referrers.length })
}

async function readingBack<T>({ signal }: OperationOptions, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    signal?.throwIfAborted()
    throw new TransferError('destination', 'commit', 'reading back what refers to the image', error)
  }
}
