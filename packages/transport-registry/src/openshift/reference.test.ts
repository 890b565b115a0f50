import { expect, test } from 'vitest'

import { parseImageStreamReference, registryName } from './reference.ts'

test('a tag of an image stream', () => {
  const reference = parseImageStreamReference('registry.test:5000/ns/stream:1')
  expect(reference).toEqual({
    scheme: 'atomic',
    text: 'registry.test:5000/ns/stream:1',
    name: 'registry.test:5000/ns/stream:1',
    policyScopes: [
      'registry.test:5000/ns/stream:1',
      'registry.test:5000/ns/stream',
      'registry.test:5000/ns',
      'registry.test:5000',
      '*.test',
    ],
    host: 'registry.test:5000',
    namespace: 'ns',
    stream: 'stream',
    tag: '1',
  })
  expect(registryName(reference)).toEqual({ domain: 'registry.test:5000', path: 'ns/stream', tag: '1' })
  expect(parseImageStreamReference(reference.text)).toEqual(reference)
})

test.each([
  ['foo', 'invalid image reference foo, expected'],
  ['a.test/ns/stream', 'invalid image reference a.test/ns/stream, expected'],
  [`a.test/ns/stream:1@sha256:${'0'.repeat(64)}`, 'expected'],
  ['a.test/stream:1', 'invalid image reference: a.test/stream:1, expected'],
  ['a.test/ns/stream/more:1', 'invalid image reference: a.test/ns/stream/more:1, expected'],
])('%s is refused', (text, problem) => {
  const parsing = (): unknown => parseImageStreamReference(text)
  expect(parsing).toThrow(problem)
  expect(parsing).toThrow("'hostname/namespace/stream:tag'")
})
