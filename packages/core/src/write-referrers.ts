import type { OperationOptions } from '@transload/contract'

import { createLimiter, runAll } from './bounded.ts'
import type { SelectedReferrer } from './find-referrers.ts'
import type { CopySession } from './session.ts'
import { coversManifest } from './tag-coverage.ts'
import { TransferError } from './transfer-error.ts'

/**
 * Writes each before what it refers to, and indexes after what they name; all others of a depth at once. A tag of a
 * manifest that has all of the source's and more, as after somebody else signed too, stays. Throws TransferError.
 */
export async function writeReferrers(session: CopySession, referrers: readonly SelectedReferrer[]): Promise<void> {
  const { options } = session
  const inTurn = createLimiter(options.concurrency)
  let index = 0
  const announce = ({ raw, subject, tags }: SelectedReferrer): void =>
    options.progress({
      type: 'referrer',
      digest: raw.digest,
      ...(subject === undefined ? {} : { subject }),
      tags,
      index: index++,
      count: referrers.length,
    })
  const write = async (referrer: SelectedReferrer, operation: OperationOptions): Promise<void> => {
    announce(referrer)
    await committing('writing referrer', operation, () => writeReferrer(session, referrer, operation))
  }
  const levels = Map.groupBy(referrers, ({ depth }) => depth)
  for (const level of levels.values()) {
    const { images = [], indexes = [] } = Object.groupBy(level, ({ manifest }) => (manifest ? 'images' : 'indexes'))
    await runAll(images, options, (referrer, operation) => inTurn(() => write(referrer, operation)))
    for (const list of indexes) await write(list, options)
  }
}

async function writeReferrer(
  { destination, options }: CopySession,
  { raw, subject, tags }: SelectedReferrer,
  { signal }: OperationOptions,
): Promise<void> {
  const role = { root: false, ...(subject === undefined ? {} : { referrer: true }), signal }
  if (tags.length === 0) return await destination.writeManifest(raw, role)
  for (const tag of tags) {
    const existing = await destination.readTagged?.(tag, { signal })
    const isThere = coversManifest(existing, raw)
    if (existing && !isThere) options.log('warn', `replacing ${tag} at the destination, which is ${existing.digest}`)
    if (!isThere) await destination.writeManifest(raw, { ...role, tag })
    else if (subject !== undefined) await destination.writeManifest(raw, role)
  }
}

async function committing<T>(what: string, { signal }: OperationOptions, run: () => Promise<T>): Promise<T> {
  try {
    signal?.throwIfAborted()
    return await run()
  } catch (error) {
    signal?.throwIfAborted()
    throw new TransferError('destination', 'commit', what, error)
  }
}
