import { expect, test } from 'vitest'

import { parseRegistryReference, readableReference, requireTagOrDigest } from './reference.ts'

const digest = `sha256:${'0'.repeat(64)}`

test.each([
  ['//busybox', '//busybox:latest', 'docker.io', 'library/busybox', 'latest', undefined],
  ['//host:5000/a/b:1', '//host:5000/a/b:1', 'host:5000', 'a/b', '1', undefined],
  [`//host.example/a@${digest}`, `//host.example/a@${digest}`, 'host.example', 'a', undefined, digest],
  [
    '//host.example/a@@unknown-digest@@',
    '//host.example/a@@unknown-digest@@',
    'host.example',
    'a',
    undefined,
    undefined,
  ],
])('%s', (text, canonical, host, repository, tag, expectedDigest) => {
  const reference = parseRegistryReference(text)
  expect(reference).toMatchObject({ scheme: 'docker', text: canonical, host, repository })
  expect([reference.tag, reference.digest]).toEqual([tag, expectedDigest])
  expect(parseRegistryReference(reference.text)).toEqual(reference)
})

test.each([
  ['host/a', 'docker: image reference host/a does not start with //'],
  ['//', 'invalid reference format'],
  ['//A', 'invalid reference format: repository name must be lowercase'],
  [
    '//a:1@@unknown-digest@@',
    'docker: image reference "a:1@@unknown-digest@@" has unknown digest set but it contains either a tag or digest',
  ],
])('%s is refused', (text, message) => {
  expect(() => parseRegistryReference(text)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID', message }))
})

test('of a tag and a digest, reading takes the digest and writing neither', () => {
  const reference = parseRegistryReference(`//host.example/a:1@${digest}`)
  expect(readableReference(reference)).toEqual(parseRegistryReference(`//host.example/a@${digest}`))
  expect(() => requireTagOrDigest(reference)).toThrow('with both a tag and digest are currently not supported')
})

test('what has no digest yet cannot be read', () => {
  const reference = parseRegistryReference('//host.example/a@@unknown-digest@@')
  expect(() => readableReference(reference)).toThrow(
    'reading images from docker: reference "//host.example/a@@unknown-digest@@" without a tag or digest is not supported',
  )
})
