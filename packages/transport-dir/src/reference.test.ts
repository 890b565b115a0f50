import { describe, expect, it } from 'vitest'

import { parseDirReference } from './reference.ts'

describe('parseDirReference', () => {
  it.each([
    ['', '/home/me'],
    ['a:b@c', '/home/me/a:b@c'],
    ['/x/../y/', '/y'],
  ])('%j is %s', (text, path) => {
    expect(parseDirReference(text, '/home/me')).toMatchObject({ scheme: 'dir', text, path })
  })

  it('has a trust scope for each directory but the root', () => {
    expect(parseDirReference('a', '/b/c').policyScopes).toEqual(['/b/c/a', '/b/c', '/b'])
  })

  it('refuses a NUL character', () => {
    expect(() => parseDirReference('a\0', '/')).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }))
  })
})
