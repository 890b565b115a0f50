import { randomInt } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
// A test kit has no app to be handed a temporary directory by.
// oxlint-disable-next-line no-restricted-imports
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { OpenOptions } from '@transload/contract'

import { SkippedCheck, type CheckBench, type TransportCheck } from './check.ts'
import { emptyCache } from './fixtures/empty-cache.ts'
import type { TransportSubject } from './subject.ts'

export type CheckOutcome =
  | { readonly state: 'passed' }
  | { readonly state: 'skipped'; readonly reason: string }
  | { readonly state: 'failed'; readonly error: unknown }

/** Runs one check by itself, without a test runner. Never rejects. `cleanup` stays the caller's. */
export async function runCheck(check: TransportCheck, subject: TransportSubject): Promise<CheckOutcome> {
  const exception = subject.except?.[check.name]
  if (exception !== undefined) return { state: 'skipped', reason: exception }
  try {
    await using stack = new AsyncDisposableStack()
    const bench = await prepareBench(subject, stack)
    await check.run(bench)
    return { state: 'passed' }
  } catch (error) {
    return error instanceof SkippedCheck ? { state: 'skipped', reason: error.message } : { state: 'failed', error }
  }
}

async function prepareBench(subject: TransportSubject, stack: AsyncDisposableStack): Promise<CheckBench> {
  const directory = await mkdtemp(join(tmpdir(), 'transload-conformance-'))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  const transport = await subject.create()
  stack.defer(() => transport.close?.())
  const openOptions: OpenOptions = { cache: emptyCache(), tempDirectory: directory, log: () => {} }
  const disposedAtTheEnd = <T extends AsyncDisposable>(opened: T): T => {
    stack.defer(() => disposeQuietly(opened))
    return opened
  }
  return {
    subject,
    transport,
    directory,
    openOptions,
    async newReference() {
      // Random, because several suites may share one place, a registry: their references must not meet.
      return transport.parse(await subject.newReference(randomInt(2 ** 47)), directory)
    },
    async openSource(reference, signal) {
      if (!transport.openSource) throw new SkippedCheck('cannot be read: no openSource')
      return disposedAtTheEnd(await transport.openSource(reference, { ...openOptions, signal }))
    },
    async openDestination(reference, signal) {
      if (!transport.openDestination) throw new SkippedCheck('cannot be written: no openDestination')
      return disposedAtTheEnd(await transport.openDestination(reference, { ...openOptions, signal }))
    },
  }
}

/** Many checks have disposed it already, and one of them is about that: its failure must not become everyone's. */
async function disposeQuietly(opened: AsyncDisposable): Promise<void> {
  try {
    await opened[Symbol.asyncDispose]()
  } catch {}
}
