import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { collect, digestOf, mediaTypes, rawManifest, type Digest } from '@transload/contract'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { DirectoryTree } from './directory-tree.ts'
import { refNameOf, withManifest } from './oci-index.ts'
import { OciLayout } from './oci-layout.ts'

let root: string
let layout: OciLayout
beforeEach(async () => {
  root = await mkdtemp('/tmp/formats-test-')
  layout = new OciLayout(new DirectoryTree(join(root, 'layout')))
})
afterEach(async () => {
  await rm(root, { recursive: true })
})

const hello = Buffer.from('hello')
const manifest = rawManifest(Buffer.from('{"schemaVersion":2}'), mediaTypes.ociManifest)
const descriptor = { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.length }

describe('OciLayout', () => {
  it('writes the files of a layout as skopeo does', async () => {
    await layout.writeBlob(manifest.bytes, () => manifest.digest)
    await addManifest(layout, 'v1')
    expect((await readdir(join(root, 'layout'))).sort()).toEqual(['blobs', 'index.json', 'oci-layout'])
    expect(await readFile(join(root, 'layout/oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}')
    expect(await readFile(join(root, 'layout/index.json'), 'utf8')).toBe(
      `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"${manifest.mediaType}","digest":"${manifest.digest}","size":19,"annotations":{"org.opencontainers.image.ref.name":"v1"}}]}`,
    )
    expect(await layout.readManifest(manifest.digest, mediaTypes.ociManifest)).toEqual(manifest)
  })

  it('gives blobs back, whole and in parts', async () => {
    await layout.writeBlob(hello, () => digestOf(hello))
    expect(await layout.blobSize(digestOf(hello))).toBe(5)
    expect(Buffer.from(await collect(layout.readBlob(digestOf(hello)))).toString()).toBe('hello')
    expect(Buffer.from(await collect(layout.readBlob(digestOf(hello), { start: 1, end: 3 }))).toString()).toBe('el')
    expect(await layout.removeBlob(digestOf(hello))).toBe(true)
    expect(await layout.removeBlob(digestOf(hello))).toBe(false)
  })

  it('keeps nothing of a body that throws after its last byte', async () => {
    const body = (async function* () {
      yield hello
      throw new Error('wrong content')
    })()
    await expect(layout.writeBlob(body, () => digestOf(hello))).rejects.toThrow('wrong content')
    expect(await layout.blobSize(digestOf(hello))).toBeUndefined()
    expect(await readdir(join(root, 'layout'))).toEqual([])
  })

  it('says what is missing', async () => {
    const absent = `sha256:${'0'.repeat(64)}` as Digest
    await expect(layout.readIndex()).rejects.toMatchObject({
      code: 'IO',
      message: `open ${root}/layout/index.json: no such file or directory`,
    })
    await expect(layout.readManifest(absent)).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' })
    await expect(collect(layout.readBlob(absent))).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
    expect(await layout.blobFile(absent)).toBeUndefined()
  })

  it('loses no update of writers that come at once', async () => {
    const others = Array.from({ length: 3 }, () => new OciLayout(new DirectoryTree(join(root, 'layout'))))
    await Promise.all([layout, layout, layout, ...others].map((target, number) => addManifest(target, `v${number}`)))
    const { manifests } = await layout.readIndex()
    expect(new Set(manifests.map(refNameOf))).toEqual(new Set(['v0', 'v1', 'v2', 'v3', 'v4', 'v5']))
  })
})

async function addManifest(target: OciLayout, name: string): Promise<void> {
  await using lock = await target.lockIndex()
  await lock.write(withManifest(lock.index, descriptor, name))
}
