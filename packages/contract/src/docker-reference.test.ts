import { describe, expect, test } from 'vitest'

import {
  canonicalText,
  dockerPolicyScopes,
  familiarText,
  isRepositoryPrefix,
  parseDockerReference,
  repositoryName,
  withDefaultTag,
} from './docker-reference.ts'

const digest = `sha256:${'0'.repeat(64)}`

test.each([
  ['busybox', 'docker.io/library/busybox', 'busybox'],
  ['busybox:1', 'docker.io/library/busybox:1', 'busybox:1'],
  ['user/app', 'docker.io/user/app', 'user/app'],
  ['docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
  ['index.docker.io/library/busybox', 'docker.io/library/busybox', 'busybox'],
  ['localhost/app', 'localhost/app', 'localhost/app'],
  ['host:5000/a/b__c.d-e:T_1.x', 'host:5000/a/b__c.d-e:T_1.x', 'host:5000/a/b__c.d-e:T_1.x'],
  ['quay.io/a', 'quay.io/a', 'quay.io/a'],
  [`quay.io/a:1@${digest}`, `quay.io/a:1@${digest}`, `quay.io/a:1@${digest}`],
  ['library/a/b', 'docker.io/library/a/b', 'library/a/b'],
])('%s is %s', (text, canonical, familiar) => {
  const reference = parseDockerReference(text)
  expect(canonicalText(reference)).toBe(canonical)
  expect(familiarText(reference)).toBe(familiar)
  expect(parseDockerReference(canonical)).toEqual(reference)
})

test.each([
  ['', 'invalid reference format'],
  ['Busybox', 'repository name must be lowercase'],
  ['host/App', 'repository name must be lowercase'],
  ['app:', 'invalid reference format'],
  ['app:a b', 'invalid reference format'],
  [`app:${'t'.repeat(129)}`, 'invalid reference format'],
  ['a//b', 'invalid reference format'],
  ['a/-b', 'invalid reference format'],
  ['https://host/app', 'invalid reference format'],
  ['app@sha256:abc', 'invalid reference format'],
  [`app@md5:${'0'.repeat(32)}`, 'unsupported digest algorithm'],
  ['0'.repeat(64), 'cannot specify 64-byte hexadecimal strings'],
  [`host/${'a'.repeat(255)}`, 'must not be more than 255 characters'],
])('%j is refused', (text, problem) => {
  expect(() => parseDockerReference(text)).toThrow(problem)
})

describe('a tag is added', () => {
  test.each([
    ['busybox', 'latest'],
    ['busybox:1', '1'],
    [`busybox@${digest}`, undefined],
  ])('to %s: %s', (text, tag) => {
    expect(withDefaultTag(parseDockerReference(text)).tag).toBe(tag)
  })
})

test('policy scopes go from the image to wildcards of the host', () => {
  expect(dockerPolicyScopes(parseDockerReference('registry.example.com:5000/team/app:1'))).toEqual([
    'registry.example.com:5000/team/app:1',
    'registry.example.com:5000/team/app',
    'registry.example.com:5000/team',
    'registry.example.com:5000',
    '*.example.com',
    '*.com',
  ])
})

test('the repository has neither tag nor digest', () => {
  expect(repositoryName(parseDockerReference(`quay.io/a:1@${digest}`))).toBe('quay.io/a')
})

test.each([
  ['r.test', true],
  ['r.test:5000', true],
  ['r.test/a/b__c', true],
  ['Host/a', true],
  ['a/UP', false],
  ['a/b:1', false],
  ['a/', false],
  ['*.a', false],
  ['', false],
])('the beginning of a repository: %s', (text, expected) => {
  expect(isRepositoryPrefix(text)).toBe(expected)
})
