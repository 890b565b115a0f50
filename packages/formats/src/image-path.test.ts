import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { pathPolicyScopes, resolveImagePath } from './image-path.ts'

let root: string
beforeAll(async () => {
  root = await realpath(await mkdtemp('/tmp/formats-test-'))
  await mkdir(join(root, 'real'))
  await symlink('real', join(root, 'link'))
})
afterAll(async () => {
  await rm(root, { recursive: true })
})

describe('resolveImagePath', () => {
  it.each([
    ['real', 'real'],
    ['link', 'real'],
    ['link/new', 'real/new'],
    ['new', 'new'],
  ])('%s is %s', async (path, expected) => {
    expect(await resolveImagePath(join(root, path))).toBe(join(root, expected))
  })

  it('needs a parent', async () => {
    await expect(resolveImagePath(join(root, 'no/new'))).rejects.toMatchObject({
      code: 'IO',
      message: `lstat ${root}/no: no such file or directory`,
    })
  })
})

describe('pathPolicyScopes', () => {
  it.each([
    ['/a/b', ['/a/b', '/a']],
    ['/', ['/']],
  ])('%s', (path, scopes) => {
    expect(pathPolicyScopes(path)).toEqual(scopes)
  })
})
