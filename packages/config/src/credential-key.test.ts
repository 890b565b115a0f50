import { expect, test } from 'vitest'

import { parseCredentialKey } from './credential-key.ts'

test.each([
  ['r.test', 'r.test', 'r.test', undefined],
  ['localhost:5000', 'localhost:5000', 'localhost:5000', undefined],
  ['r.test:5000/a/b', 'r.test:5000/a/b', 'r.test:5000', 'a/b'],
  ['docker.io/vendor', 'docker.io/vendor', 'docker.io', 'vendor'],
  ['https://r.test/v2/a', 'r.test', 'r.test', undefined],
  ['http://r.test', 'r.test', 'r.test', undefined],
])('%s', (text, key, host, repository) => {
  expect(parseCredentialKey(text)).toEqual({ key, host, repository })
})

test.each([
  ['r.test/a:1', 'reference "r.test/a:1" contains tag or digest'],
  ['r.test/A', 'parse reference from "r.test/A": invalid reference format: repository name must be lowercase'],
  ['r.test/', 'parse reference from "r.test/"'],
  ['library/a', 'does not name a registry'],
  ['https:///a', 'does not name a registry'],
  ['a b', 'does not name a registry'],
  ['', 'does not name a registry'],
])('not %s', (text, problem) => {
  expect(() => parseCredentialKey(text)).toThrow(problem)
})
