import { expect, it } from 'vitest'

import { toBytes } from '../go-template/byte-text.ts'
import { alignColumns } from './columns.ts'

it.each<[string, string]>([
  ['', ''],
  ['a\n', 'a\n'],
  ['a\tb\n', 'a           b\n'],
  ['a\tb\nccccccccccccccccc\td\n\ne\tf\n', 'a                  b\nccccccccccccccccc  d\n\ne           f\n'],
  ['a\t\tb\nc\td\n', 'a                       b\nc           d\n'],
  ['a\tb\t\nc\td\t\n', 'a           b           \nc           d           \n'],
  ['a\t', 'a'],
])('%j', (text, expected) => {
  expect(alignColumns(text)).toBe(expected)
})

it('counts characters', () => {
  const wide = 'é€'.repeat(7)
  expect(alignColumns(toBytes(`${wide}\tx\nb\ty`))).toBe(toBytes(`${wide}  x\nb               y`))
})

it('has as many columns as there are', () => {
  expect(alignColumns('x\t'.repeat(20_000))).toHaveLength(19_999 * 12 + 1)
})
