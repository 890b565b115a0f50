import { TransloadError, type Digest, type ImageDestination, type OperationOptions } from '@transload/contract'

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
  const bySubject = Map.groupBy(referrers, ({ subject }) => subject)
  bySubject.delete(undefined)
  const lost = await readingBack(options, async () => [
    ...(await runAll([...bySubject], options, ([subject, expected], operation) =>
      inTurn(() => findUnlisted(destination, subject!, expected, operation)),
    )),
    ...(await runAll(referrers, options, (referrer, operation) =>
      inTurn(() => findUntagged(destination, referrer, operation)),
    )),
  ])
  if (lost.flat().length > 0) {
    throw new TransloadError(
      'REFERRERS_LOST',
      `not found at the destination after the copy: ${listSome(lost.flat())}`,
      {
        retryable: true,
        hint: 'The image is there without them. The registry may not keep them, or list them only after a while.',
      },
    )
  }
  options.progress({ type: 'verified', referrers: referrers.length })
}

async function findUnlisted(
  destination: ImageDestination,
  subject: Digest,
  expected: readonly SelectedReferrer[],
  operation: OperationOptions,
): Promise<readonly NamedReferrer[]> {
  const missing = new Map(expected.map(({ raw }) => [raw.digest, raw]))
  for await (const { digest } of destination.readReferrers!(subject, operation)) {
    missing.delete(digest)
    if (missing.size === 0) break
  }
  return [...missing.values()].map((raw) => ({ raw, subject, tags: [] }))
}

async function findUntagged(
  destination: ImageDestination,
  { raw, tags }: SelectedReferrer,
  operation: OperationOptions,
): Promise<readonly NamedReferrer[]> {
  const missing: string[] = []
  for (const tag of tags) {
    if (!coversManifest(await destination.readTagged!(tag, operation), raw)) missing.push(tag)
  }
  return missing.length > 0 ? [{ raw, tags: missing }] : []
}

async function readingBack<T>({ signal }: OperationOptions, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    signal?.throwIfAborted()
    throw new TransferError('destination', 'commit', 'reading back what refers to the image', error)
  }
}
