import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { peer, requirePeers, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readTree } from '../read-tree.ts'
import { createPodmanStore, type PodmanStore } from './podman-store.ts'
import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'podman', 'crane', 'oras')

let site: Site
let host = ''
let podman: PodmanStore
beforeAll(async () => {
  if (missing) return
  site = await openSite()
  host = site.registries.transload
  podman = createPodmanStore(site)
}, 60_000)
afterAll(() => site?.[Symbol.asyncDispose]())

describe.skipIf(missing)(`transload serve to skopeo ${missing ?? ''}`, () => {
  test.each(['base', 'zstd', 'docker', 'many', 'index-oci', 'index-docker'] as const)(
    'takes and gives back %s',
    async (name) => {
      const [sent, received] = [site.newPath(), site.newPath()]
      const image = `docker://${host}/skopeo/${name}:v1`
      await succeeding(site.skopeo.copy(['--all', '--preserve-digests'], testImage(name), `dir:${sent}`))
      await succeeding(site.skopeo.copy(['--all', '--preserve-digests'], `dir:${sent}`, image))
      await succeeding(site.skopeo.copy(['--all'], image, `dir:${received}`))
      expect(await readTree(received)).toEqual(await readTree(sent))
    },
  )

  test('tells tags, copies by digest and deletes', async () => {
    const repository = `docker://${host}/skopeo/tagged`
    for (const tag of ['v2', 'v1', 'latest']) {
      await succeeding(site.skopeo.copy([], testImage('repeated'), `${repository}:${tag}`))
    }
    const listTags = ['list-tags', '--tls-verify=false', repository]
    const { stdout } = await succeeding(site.skopeo.run(listTags))
    expect(JSON.parse(stdout)).toMatchObject({ Tags: ['latest', 'v1', 'v2'] })
    const { Digest: digest } = JSON.parse((await succeeding(site.skopeo.inspect([], `${repository}:v1`))).stdout) as {
      Digest: string
    }
    const directory = site.newPath()
    await succeeding(site.skopeo.copy([], `${repository}@${digest}`, `dir:${directory}`))
    await succeeding(site.skopeo.run(['delete', '--tls-verify=false', `${repository}:v1`]))
    expect((await site.skopeo.inspect([], `${repository}:v1`)).code).toBe(2)
    expect((await site.skopeo.copy([], `${repository}@${digest}`, `dir:${site.newPath()}`)).code).toBe(2)
  })
})

describe.skipIf(missing)(`transload serve to crane ${missing ?? ''}`, () => {
  test('takes, validates, lists, copies, tags and deletes', async () => {
    const layout = site.newPath()
    await succeeding(site.skopeo.copy([], testImage('base'), `oci:${layout}:v1`))
    await crane('push', layout, `${host}/crane/app:v1`)
    await crane('validate', '--remote', `${host}/crane/app:v1`)
    const digest = await crane('digest', `${host}/crane/app:v1`)
    const copied = await peer('crane').run(['--insecure', 'copy', `${host}/crane/app:v1`, `${host}/crane/copy:v1`])
    expect(copied.stderr).toContain('mounted blob')
    await crane('tag', `${host}/crane/app:v1`, 'v2')
    expect(await crane('ls', `${host}/crane/app`)).toBe('v1\nv2')
    expect((await crane('catalog', host)).split('\n')).toEqual(expect.arrayContaining(['crane/app', 'crane/copy']))
    const pulled = site.newPath()
    await crane('pull', '--format', 'oci', `${host}/crane/copy:v1`, pulled)
    const blobs = await readTree(join(pulled, 'blobs'))
    expect(blobs).toEqual(await readTree(join(layout, 'blobs')))
    await crane('delete', `${host}/crane/app@${digest}`)
    await expect(crane('manifest', `${host}/crane/app:v1`)).rejects.toThrow('MANIFEST_UNKNOWN')
    expect(await crane('digest', `${host}/crane/copy:v1`)).toBe(digest)
  })

  test('takes a list', async () => {
    const elsewhere = `${site.registries.docker}/index:v1`
    await succeeding(site.skopeo.copy(['--all'], testImage('index-oci'), `docker://${elsewhere}`))
    await crane('copy', elsewhere, `${host}/crane/index:v1`)
    await crane('validate', '--remote', `${host}/crane/index:v1`)
    const platform = ['--platform', 'linux/arm64/v8', `${host}/crane/index:v1`] as const
    expect(JSON.parse(await crane('config', ...platform))).toMatchObject({ architecture: 'arm64' })
  })
})

