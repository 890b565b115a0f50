import { afterAll, describe, test } from 'vitest'

import { transportChecks } from './checks.ts'
import { runCheck } from './run-check.ts'
import type { TransportSubject } from './subject.ts'

/**
 * Declares one vitest test for each of {@link transportChecks}. What the transport does not offer is skipped by name,
 * with the reason. Throws when `except` names a check that does not exist.
 */
export function describeTransport(subject: TransportSubject): void {
  const unknown = Object.keys(subject.except ?? {}).find((name) =>
    transportChecks.every((check) => check.name !== name),
  )
  if (unknown !== undefined) throw new Error(`except: there is no check ${JSON.stringify(unknown)}`)
  describe('transport contract', () => {
    afterAll(() => subject.cleanup?.())
    for (const check of transportChecks) {
      // oxlint-disable-next-line vitest/valid-title, vitest/expect-expect
      test(check.name, { timeout: checkTimeoutMs }, async (context) => {
        const outcome = await runCheck(check, subject)
        if (outcome.state === 'skipped') context.skip(outcome.reason)
        if (outcome.state === 'failed') throw outcome.error
      })
    }
  })
}

const checkTimeoutMs = 60_000
