import { expect, test } from 'vitest'

import { createPace } from './pace.ts'

const mebibyte = 1024 * 1024

/** MiB a sample, milliseconds it took, and of them those the reader waited. */
test.each<[string, [number, number, number][], boolean]>([
  ['100 MB/s, and a reader that waits', [[16, 160, 150]], true],
  ['not before there is enough to judge by', [[15, 150, 150]], false],
  ['more than a gigabit link carries', [[16, 80, 80]], false],
  ['a reader that is busy', [[16, 400, 100]], false],
  [
    'slow for a while only',
    [
      [16, 400, 400],
      [16, 50, 50],
    ],
    false,
  ],
])('%s', (_, samples, isSlow) => {
  const pace = createPace()
  let nowMs = 1000
  for (const [size, tookMs, waitedMs] of samples) {
    for (let count = 0; count < size; count++) {
      nowMs += tookMs / size
      pace.received(mebibyte, waitedMs / size, nowMs)
    }
  }
  expect(pace.isSlow).toBe(isSlow)
})
