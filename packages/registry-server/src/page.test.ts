import { expect, test } from 'vitest'

import { readPage } from './page.ts'

const names = ['a', 'b', 'c', 'd', 'e']

test.for([
  ['', names, undefined],
  ['n=2', ['a', 'b'], '</list?n=2&last=b>; rel="next"'],
  ['n=2&last=b', ['c', 'd'], '</list?n=2&last=d>; rel="next"'],
  ['n=2&last=d', ['e'], undefined],
  ['n=5', names, undefined],
  ['last=bb', ['c', 'd', 'e'], undefined],
  ['last=z', [], undefined],
  ['n=0', [], undefined],
] as const)('%s', ([query, items, link]) => {
  const page = readPage(names, (name) => name, new URL(`http://host/list?${query}`))
  expect(page).toEqual({ items, ...(link === undefined ? {} : { link }) })
})

test('the default count makes pages too, and keeps other parameters', () => {
  const page = readPage(names, (name) => name, new URL('http://host/list?artifactType=a%2Fb&n=9'), 3)
  expect(page).toEqual({ items: ['a', 'b', 'c'], link: '</list?artifactType=a%2Fb&n=3&last=c>; rel="next"' })
})

test.for(['-1', 'x', ''])('n=%s is refused', (n) => {
  expect(() => readPage(names, (name) => name, new URL(`http://host/?n=${n}`))).toThrow(
    expect.objectContaining({ code: 'PAGINATION_NUMBER_INVALID' }),
  )
})
