import { expect, test } from 'vitest'

import { createPace } from './pace.ts'

const mebibyte = 1024 * 1024

/** MiB a sample, milliseconds it took, and of them those the reader waited. */
test.each<[string, [number, number, number][], boolean]>([
  ['100 MB/s, and a reader that waits', [[32, 320, 300]], true],
  ['not before there is enough to judge by', [[31, 310, 310]], false],
  ['more than a gigabit link carries', [[32, 160, 160]], false],
  ['a reader that is busy', [[32, 800, 200]], false],
  [
    'slow for a while only',
    [
      [16, 400, 400],
      [16, 50, 50],
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
