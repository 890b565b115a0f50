import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { digestOf, encodeJson, type OpenOptions } from '@transload/contract'
import { fixtureImage, fixtureIndex, storeImage, tarArchive } from '@transload/transport-conformance/fixtures'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import ociArchiveTransport from './oci-archive.ts'

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

const transport = ociArchiveTransport()

async function store(text: string, image = fixtureImage({ format: 'oci' })): Promise<void> {
  await using destination = await transport.openDestination!(transport.parse(text, root), options)
  await storeImage(destination, image)
}

describe('oci-archive', () => {
  it('replaces what was there', async () => {
    await store('a.tar:one')
    await store('a.tar:two', fixtureIndex('oci'))
    await expect(transport.openSource!(transport.parse('a.tar:one', root), options)).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
      message: 'no descriptor found for reference "one"',
    })
    await using source = await transport.openSource!(transport.parse('a.tar', root), options)
    expect((await source.readManifest(undefined)).digest).toBe(fixtureIndex('oci').root.digest)
    expect(source.reference).toMatchObject({ path: join(root, 'a.tar') })
    expect(await readdir(root)).toEqual(['a.tar'])
  })

  it('reads a compressed archive whose names begin with ./', async () => {
    const { root: manifest } = fixtureImage({ format: 'oci' })
    const entry = { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.length }
    const archive = tarArchive({
      './index.json': encodeJson({ schemaVersion: 2, manifests: [entry] }),
      [`./blobs/sha256/${manifest.digest.slice(7)}`]: manifest.bytes,
    })
    await writeFile(join(root, 'a.tar'), gzipSync(archive))
    await using source = await transport.openSource!(transport.parse('a.tar', root), options)
    expect((await source.readManifest(undefined)).digest).toBe(manifest.digest)
    expect(await readdir(root)).toEqual(['a.tar'])
  })

  it('notices a manifest that is another than its name says', async () => {
    const digest = digestOf(Buffer.from('other'))
    const entry = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 2 }
    const archive = tarArchive({
      'index.json': encodeJson({ schemaVersion: 2, manifests: [entry] }),
      [`blobs/sha256/${digest.slice(7)}`]: '{}',
    })
    await writeFile(join(root, 'a.tar'), archive)
    await using source = await transport.openSource!(transport.parse('a.tar', root), options)
    await expect(source.readManifest(undefined)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  })

  it.each([
    ['none.tar:x', 'MANIFEST_UNKNOWN', expect.stringMatching(/^archive file not found: ".*none.tar"$/)],
    ['empty.tar', 'IO', expect.stringMatching(/^open .*empty.tar:index.json: no such file or directory$/)],
  ])('does not read %s', async (name, code, message) => {
    await writeFile(join(root, 'empty.tar'), Buffer.alloc(1024))
    await expect(transport.openSource!(transport.parse(name, root), options)).rejects.toMatchObject({ code, message })
  })
})
