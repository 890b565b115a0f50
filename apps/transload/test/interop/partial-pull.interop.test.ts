import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { peer, processOutput, requirePeers, startDockerRegistry, type DockerRegistry } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createUser, type User } from '../run-cli.ts'
import { startServing } from '../serving.ts'

const missing = requirePeers('podman', 'registry')

let user: User
let registries: AsyncDisposableStack
let hosts: Readonly<Record<'docker' | 'transload', string>>
/** Podman's overlay driver, the only one that pulls parts, does not work on top of another overlay. */
let storage: string

beforeAll(async () => {
  if (missing) return
  user = await createUser()
  registries = new AsyncDisposableStack()
  const docker: DockerRegistry = registries.use(await startDockerRegistry())
  const own = registries.use(await startServing(user, ['served']))
  hosts = { docker: docker.host, transload: own.host }
  storage = await mkdtemp('/dev/shm/transload-partial-')
}, 60_000)
afterAll(async () => {
  await registries?.disposeAsync()
  await user?.[Symbol.asyncDispose]()
  if (storage) await rm(storage, { recursive: true, force: true })
})

describe.skipIf(missing)(`podman pulls parts of zstd:chunked layers that transload made ${missing ?? ''}`, () => {
  test.each(['docker', 'transload'] as const)(
    'from the registry of %s, and puts the layer together again',
    async (kind) => {
      const image = `${hosts[kind]}/partial`
      const contents = join(user.home, kind, 'contents')
      await mkdir(contents, { recursive: true })
      await writeFile(join(contents, 'large'), randomBytes(5_000_000))
      await writeFile(join(contents, 'same'), randomBytes(2_000_000))
      const podman = await podmanOf(kind)
      for (const version of ['v1', 'v2']) {
        await writeFile(join(contents, 'changing'), version)
        const tar = join(user.home, kind, `${version}.tar`)
        await processOutput('tar', ['-c', '-f', tar, '-C', join(user.home, kind), 'contents'])
        const flags = ['--quiet', '--dest-tls-verify=false', '--dest-compress-format', 'zstd:chunked']
        await user.succeed(['copy', ...flags, `tarball:${tar}`, `docker://${image}:${version}`])
        const log = await podman('--log-level', 'debug', 'pull', '--tls-verify=false', `${image}:${version}`)
        expect(log).toContain('Retrieved partial blob sha256:')
      }
      // Only with the right recipe of the tar do its bytes come out again: podman checks their digest.
      const saved = join(user.home, kind, 'saved.tar')
      await podman('save', '--format', 'oci-archive', '--output', saved, `${image}:v2`)
      await user.succeed(['copy', '--quiet', '--dest-decompress', `oci-archive:${saved}`, `dir:${saved}.dir`])
      const before = await processOutput('sha256sum', [join(user.home, kind, 'v2.tar')])
      const layers = JSON.parse(await user.succeed(['inspect', '--format', '{{json .Layers}}', `dir:${saved}.dir`]))
      expect(layers).toEqual([`sha256:${before.stdout.slice(0, 64)}`])
    },
  )
})

/** Runs podman on an empty store; resolves to all it printed, and throws that if it failed. */
async function podmanOf(name: string): Promise<(...words: readonly string[]) => Promise<string>> {
  const file = join(user.home, `${name}.storage.conf`)
  const lines = [
    '[storage]',
    'driver = "overlay"',
    `graphroot = "${storage}/${name}"`,
    `runroot = "${storage}/${name}-run"`,
    '[storage.options]',
    'pull_options = {enable_partial_images = "true"}',
  ]
  await writeFile(file, lines.join('\n'))
  return async (...words) => {
    const { code, stdout, stderr } = await peer('podman').run(words, {
      env: { ...process.env, CONTAINERS_STORAGE_CONF: file },
    })
    if (code !== 0) throw new Error(stderr)
    return stdout + stderr
  }
}
