import { anyText, fc, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { displayText, displayUrl } from './display-url.ts'

test('what is shown of a URL has neither its secrets nor control characters', () => {
  const urls = textLike(['https://user:SECRET@host.example/v2/a?token=SECRET', 'http://h:1/?SECRET', 'data:,SECRET'])
  fc.assert(
    fc.property(urls, (text) => {
      const shown = displayUrl(text)
      expect(shown).not.toMatch(/(?![\t\n])\p{Cc}/u)
      const url = URL.parse(text)
      if (url) expect(shown.startsWith(displayText(`${url.protocol}//${url.host}`))).toBe(true)
      expect(shown).not.toContain('?token=')
    }),
  )
})

test('any text can be shown', () => {
  fc.assert(
    fc.property(anyText, fc.nat(50), (text, length) => {
      expect(displayText(text, length).length).toBeLessThanOrEqual(length + 1)
    }),
  )
})
