import { join } from 'node:path'

import { peer, requirePeers } from '@transload/peers'
import { htpasswdLine, startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createUser, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

const missing = requirePeers('podman', 'skopeo')

let user: User
let registry: RegistryServer
beforeAll(async () => {
  if (missing) return
  user = await createUser()
  registry = await startRegistryServer({
    directory: join(user.home, 'registry'),
    auth: { htpasswd: await htpasswdLine('testuser', 'testpassword', 4) },
  })
  await writeToLayout(fixtureImage(), join(user.home, 'images'), 'v1')
})
afterAll(async () => {
  await registry?.close()
  await user?.[Symbol.asyncDispose]()
})

describe.skipIf(missing)(`who is logged in by another tool ${missing ?? ''}`, () => {
  test.each(['podman', 'skopeo'] as const)('AUT-11, AUT-12: %s logs in, and out again', async (tool) => {
    const { host } = registry
    const file = join(user.home, `${tool}-auth.json`)
    const env = { REGISTRY_AUTH_FILE: file }
    const image = `docker://${host}/busybox:${tool}`
    const inspect = ['inspect', '--tls-verify=false', image]
    const login = ['--tls-verify=false', '--username=testuser', '--password=testpassword']
    await peer(tool).output(['login', '--authfile', file, ...login, host])
    await user.succeed(['copy', '-q', '--dest-tls-verify=false', 'oci:images:v1', image], { env })
    expect(await user.succeed(inspect, { env })).toContain(`${host}/busybox`)
    await peer(tool).output(['logout', '--authfile', file, host])
    const refused = await user.run(inspect, { env })
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('authentication required')
  })
})
