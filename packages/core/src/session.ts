import { setTimeout as delay } from 'node:timers/promises'

import {
  displayText,
  referenceText,
  TransloadError,
  type ImageDestination,
  type ImageReference,
  type ImageSource,
  type OpenOptions,
  type OperationOptions,
} from '@transload/contract'

import { resolveCopyOptions, type CopyOptions, type ResolvedCopyOptions } from './copy-options.ts'
import type { Located } from './plugin-registry.ts'
import { TransferError } from './transfer-error.ts'

/** What a copy reads from: open, options resolved. Disposing closes it. */
export interface ReadSession extends AsyncDisposable {
  readonly source: ImageSource
  readonly options: ResolvedCopyOptions
}

/** One copy under way: both ends open. Disposing closes the destination alone; what was not committed is gone. */
export interface CopySession extends ReadSession {
  readonly destination: ImageDestination
  /** Waits between two tries of a blob. */
  readonly delay: (ms: number, options: OperationOptions) => Promise<void>
}

/** The destination is not even looked at, though it may be connected to. */
export async function openReadSession(from: Located, to: Located, given: CopyOptions): Promise<ReadSession> {
  const options = resolveCopyOptions(given)
  options.signal?.throwIfAborted()
  to.transport.prepareDestination?.(to.reference, options)
  const source = await openSource(from, options)
  return { source, options, [Symbol.asyncDispose]: () => closeQuietly(source, options) }
}

/** Once it is known what is copied, and that it may be. */
export async function openCopySession({ source, options }: ReadSession, to: Located): Promise<CopySession> {
  const destination = await openDestination(to, options)
  return {
    source,
    destination,
    options,
    delay: (ms, { signal }) => delay(ms, undefined, { signal }),
    [Symbol.asyncDispose]: () => closeQuietly(destination, options),
  }
}

/** Errors read `initializing source NAME: …`. */
export async function openSource({ transport, reference }: Located, options: OpenOptions): Promise<ImageSource> {
  return await opening('source', reference, async () => {
    if (!transport.openSource) throw unsupported(`images of transport "${transport.scheme}" can not be read`)
    return await transport.openSource(reference, options)
  })
}

async function openDestination({ transport, reference }: Located, options: OpenOptions): Promise<ImageDestination> {
  return await opening('destination', reference, async () => {
    if (!transport.openDestination)
      throw unsupported(`"${transport.scheme}:" locations can only be read from, not written to`)
    return await transport.openDestination(reference, options)
  })
}

async function opening<T>(side: TransferError['side'], reference: ImageReference, open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    throw new TransferError(side, 'plan', `initializing ${side} ${displayText(referenceText(reference))}`, error)
  }
}

function unsupported(problem: string): TransloadError {
  return new TransloadError('UNSUPPORTED', problem)
}

/** A failure to close says nothing about the copy, which has succeeded or failed by then: it is only logged. */
async function closeQuietly(opened: ImageSource | ImageDestination, { log }: OpenOptions): Promise<void> {
  try {
    await opened[Symbol.asyncDispose]()
  } catch (error) {
    log('warn', `closing ${displayText(referenceText(opened.reference))}: ${String(error)}`)
  }
}
