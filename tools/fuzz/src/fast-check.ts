import * as fc from 'fast-check'

/**
 * With `TRANSLOAD_FUZZ_MS` (`pnpm fuzz`) each property goes on for so many milliseconds; without, for a hundred inputs.
 * Tests try the same inputs each time; fuzzing tries new ones, unless `TRANSLOAD_FUZZ_SEED` says from where to start, and
 * `TRANSLOAD_FUZZ_RUNS` how many at most: with both a faster machine sees no other inputs than a slower one.
 */
const { TRANSLOAD_FUZZ_MS: timeLimitMs, TRANSLOAD_FUZZ_SEED: seed, TRANSLOAD_FUZZ_RUNS: runs } = process.env

fc.configureGlobal(
  timeLimitMs === undefined
    ? { numRuns: 100, seed: 1 }
    : {
        numRuns: Number(runs ?? Number.MAX_SAFE_INTEGER),
        interruptAfterTimeLimit: Number(timeLimitMs),
        markInterruptAsFailure: false,
        ...(seed === undefined ? {} : { seed: Number(seed) }),
      },
)

export { fc }
