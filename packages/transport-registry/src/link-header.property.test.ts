import { fc, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { nextLink } from './link-header.ts'

test('any header names a path on the same host, or none', () => {
  const header = textLike([
    '</v2/a/tags/list?last=b&n=2>; rel="next"',
    '<https://evil.example/v2/>; rel="next"',
    '<//evil.example>; rel=next',
  ])
  fc.assert(
    fc.property(header, (text) => {
      expect(nextLink(text, new URL('https://good.example/v2/a/tags/list')) ?? '/').toMatch(/^\//)
    }),
  )
})
