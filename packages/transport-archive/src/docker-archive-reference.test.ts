import { describe, expect, it } from 'vitest'

import { parseDockerArchiveReference } from './docker-archive-reference.ts'

describe('parseDockerArchiveReference', () => {
  it.each([
    ['a.tar', 'a.tar', { path: '/work/a.tar' }],
    ['/x/../a.tar', '/x/../a.tar', { path: '/a.tar' }],
    ['a.tar:busybox', 'a.tar:docker.io/library/busybox:latest', { name: 'docker.io/library/busybox:latest' }],
    ['a.tar:h:5/b:1', 'a.tar:h:5/b:1', { name: 'h:5/b:1' }],
    ['a.tar:@0', 'a.tar:@0', { index: 0 }],
    ['a.tar:@+12', 'a.tar:@12', { index: 12 }],
  ])('reads %j', (text, canonical, expected) => {
    const reference = parseDockerArchiveReference(text, '/work')
    expect(reference).toMatchObject({ scheme: 'docker-archive', text: canonical, policyScopes: [], ...expected })
    expect(parseDockerArchiveReference(canonical, '/work')).toEqual(reference)
  })

  it.each([
    ['', "docker-archive reference  isn't of the form <path>[:<reference>]"],
    ['a.tar:', 'docker-archive parsing reference: invalid reference format'],
    ['a.tar:UPPER', 'docker-archive parsing reference: invalid reference format: repository name must be lowercase'],
    [
      `a.tar:b@sha256:${'0'.repeat(64)}`,
      `reference does not include a tag: docker.io/library/b@sha256:${'0'.repeat(64)}`,
    ],
    ['a.tar:@x', 'Invalid source index @x: strconv.Atoi: parsing "x": invalid syntax'],
    ['a.tar:@-1', 'Invalid source index @-1: must not be negative'],
  ])('refuses %j', (text, message) => {
    expect(() => parseDockerArchiveReference(text, '/work')).toThrow(
      expect.objectContaining({ code: 'REFERENCE_INVALID', message }),
    )
  })
})
