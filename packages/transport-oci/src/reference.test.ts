import { describe, expect, it } from 'vitest'

import { parseOciReference } from './reference.ts'

describe('parseOciReference', () => {
  it.each([
    ['layout', '/home/me/layout', 'layout:', {}],
    ['layout:', '/home/me/layout', 'layout:', {}],
    ['/a/b:v1.0', '/a/b', '/a/b:v1.0', { image: 'v1.0' }],
    [
      '../x:docker.io/library/Busy--box:1@2',
      '/home/x',
      '../x:docker.io/library/Busy--box:1@2',
      {
        image: 'docker.io/library/Busy--box:1@2',
      },
    ],
    ['d:@0', '/home/me/d', 'd:@0', { position: 0 }],
    ['d:@+7', '/home/me/d', 'd:@7', { position: 7 }],
    [
      `d:@sha256:${'ab'.repeat(32)}`,
      '/home/me/d',
      `d:@sha256:${'ab'.repeat(32)}`,
      { digest: `sha256:${'ab'.repeat(32)}` },
    ],
    ['', '/home/me', ':', {}],
    [':tag', '/home/me', ':tag', { image: 'tag' }],
  ])('%j', (text, path, canonical, more) => {
    const reference = parseOciReference(text, '/home/me')
    const { policyScopes: _, ...rest } = reference
    expect(rest).toEqual({ scheme: 'oci', path, text: canonical, ...more })
    expect(parseOciReference(reference.text, '/home/me')).toEqual(reference)
  })

  it.each([
    ['d:-x', 'Invalid image -x'],
    ['d:a//b', 'Invalid image a//b'],
    ['d:a---b', 'Invalid image a---b'],
    ['d:a ', 'Invalid image a '],
    ['d:@x', 'Invalid source index @x: not an integer: strconv.Atoi: parsing "x": invalid syntax'],
    ['d:@', 'Invalid source index @: not an integer: strconv.Atoi: parsing "": invalid syntax'],
    [
      'd:@sha256:ab',
      'Invalid source index @sha256:ab: not an integer: strconv.Atoi: parsing "sha256:ab": invalid syntax',
    ],
    ['d:@-1', 'Invalid source index @-1: must not be negative'],
    ['d\0:x', 'Invalid OCI reference: path contains a NUL character'],
  ])('refuses %j', (text, message) => {
    expect(() => parseOciReference(text, '/')).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID', message }))
  })

  it('has a trust scope for each directory but the root', () => {
    expect(parseOciReference('a/b:v1', '/c').policyScopes).toEqual(['/c/a/b', '/c/a', '/c'])
  })
})
