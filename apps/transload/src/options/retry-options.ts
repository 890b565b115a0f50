import { durationFlag, intFlag, type FlagValues } from '../arguments/flag.ts'

export const retryFlags = {
  retryTimes: intFlag('retry-times', 'the number of times to possibly retry'),
  retryDelay: durationFlag(
    'retry-delay',
    'Fixed delay between retries. If not set, retry uses an exponential backoff delay.',
  ),
}

export type RetryValues = FlagValues<typeof retryFlags>
