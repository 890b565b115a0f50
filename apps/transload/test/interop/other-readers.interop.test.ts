import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { peer, requirePeers, testImage, type TestImageName } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createPodmanStore, type PodmanStore } from './podman-store.ts'
import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'podman', 'umoci', 'crane', 'oras')

let site: Site
let podman: PodmanStore
beforeAll(async () => {
  if (missing) return
  site = await openSite()
  podman = createPodmanStore(site)
}, 60_000)
afterAll(() => site?.[Symbol.asyncDispose]())

const images = ['base', 'zstd', 'docker', 'repeated', 'many'] as const satisfies readonly TestImageName[]

describe.skipIf(missing)(`other tools read what transload writes ${missing ?? ''}`, () => {
  test.each(images)('podman loads a docker-archive: %s', async (image) => {
    const archive = site.newPath()
    const name = `example.com/docker-archive/${image}:v1`
    await succeeding(site.transload.copy([], testImage(image), `docker-archive:${archive}:${name}`))
    expect(await podman('load', '--quiet', '--input', archive)).toBe(`Loaded image: ${name}`)
    expect(await readPodmanImage(name)).toEqual(await readConfig(testImage(image)))
  })

  test('CPY-55: podman loads a docker-archive of two names', async () => {
    const archive = site.newPath()
    const flags = ['--additional-tag', 'example.com/tagged/busybox:mine']
    await succeeding(
      site.transload.copy(flags, testImage('docker'), `docker-archive:${archive}:example.com/tagged/busybox:latest`),
    )
    await podman('load', '--quiet', '--input', archive)
    const names = await podman('images', '--format', '{{.Repository}}:{{.Tag}}')
    const tagged = names.split('\n').filter((name) => name.startsWith('example.com/tagged/busybox:'))
    expect(tagged.sort()).toEqual(['example.com/tagged/busybox:latest', 'example.com/tagged/busybox:mine'])
  })

  test.each(images)('podman loads an oci-archive: %s', async (image) => {
    const archive = site.newPath()
    const name = `example.com/oci-archive/${image}:v1`
    await succeeding(site.transload.copy([], testImage(image), `oci-archive:${archive}:${name}`))
    expect(await podman('load', '--quiet', '--input', archive)).toBe(`Loaded image: ${name}`)
    // Podman reads Docker's config as OCI's once it is in an OCI manifest, as transload has made it.
    expect(await readPodmanImage(name)).toEqual(await readConfig(`oci-archive:${archive}:${name}`))
  })

  test.each(['base', 'zstd', 'docker'] as const)('podman pulls from a registry: %s', async (image) => {
    for (const registry of Object.values(site.registries)) {
      const name = `${registry}/pulled/${image}:v1`
      await succeeding(site.transload.copy([], testImage(image), `docker://${name}`))
      await podman('pull', '--quiet', '--tls-verify=false', name)
      expect(await readPodmanImage(name)).toEqual(await readConfig(testImage(image)))
    }
  })

  test.each(['base', 'repeated', 'many'] as const)('umoci unpacks a layout: %s', async (image) => {
    const layout = site.newPath()
    await succeeding(site.transload.copy([], testImage(image), `oci:${layout}:v1`))
    const ours = await readUnpacked(`${layout}:v1`)
    const source = testImage(image).replace(/^oci:/, '')
    expect(ours).toEqual(await readUnpacked(source))
    expect(ours.length).toBeGreaterThan(2)
  })

  test.each(['base', 'docker', 'repeated', 'many'] as const)('crane finds it valid: %s', async (image) => {
    const archive = site.newPath()
    await succeeding(site.transload.copy([], testImage(image), `docker-archive:${archive}:example.com/app:v1`))
    await peer('crane').output(['validate', '--tarball', archive])
    for (const registry of Object.values(site.registries)) {
      const name = `${registry}/validated/${image}:v1`
      await succeeding(site.transload.copy([], testImage(image), `docker://${name}`))
      await peer('crane').output(['validate', '--insecure', '--remote', name])
      const { stdout } = await succeeding(site.skopeo.inspect(['--raw'], testImage(image)))
      expect(await peer('crane').output(['manifest', '--insecure', name])).toBe(stdout)
    }
  })

  test('oras reads an artifact', async () => {
    const files = site.newPath()
    const made = `oci:${files}:v1`
    const artifact = ['--artifact-type', 'application/vnd.example.notes', '--disable-path-validation']
    await peer('oras').output(['push', '--oci-layout', `${files}:v1`, ...artifact, '/etc/hostname:text/plain'])
    const layout = site.newPath()
    await succeeding(site.transload.copy([], made, `oci:${layout}:v1`))
    const words = ['manifest', 'fetch', '--oci-layout']
    const manifest = await peer('oras').output([...words, `${layout}:v1`])
    expect(manifest).toBe(await peer('oras').output([...words, `${files}:v1`]))
    expect(JSON.parse(manifest)).toMatchObject({ artifactType: 'application/vnd.example.notes' })
  })
})

interface ImageSummary {
  readonly id: string
  readonly diffIds: readonly string[]
}

/** The ID of an image is the digest of its config. */
async function readPodmanImage(name: string): Promise<ImageSummary> {
  const [image] = JSON.parse(await podman('image', 'inspect', name)) as [{ Id: string; RootFS: { Layers: string[] } }]
  return { id: `sha256:${image.Id}`, diffIds: image.RootFS.Layers }
}

async function readConfig(image: string): Promise<ImageSummary> {
  const manifest = await succeeding(site.skopeo.inspect(['--raw'], image))
  const config = await succeeding(site.skopeo.inspect(['--config', '--raw'], image))
  return {
    id: (JSON.parse(manifest.stdout) as { config: { digest: string } }).config.digest,
    diffIds: (JSON.parse(config.stdout) as { rootfs: { diff_ids: string[] } }).rootfs.diff_ids,
  }
}

/**
 * What umoci has unpacked: a line for each file, with its type, size, owner, mode, links, digest and attributes, and the
 * time of all but directories, some of which the image does not tell of.
 */
async function readUnpacked(image: string): Promise<readonly string[]> {
  const bundle = site.newPath()
  await peer('umoci').output(['unpack', '--image', image, bundle])
  const listing = (await readdir(bundle)).find((name) => name.endsWith('.mtree'))
  const lines = (await readFile(join(bundle, listing ?? ''), 'utf8')).split('\n')
  const files = lines.filter((line) => line !== '' && !line.startsWith('#'))
  return files.map((line) => line.replace(/(?<=type=dir.*) tar_time=\S+/, ''))
}
