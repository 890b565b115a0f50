import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { peer, requirePeers, startDockerRegistry, testImage } from './index.ts'

const missing = requirePeers('skopeo', 'umoci', 'podman', 'registry')

describe.skipIf(missing)(`the peer tools ${missing ?? ''}`, () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp('/tmp/transload-peers-')
    const umoci = peer('umoci')
    await umoci.output(['init', '--layout', join(folder, 'layout')])
    await umoci.output(['new', '--image', `${folder}/layout:empty`])
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('a tool of the Debian root sees /tmp and the registry on the loopback', async () => {
    await using registry = await startDockerRegistry()
    const copy = ['--insecure-policy', 'copy', '--dest-tls-verify=false', `oci:${folder}/layout:empty`]
    await peer('skopeo').output([...copy, `docker://${registry.host}/app:1`])
    const response = await fetch(`${registry.url}/v2/app/tags/list`)
    expect(await response.json()).toEqual({ name: 'app', tags: ['1'] })
  })

  test('a container engine runs an image', async () => {
    const podman = peer('podman')
    const store = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs']
    const id = await podman.output([...store, 'pull', '--quiet', testImage('runnable')])
    const run = ['run', '--rm', '--network=none', '--cgroups=disabled', id.trim()]
    expect(await podman.output([...store, ...run])).toBe('hello from a container\n')
  })

  test('a registry may ask for a password, over TLS', async () => {
    await using registry = await startDockerRegistry({
      tls: true,
      htpasswd: { username: 'someone', password: 'secret word' },
    })
    const inspect = ['inspect', '--tls-verify=false', `docker://${registry.host}/app:1`]
    const refused = await peer('skopeo').run(inspect)
    expect(refused.stderr).toContain('authentication required')
    const allowed = await peer('skopeo').run([...inspect, '--creds', 'someone:secret word'])
    expect(allowed.stderr).toContain('manifest unknown')
  })

  test('a tool whose exit status is not zero says why', async () => {
    await expect(peer('skopeo').output(['inspect', `oci:${folder}/none`])).rejects.toThrow('no such file or directory')
  })
})