describe.skipIf(missing)(`transload serve to oras ${missing ?? ''}`, () => {
  test('takes artifacts, tells referrers and deletes', async () => {
    const files = site.newPath()
    await mkdir(files)
    await writeFile(join(files, 'notes.txt'), 'an artifact is not an image\n')
    const artifact = `${host}/oras/notes:v1`
    await oras(['push', artifact, '--artifact-type', 'application/vnd.example.notes', 'notes.txt:text/plain'], files)
    await oras(['attach', artifact, '--artifact-type', 'application/vnd.example.seal', 'notes.txt:text/plain'], files)
    const discovered = JSON.parse(await oras(['discover', artifact, '--format', 'json'])) as { referrers: unknown[] }
    expect(discovered.referrers).toEqual([expect.objectContaining({ artifactType: 'application/vnd.example.seal' })])
    expect(await oras(['repo', 'tags', `${host}/oras/notes`])).toBe('v1')
    expect((await oras(['repo', 'list', host])).split('\n')).toContain('oras/notes')

    const pulled = site.newPath()
    await oras(['pull', artifact, '--output', pulled])
    expect(await readFile(join(pulled, 'notes.txt'), 'utf8')).toBe('an artifact is not an image\n')
    await oras(['manifest', 'delete', '--force', artifact])
    await expect(oras(['manifest', 'fetch', artifact])).rejects.toThrow('not found')
  })

  test('gives and takes an image with its referrers', async () => {
    const [image, copied] = [`${host}/oras/image:v1`, `${host}/oras/copied:v1`]
    await succeeding(site.skopeo.copy([], testImage('small'), `docker://${image}`))
    await oras(['attach', image, '--artifact-type', 'application/vnd.example.seal', '--annotation', 'a=b'])
    const plain = ['--from-plain-http', '--to-plain-http']
    await peer('oras').output(['copy', '--recursive', ...plain, image, copied])
    const referrersOf = async (name: string): Promise<readonly { digest: string }[]> => {
      const json = await oras(['discover', name, '--format', 'json'])
      return (JSON.parse(json) as { referrers: { digest: string }[] }).referrers
    }
    const digests = (await referrersOf(image)).map(({ digest }) => digest)
    expect(digests).toHaveLength(1)
    expect((await referrersOf(copied)).map(({ digest }) => digest)).toEqual(digests)
  })
})

describe.skipIf(missing)(`transload serve to podman ${missing ?? ''}`, () => {
  test.each(['small', 'zstd', 'docker'] as const)('gives and takes %s', async (name) => {
    const [from, to] = [`${host}/podman/from:${name}`, `${host}/podman/to:${name}`]
    await succeeding(site.skopeo.copy([], testImage(name), `docker://${from}`))
    await podman('pull', '--quiet', '--tls-verify=false', from)
    await podman('push', '--quiet', '--tls-verify=false', from, to)
    const tags = await podman(
      'search',
      '--tls-verify=false',
      '--list-tags',
      '--format',
      '{{.Tag}}',
      `${host}/podman/to`,
    )
    expect(tags.split('\n')).toContain(name)
    const sent = await succeeding(site.skopeo.inspect(['--config'], `docker://${from}`))
    const received = await succeeding(site.skopeo.inspect(['--config'], `docker://${to}`))
    expect(received.stdout).toBe(sent.stdout)
  })
})

async function crane(...words: readonly string[]): Promise<string> {
  return (await peer('crane').output(['--insecure', ...words])).trimEnd()
}

async function oras(words: readonly string[], cwd = site.folder): Promise<string> {
  return (await peer('oras').output([...words, '--plain-http'], { cwd })).trimEnd()
}
