import { expect, test } from 'vitest'

import { parseChallenges } from './challenge.ts'

test.each([
  ['', []],
  ['Basic', [{ scheme: 'basic', parameters: {} }]],
  ['Basic realm="a \\"b\\" c"', [{ scheme: 'basic', parameters: { realm: 'a "b" c' } }]],
  [
    'Bearer realm="https://auth.example/token",service="s",scope="repository:a/b:pull,push"',
    [
      {
        scheme: 'bearer',
        parameters: { realm: 'https://auth.example/token', service: 's', scope: 'repository:a/b:pull,push' },
      },
    ],
  ],
  [
    'BEARER Realm=https://x/t , Service = s',
    [{ scheme: 'bearer', parameters: { realm: 'https://x/t', service: 's' } }],
  ],
  [
    'Negotiate, Basic realm="x", Bearer realm="https://x/t"',
    [
      { scheme: 'negotiate', parameters: {} },
      { scheme: 'basic', parameters: { realm: 'x' } },
      { scheme: 'bearer', parameters: { realm: 'https://x/t' } },
    ],
  ],
  ['Bearer realm="https://x/t",service="unclosed', [{ scheme: 'bearer', parameters: { realm: 'https://x/t' } }]],
])('%j', (line, challenges) => {
  expect(parseChallenges([line])).toEqual(challenges)
})

test('lines are taken in order', () => {
  const schemes = parseChallenges(['Bearer realm="a"', 'Basic realm="b"']).map(({ scheme }) => scheme)
  expect(schemes).toEqual(['bearer', 'basic'])
})
