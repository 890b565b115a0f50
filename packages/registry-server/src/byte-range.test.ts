import { expect, test } from 'vitest'

import { parseChunkRange, parseRange } from './byte-range.ts'

test.for([
  [undefined, 10, 'whole'],
  ['bytes=0-3', 10, { start: 0, end: 3 }],
  ['bytes=4-', 10, { start: 4, end: 9 }],
  ['bytes=4-100', 10, { start: 4, end: 9 }],
  ['bytes=-3', 10, { start: 7, end: 9 }],
  ['bytes=-30', 10, { start: 0, end: 9 }],
  ['bytes=9-9', 10, { start: 9, end: 9 }],
  ['bytes=10-', 10, 'unsatisfiable'],
  ['bytes=-0', 10, 'unsatisfiable'],
  ['bytes=0-', 0, 'unsatisfiable'],
  ['bytes=-1', 0, 'unsatisfiable'],
  ['bytes=5-2', 10, 'whole'],
  ['bytes=0-1,4-5', 10, 'whole'],
  ['bytes=-', 10, 'whole'],
  ['lines=0-1', 10, 'whole'],
] as const)('Range %s of %i bytes', ([header, size, expected]) => {
  expect(parseRange(header, size)).toEqual(expected)
})

test.for([
  ['0-3', { start: 0, end: 3 }],
  ['bytes 4-7/100', { start: 4, end: 7 }],
  ['bytes=4-7', { start: 4, end: 7 }],
  ['7-4', undefined],
  ['4', undefined],
  ['', undefined],
] as const)('Content-Range %s', ([header, expected]) => {
  expect(parseChunkRange(header)).toEqual(expected)
})
