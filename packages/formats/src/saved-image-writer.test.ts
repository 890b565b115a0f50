import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'

import { collect, digestOf, type Digest } from '@transload/contract'
import { extract } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { SavedImageWriter } from './saved-image-writer.ts'
import { TarFileWriter } from './tar-file-writer.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp('/tmp/formats-test-')
})
afterEach(async () => {
  await rm(root, { recursive: true })
})

/** Names → contents (or `->` and a link's target), in order. */
async function written(fill: (writer: SavedImageWriter) => Promise<void>): Promise<Record<string, string>> {
  const path = join(root, 'test.tar')
  await using handle = await open(path, 'wx+')
  await fill(new SavedImageWriter(new TarFileWriter(handle, { tempDirectory: root, mode: 0o444 })))
  const found: [string, string][] = []
  for await (const entry of Readable.from([await readFile(path)]).pipe(extract())) {
    const { name, linkname } = entry.header
    const content = Buffer.from(await collect(entry as AsyncIterable<Uint8Array>)).toString()
    found.push([name, linkname ? `->${linkname}` : content])
  }
  return Object.fromEntries(found)
}

async function addLayer(writer: SavedImageWriter, content: string): Promise<Digest> {
  const bytes = Buffer.from(content)
  async function* body(): AsyncGenerator<Uint8Array> {
    yield bytes
  }
  await writer.addLayer({ digest: () => digestOf(bytes), body: body() })
  return digestOf(bytes)
}

const c = 'c013a42af622df271b4a84e9c76e483626fcc4d8ab4e29e9aecc55e193531ad4'
const d = '5c3a4a2a8d0bbb374e4d7b23468db68413c82a3fd7f17c6d23269643adcec4dd'

describe('SavedImageWriter', () => {
  it('writes the entries and legacy IDs skopeo writes', async () => {
    const config = Buffer.from(
      '{"created":"2026-11-24T22:08:21.360702412Z","architecture":"amd64","os":"linux","config":{"ExposedPorts":{"80/tcp":{}},"Cmd":["\\u003ca\\u003e\\u0026b"]},"rootfs":{"type":"layers","diff_ids":["sha256:c013a42af622df271b4a84e9c76e483626fcc4d8ab4e29e9aecc55e193531ad4","sha256:5c3a4a2a8d0bbb374e4d7b23468db68413c82a3fd7f17c6d23269643adcec4dd"]},"history":[{"created":"2026-11-24T22:08:21.367699893Z","created_by":"umoci insert"},{"created":"2026-11-24T22:08:21.374110024Z","created_by":"umoci insert"},{"created":"2026-11-24T22:08:21.390052056Z","created_by":"umoci config","empty_layer":true}]}\n',
    )
    const ids = [
      '2a7aaf8ed10305c932fbc19357582e47ef6dc44abf1addfc3b6eb8c759a8d9a5',
      '6c66c5ac304af8d282cf36fde0ec05a11ef6adbd82243fb4a9165dbd2b1a9dcf',
    ]
    const layers = [`sha256:${c}`, `sha256:${d}`] as Digest[]
    const name = digestOf(config).slice('sha256:'.length)
    const repoTags = ['busybox:1', 'docker.io/foo/bar:2', 'docker.io/library/busybox:1']
    const found = await written(async (writer) => {
      await writer.addImage({ config, layers, repoTags })
      await writer.finish()
    })
    expect(found).toEqual({
      [`${name}.json`]: config.toString(),
      [`${ids[0]}/layer.tar`]: `->../${c}.tar`,
      [`${ids[0]}/VERSION`]: '1.0',
      [`${ids[0]}/json`]: '{"id":"2a7aaf8ed10305c932fbc19357582e47ef6dc44abf1addfc3b6eb8c759a8d9a5"}',
      [`${ids[1]}/layer.tar`]: `->../${d}.tar`,
      [`${ids[1]}/VERSION`]: '1.0',
      [`${ids[1]}/json`]:
        '{"architecture":"amd64","config":{"ExposedPorts":{"80/tcp":{}},"Cmd":["\\u003ca\\u003e\\u0026b"]},"container":null,"container_config":null,"created":"2026-11-24T22:08:21.360702412Z","docker_version":null,"id":"6c66c5ac304af8d282cf36fde0ec05a11ef6adbd82243fb4a9165dbd2b1a9dcf","os":"linux","parent":"2a7aaf8ed10305c932fbc19357582e47ef6dc44abf1addfc3b6eb8c759a8d9a5"}',
      'manifest.json': `[{"Config":"${name}.json","RepoTags":["docker.io/library/busybox:1","docker.io/foo/bar:2"],"Layers":["${c}.tar","${d}.tar"]}]`,
      repositories: `{"docker.io/foo/bar":{"2":"${ids[1]}"},"docker.io/library/busybox":{"1":"${ids[1]}"}}`,
    })
    expect(name).toBe('e78d81d73eecaf40929e56d8b590dcfc1dd921dbecac66ad4a6b26ca3f92127c')
  })

  it('stores layers and images once that come twice', async () => {
    const [config, other] = [Buffer.from('{}'), Buffer.from('{"os":"linux"}')]
    const found = await written(async (writer) => {
      const base = await addLayer(writer, 'base')
      const layers = [base, await addLayer(writer, 'top'), await addLayer(writer, 'base')]
      await writer.addImage({ config, layers, repoTags: ['a:1'] })
      await writer.addImage({ config, layers, repoTags: ['a:2'] })
      await writer.addImage({ config: other, layers: [base], repoTags: [] })
      await writer.finish()
    })
    expect(Object.values(found).filter((content) => ['base', 'top'].includes(content))).toEqual(['base', 'top'])
    const items = JSON.parse(found['manifest.json']!) as { RepoTags: string[]; Layers: string[] }[]
    expect(items.map(({ RepoTags, Layers }) => [RepoTags, Layers.length])).toEqual([
      [['docker.io/library/a:1', 'docker.io/library/a:2'], 3],
      [[], 1],
    ])
  })

  it('lists an image without layers or names', async () => {
    const found = await written(async (writer) => {
      await writer.addImage({ config: Buffer.from('{}'), layers: [], repoTags: ['a:1'] })
      await writer.finish()
    })
    expect(found['repositories']).toBe('{}')
    expect(found['manifest.json']).toContain('"Layers":[]')
  })
})
