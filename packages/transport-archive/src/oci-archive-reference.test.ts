import { describe, expect, it } from 'vitest'

import { parseOciArchiveReference } from './oci-archive-reference.ts'

describe('parseOciArchiveReference', () => {
  it.each([
    ['a.tar', 'a.tar:', { path: '/work/a.tar' }],
    ['a.tar:', 'a.tar:', { path: '/work/a.tar' }],
    ['/x/a.tar:v1', '/x/a.tar:v1', { path: '/x/a.tar', image: 'v1', policyScopes: ['/x/a.tar', '/x'] }],
    ['a.tar:docker.io/library/x:1', 'a.tar:docker.io/library/x:1', { image: 'docker.io/library/x:1' }],
  ])('reads %j', (text, canonical, expected) => {
    const reference = parseOciArchiveReference(text, '/work')
    expect(reference).toMatchObject({ scheme: 'oci-archive', text: canonical, ...expected })
    expect(parseOciArchiveReference(canonical, '/work')).toEqual(reference)
  })

  it.each([
    ['', 'oci-archive reference: the path of the archive is empty'],
    [':v1', 'oci-archive reference: the path of the archive is empty'],
    ['a.tar:@0', 'Invalid image @0'],
    ['a.tar:a b', 'Invalid image a b'],
  ])('refuses %j', (text, message) => {
    expect(() => parseOciArchiveReference(text, '/work')).toThrow(
      expect.objectContaining({ code: 'REFERENCE_INVALID', message }),
    )
  })
})
