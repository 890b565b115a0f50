import { mediaTypes, rawManifest, type RawManifest } from '@transload/contract'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { describe, expect, it } from 'vitest'

import type { PlannedIndex } from './copy-plan.ts'
import { writtenIndex, type WrittenInstance } from './image-index.ts'
import { zstdAnnotation } from './select-instance.ts'

const docker = fixtureImage({ format: 'docker' }).root
const oci = fixtureImage().root
const fallback = { os: 'linux', architecture: 'amd64' }

function raw(value: object): RawManifest {
  return rawManifest(Buffer.from(JSON.stringify(value, undefined, 2)))
}

function text({ bytes }: RawManifest): string {
  return Buffer.from(bytes).toString()
}

function entry({ mediaType, digest, bytes }: RawManifest, more: object): object {
  return { mediaType, digest, size: bytes.length, ...more }
}

function instance(position: number, manifest: RawManifest, hasZstdLayers = false): WrittenInstance {
  return { position, manifest, hasZstdLayers }
}

function plan({ mediaType, digest, bytes }: RawManifest, target: string): PlannedIndex {
  return {
    manifest: { mediaType, digest, size: bytes.length },
    mediaType: target,
    signatures: { fate: 'none', count: 0 },
    listed: 1,
    others: 'keep',
  }
}

describe('writtenIndex', () => {
  const platform = { architecture: 'arm', os: 'linux', variant: 'v7', 'os.version': '1', features: ['x'] }
  const list = raw({ schemaVersion: 2, mediaType: mediaTypes.dockerList, manifests: [entry(docker, { platform })] })
  const index = raw({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [entry(oci, { annotations: { b: '1', a: '2' } }), entry(docker, { platform, artifactType: 'x/y' })],
    annotations: { x: 'y' },
  })

  it('is the source where nothing changed', () => {
    const same = [instance(0, oci), instance(1, docker)]
    expect(writtenIndex(index, plan(index, mediaTypes.ociIndex), same, fallback)).toBe(index)
  })

  it('converts a Docker list, dropping features', () => {
    const after = writtenIndex(list, plan(list, mediaTypes.ociIndex), [instance(0, oci)], fallback)
    expect(text(after)).toBe(
      `{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[{"mediaType":"${mediaTypes.ociManifest}",` +
        `"digest":"${oci.digest}","size":${oci.bytes.length},"platform":{"architecture":"arm","os":"linux",` +
        `"os.version":"1","variant":"v7"}}]}`,
    )
  })

  it('converts an OCI index, making up a platform', () => {
    const after = writtenIndex(index, plan(index, mediaTypes.dockerList), [], fallback)
    expect(JSON.parse(text(after))).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.dockerList,
      manifests: [entry(oci, { platform: fallback }), entry(docker, { platform })],
    })
  })

  it('changes the entry of a changed image only', () => {
    const after = writtenIndex(index, plan(index, mediaTypes.ociIndex), [instance(1, oci)], fallback)
    const { features: _, ...known } = platform
    expect(JSON.parse(text(after))).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [
        entry(oci, { annotations: { a: '2', b: '1' } }),
        entry(oci, { platform: known, artifactType: 'x/y' }),
      ],
      annotations: { x: 'y' },
    })
  })

  it('marks images with zstd layers, unless it must not change', () => {
    const unchanged = [instance(0, oci, true), instance(1, docker)]
    const after = JSON.parse(text(writtenIndex(index, plan(index, mediaTypes.ociIndex), unchanged, fallback)))
    expect(after.manifests[0].annotations).toEqual({ a: '2', b: '1', [zstdAnnotation]: 'true' })
    const pinned = { ...plan(index, mediaTypes.ociIndex), unmodifiable: 'Instructed to preserve digests' }
    expect(writtenIndex(index, pinned, unchanged, fallback)).toBe(index)
  })

  it('changes each of two entries with one digest at its own place', () => {
    const twice = raw({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [entry(docker, {}), entry(docker, {})],
    })
    const instances = [instance(0, docker), instance(1, oci)]
    const after = JSON.parse(text(writtenIndex(twice, plan(twice, mediaTypes.ociIndex), instances, fallback)))
    expect(after.manifests).toEqual([entry(docker, {}), entry(oci, {})])
  })

  it('leaves out entries of images that are not copied, if told to', () => {
    const strip = { ...plan(index, mediaTypes.ociIndex), others: 'strip' } as const
    const after = JSON.parse(text(writtenIndex(index, strip, [instance(0, oci)], fallback)))
    expect(after.manifests).toEqual([entry(oci, { annotations: { a: '2', b: '1' } })])
    expect(writtenIndex(index, strip, [instance(0, oci), instance(1, docker)], fallback)).toBe(index)
  })

  it('points attestations at the image as it was written', () => {
    const annotations = {
      'vnd.docker.reference.digest': docker.digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    }
    const about = fixtureImage({ label: 'attestation' }).root
    const attested = raw({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [entry(docker, { platform: { os: 'linux', architecture: 'arm' } }), entry(about, { annotations })],
    })
    const instances = [instance(0, oci), instance(1, about)]
    const after = JSON.parse(text(writtenIndex(attested, plan(attested, mediaTypes.ociIndex), instances, fallback)))
    expect(after.manifests[1]).toEqual(
      entry(about, { annotations: { ...annotations, 'vnd.docker.reference.digest': oci.digest } }),
    )
  })
})
