import { expect, test } from 'vitest'

import { nextLink } from './link-header.ts'

test.each([
  [undefined, undefined],
  ['', undefined],
  ['no link', undefined],
  ['</v2/a/tags/list?last=b&n=2>; rel="next"', '/v2/a/tags/list?last=b&n=2'],
  ['  <?last=b>', '/v2/a/tags/list?last=b'],
  ['<https://evil.example/v2/x/tags/list?n=1>; rel=next', '/v2/x/tags/list?n=1'],
  ['<http://[>', undefined],
])('%j', (header, link) => {
  expect(nextLink(header, new URL('https://registry.example/v2/a/tags/list'))).toBe(link)
})
