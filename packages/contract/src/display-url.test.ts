import { expect, test } from 'vitest'

import { displayText, displayUrl } from './display-url.ts'

test.each([
  ['https://user:secret@host:5000/v2/a/blobs/?X-Signature=secret#part', 'https://host:5000/v2/a/blobs/'],
  ['http://[::1]:5000/v2/', 'http://[::1]:5000/v2/'],
  ['no url', '(malformed URL)'],
])('%s is shown as %s', (url, shown) => {
  expect(displayUrl(url)).toBe(shown)
})

test('control characters of a terminal are not printed', () => {
  expect(displayText('a\u001b[31mb\u0000c\u009bd\te\n')).toBe('a?[31mb?c?d\te\n')
})

test('a long text is cut', () => {
  expect(displayText('abcdef', 3)).toBe('abc…')
})
