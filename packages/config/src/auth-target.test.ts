import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { authTarget } from './auth-target.ts'
import type { Locations } from './locations.ts'

let root: string
let locations: Locations

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'config-test-'))
  locations = { env: {}, home: join(root, 'home'), root, uid: 7, platform: 'linux' }
})

afterEach(() => rm(root, { recursive: true }))

describe('which file', () => {
  test.each([
    [{}, {}, 'run/containers/7/auth.json', 'containers'],
    [{ DOCKER_CONFIG: '/d' }, {}, '/d/config.json', 'docker'],
    [{ DOCKER_CONFIG: '/d', REGISTRY_AUTH_FILE: '/r.json' }, {}, '/r.json', 'containers'],
    [{ REGISTRY_AUTH_FILE: '/r.json' }, { compatAuthFile: '/c.json' }, '/c.json', 'docker'],
    [{ REGISTRY_AUTH_FILE: '/r.json' }, { authFile: '/a.json' }, '/a.json', 'containers'],
  ] as const)('%j %j', async (env, options, path, format) => {
    const expected = path.startsWith('/') ? { path, isExclusive: true } : { path: join(root, path) }
    expect(await authTarget({ ...locations, env }, options)).toEqual({ ...expected, format })
  })

  test('not two at once', async () => {
    await expect(authTarget(locations, { authFile: 'a', compatAuthFile: 'b' })).rejects.toThrow(
      'can not be set simultaneously',
    )
  })

  test("Docker's own, not named as such, is worth a warning", async () => {
    const path = join(root, 'home/.docker/config.json')
    const warnings: string[] = []
    const log = (_: string, message: string): void => void warnings.push(message)
    await authTarget(locations, { authFile: path, log })
    await authTarget({ ...locations, env: { REGISTRY_AUTH_FILE: path } }, { log })
    await authTarget(locations, { compatAuthFile: path, log })
    expect(warnings).toEqual([
      'saving credentials to ~/.docker/config.json, but not using Docker-compatible file format',
      expect.stringMatching(/^\$REGISTRY_AUTH_FILE points to ~\/\.docker\/config\.json, but /),
    ])
  })

  test('a runtime directory has to be there', async () => {
    const where = { ...locations, env: { XDG_RUNTIME_DIR: join(root, 'missing') } }
    await expect(authTarget(where)).rejects.toThrow('directory set by $XDG_RUNTIME_DIR does not exist')
    const given = { ...locations, env: { XDG_RUNTIME_DIR: root } }
    expect(await authTarget(given)).toEqual({ path: join(root, 'containers/auth.json'), format: 'containers' })
  })
})
