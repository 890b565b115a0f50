import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { collect, digestOf, encodeJson, parseManifest, rawManifest, type OpenOptions } from '@transload/contract'
import { tarArchive } from '@transload/transport-conformance/fixtures'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import dockerArchiveTransport from './docker-archive.ts'

let root: string
let options: OpenOptions
beforeEach(async () => {
  root = await mkdtemp('/tmp/transport-archive-test-')
  options = {
    cache: {
      locations: async () => [],
      rememberLocation: async () => {},
      uncompressed: async () => undefined,
      rememberUncompressed: async () => {},
    },
    tempDirectory: root,
    log: () => {},
  }
})
afterEach(async () => {
  await rm(root, { recursive: true })
})

const layer = Buffer.from('a layer')
const config = encodeJson({ os: 'linux', rootfs: { type: 'layers', diff_ids: [digestOf(layer)] } })

/** As a current `docker save` writes it: an OCI layout whose blobs manifest.json names. */
const dockerSave = tarArchive({
  'blobs/sha256/c': config,
  'blobs/sha256/l': gzipSync(layer),
  'index.json': '{}',
  'manifest.json': encodeJson([
    { Config: 'blobs/sha256/c', RepoTags: ['busybox:1', 'busybox:2'], Layers: ['blobs/sha256/l'], LayerSources: {} },
    { Config: 'blobs/sha256/c', RepoTags: null, Layers: ['blobs/sha256/l'] },
  ]),
  'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
})

describe('docker-archive', () => {
  it('reads what docker save writes', async () => {
    await writeFile(join(root, 'a.tar'), dockerSave)
    const transport = dockerArchiveTransport()
    await using source = await transport.openSource!(transport.parse('a.tar:@1', root), options)
    const manifest = await source.readManifest(undefined)
    const parsed = parseManifest(manifest)
    if (parsed.kind !== 'image') throw new Error('an image')
    expect(parsed.layers).toEqual([{ mediaType: expect.any(String), size: 7, digest: digestOf(layer) }])
    expect(Buffer.from(await collect(source.readBlob(parsed.layers[0]!)))).toEqual(layer)
    expect(Buffer.from(await collect(source.readBlob(parsed.config))).toString()).toBe(config)
    expect(await source.layersForCopy!(manifest)).toEqual([
      { mediaType: 'application/vnd.docker.image.rootfs.diff.tar', size: 7, digest: digestOf(layer) },
    ])
    await expect(source.readManifest(digestOf(layer))).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' })
  })

  it('reads on after somebody gave up on the first read', async () => {
    await writeFile(join(root, 'a.tar'), dockerSave)
    const transport = dockerArchiveTransport()
    await using source = await transport.openSource!(transport.parse('a.tar:busybox:2', root), options)
    const controller = new AbortController()
    const first = source.readManifest(undefined, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    expect((await source.readManifest(undefined)).bytes.length).toBeGreaterThan(0)
  })

  it('lists the tags of the whole file, compressed or not', async () => {
    await writeFile(join(root, 'a.tar'), dockerSave)
    await writeFile(join(root, 'b.tar'), gzipSync(dockerSave))
    const transport = dockerArchiveTransport()
    for (const name of ['a.tar', 'b.tar:whatever']) {
      const tags = await Array.fromAsync(transport.listTags!(transport.parse(name, root), options))
      expect(tags).toEqual(['busybox:1', 'busybox:2', '@1'])
    }
    expect((await readdir(root)).sort()).toEqual(['a.tar', 'b.tar'])
  })

  it.each([
    ['a.tar', 'REFERENCE_INVALID', 'Unexpected tar manifest.json: expected 1 item, got 2'],
    ['a.tar:x', 'MANIFEST_UNKNOWN', 'Tag "docker.io/library/x:latest" not found'],
    ['a.tar:@2', 'REFERENCE_INVALID', 'Invalid source index @2, only 2 manifest items available'],
    [
      'none.tar',
      'MANIFEST_UNKNOWN',
      expect.stringMatching(/^opening file "(.*none.tar)": open \1: no such file or directory$/),
    ],
    ['text.tar', 'IO', expect.stringContaining('invalid tar header')],
    ['.', 'IO', expect.stringContaining('is a directory')],
  ])('does not read %s', async (name, code, message) => {
    await writeFile(join(root, 'a.tar'), dockerSave)
    await writeFile(join(root, 'text.tar'), 'text '.repeat(200))
    const transport = dockerArchiveTransport()
    await expect(transport.openSource!(transport.parse(name, root), options)).rejects.toMatchObject({ code, message })
  })

  it('limits what a compressed archive unpacks to', async () => {
    await writeFile(join(root, 'a.tar'), gzipSync(dockerSave))
    const transport = dockerArchiveTransport({ maxUnpackedBytes: 1000 })
    await expect(transport.openSource!(transport.parse('a.tar:@0', root), options)).rejects.toMatchObject({
      code: 'SIZE_LIMIT',
    })
    expect(await readdir(root)).toEqual(['a.tar'])
  })

  it('gives an image its additional tags, and refuses to add to an archive', async () => {
    const transport = dockerArchiveTransport({ additionalTags: ['b:2'] })
    const reference = transport.parse('a.tar:b:1', root)
    {
      await using destination = await transport.openDestination!(reference, options)
      await destination.writeBlob(outgoing('layer', layer))
      await destination.writeBlob(outgoing('config', Buffer.from(config)))
      await destination.writeManifest(manifest, { root: true })
      await destination.commit()
    }
    expect(await readFile(join(root, 'a.tar'), 'latin1')).toContain(
      '"RepoTags":["docker.io/library/b:1","docker.io/library/b:2"]',
    )
    await expect(transport.openDestination!(reference, options)).rejects.toMatchObject({
      code: 'DESTINATION_EXISTS',
      message: "docker-archive doesn't support modifying existing images",
    })
    await expect(transport.openDestination!(transport.parse('b.tar:@0', root), options)).rejects.toMatchObject({
      code: 'REFERENCE_INVALID',
      message: 'Destination reference must not contain a manifest index @0',
    })
  })

  it('does not finish an archive that lacks something', async () => {
    const transport = dockerArchiveTransport()
    await using destination = await transport.openDestination!(transport.parse('a.tar', root), options)
    await expect(destination.commit()).rejects.toMatchObject({ message: expect.stringContaining('no manifest') })
    await destination.writeManifest(manifest, { root: true })
    await expect(destination.commit()).rejects.toMatchObject({ message: expect.stringContaining('no config') })
    await destination.writeBlob(outgoing('config', Buffer.from(config)))
    await expect(destination.commit()).rejects.toMatchObject({ message: expect.stringContaining('no layer') })
    await destination[Symbol.asyncDispose]()
    expect(await readdir(root)).toEqual([])
  })
})

const manifest = rawManifest(
  Buffer.from(
    encodeJson({
      schemaVersion: 2,
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        size: config.length,
        digest: digestOf(Buffer.from(config)),
      },
      layers: [
        { mediaType: 'application/vnd.docker.image.rootfs.diff.tar', size: layer.length, digest: digestOf(layer) },
      ],
    }),
  ),
)

function outgoing(role: 'config' | 'layer', bytes: Uint8Array) {
  async function* body(): AsyncGenerator<Uint8Array> {
    yield bytes
  }
  return {
    role,
    mediaType: '',
    body: body(),
    written: () => ({ mediaType: '', size: bytes.length, digest: digestOf(bytes) }),
  }
}
