import { expect, test } from 'vitest'

import { parseRoute, requireMethod } from './route.ts'

test.for([
  ['/v2/', { kind: 'base' }],
  ['/v2', { kind: 'base' }],
  ['/v2/_catalog', { kind: 'catalog' }],
  ['/token', { kind: 'token' }],
  ['/v2/a/tags/list', { kind: 'tags', repository: 'a' }],
  ['/v2/a/b/c/manifests/v1', { kind: 'manifest', repository: 'a/b/c', reference: 'v1' }],
  ['/v2/a/manifests/sha256:ab', { kind: 'manifest', repository: 'a', reference: 'sha256:ab' }],
  ['/v2/a/blobs/sha256:ab', { kind: 'blob', repository: 'a', digest: 'sha256:ab' }],
  ['/v2/a/blobs/uploads/', { kind: 'uploads', repository: 'a' }],
  ['/v2/a/blobs/uploads', { kind: 'uploads', repository: 'a' }],
  ['/v2/a/blobs/uploads/id', { kind: 'upload', repository: 'a', id: 'id' }],
  ['/v2/a/referrers/sha256:ab', { kind: 'referrers', repository: 'a', digest: 'sha256:ab' }],
  ['/v2/blobs/uploads/blobs/uploads/', { kind: 'uploads', repository: 'blobs/uploads' }],
  ['/v2/manifests/tags/tags/list', { kind: 'tags', repository: 'manifests/tags' }],
  ['/', undefined],
  ['/v1/search', undefined],
  ['/v2/tags/list', undefined],
  ['/v2/a/manifests/', undefined],
] as const)('%s', ([path, route]) => {
  expect(parseRoute(path)).toEqual(route)
})

test.for(['/v2/A/tags/list', '/v2/../a/tags/list', '/v2/a//b/tags/list', `/v2/${'a'.repeat(256)}/tags/list`])(
  '%s is refused',
  (path) => {
    expect(() => parseRoute(path)).toThrow(expect.objectContaining({ code: 'NAME_INVALID', status: 400 }))
  },
)

test('a method nobody answers is refused', () => {
  expect(() => requireMethod({ kind: 'base' }, 'POST')).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED', status: 405 }),
  )
  expect(() => requireMethod({ kind: 'base' }, 'HEAD')).not.toThrow()
})
