import { expect, test } from 'vitest'

import { proxyFor } from './proxy-choice.ts'

const settings = { http: 'plain.proxy:3128', https: 'http://secure.proxy' }

test.each([
  ['http://a.example/', '', 'http://plain.proxy:3128'],
  ['https://a.example/', '', 'http://secure.proxy'],
  ['http://localhost:5000/', '', undefined],
  ['http://127.0.0.9/', '', undefined],
  ['http://[::1]:5000/', '', undefined],
  ['https://a.example/', '*', undefined],
  ['https://a.example/', 'example', undefined],
  ['https://a.example/', 'b.example, a.example', undefined],
  ['https://a.example./', 'A.example', undefined],
  ['https://ba.example/', 'a.example', 'http://secure.proxy'],
  ['https://sub.a.example/', 'a.example', undefined],
  ['https://a.example/', '.a.example', 'http://secure.proxy'],
  ['https://sub.a.example/', '*.a.example', undefined],
  ['https://a.example:8443/', 'a.example:8443', undefined],
  ['https://a.example/', 'a.example:443', undefined],
  ['https://a.example/', 'a.example:8443', 'http://secure.proxy'],
  ['http://10.1.2.3/', '10.0.0.0/8', undefined],
  ['http://11.1.2.3/', '10.0.0.0/8,10.0.0.0/99', 'http://plain.proxy:3128'],
  ['http://[fd00::1]/', 'fd00::/8', undefined],
  ['http://[fd00::1]:81/', '[fd00::1]:81', undefined],
])('%s with NO_PROXY=%j', (url, no, proxy) => {
  expect(proxyFor(new URL(url), { ...settings, no })).toBe(proxy)
})

test('no proxy where none is set', () => {
  expect(proxyFor(new URL('https://a.example/'), { http: 'p' })).toBeUndefined()
})
