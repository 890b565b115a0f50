import { readdir, readFile } from 'node:fs/promises'
import { dirname, relative } from 'node:path'
import { gzipSync } from 'node:zlib'

import { digestOf, encodeJson, mediaTypes, rawManifest } from '@transload/contract'
import { DirectoryTree, OciLayout, refNameAnnotation, withManifest } from '@transload/formats'
import { fixtureImage, tarArchive, type FixtureLayer } from '@transload/transport-conformance/fixtures'

/**
 * Makes an image of the transload command itself, for linux/amd64 and linux/arm64, and stores it in an OCI layout
 * under `name`. `cli` is the command's main file; its folder becomes a layer.
 */
export async function storeDemoImage(directory: string, name: string, cli: string): Promise<void> {
  const program = layerOf(await readFolder(dirname(cli), 'opt/transload'))
  const images = ['amd64', 'arm64'].map((architecture) => ({
    architecture,
    image: fixtureImage({
      label: 'transload demo',
      platform: { os: 'linux', architecture },
      layers: [layerOf({ 'etc/architecture': `${architecture}\n` }), program],
    }),
  }))
  const manifests = images.map(({ architecture, image: { root } }) => ({
    mediaType: root.mediaType,
    digest: root.digest,
    size: root.bytes.length,
    platform: { os: 'linux', architecture },
  }))
  const index = rawManifest(Buffer.from(encodeJson({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests })))
  const layout = new OciLayout(new DirectoryTree(directory))
  for (const { image } of images) {
    for (const blob of image.blobs) await layout.writeBlob(blob.open(), () => blob.descriptor.digest)
    await layout.writeBlob(image.root.bytes, () => image.root.digest)
  }
  await layout.writeBlob(index.bytes, () => index.digest)
  const { mediaType, digest, bytes } = index
  const entry = { mediaType, digest, size: bytes.length, annotations: { [refNameAnnotation]: name } }
  await using locked = await layout.lockIndex()
  await locked.write(withManifest(locked.index, entry, name))
}

function layerOf(files: Readonly<Record<string, string | Uint8Array>>): FixtureLayer {
  const tar = tarArchive(files)
  const bytes = gzipSync(tar)
  return {
    compression: 'gzip',
    digest: digestOf(bytes),
    size: bytes.length,
    diffId: digestOf(tar),
    async *open() {
      yield bytes
    },
  }
}

async function readFolder(folder: string, prefix: string): Promise<Record<string, Uint8Array>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => `${entry.parentPath}/${entry.name}`)
  const contents = files
    .toSorted()
    .map(async (file) => [`${prefix}/${relative(folder, file)}`, await readFile(file)] as const)
  return Object.fromEntries(await Promise.all(contents))
}
