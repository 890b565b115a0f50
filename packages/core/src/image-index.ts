import {
  encodeJson,
  mediaTypes,
  parseJsonObject,
  rawManifest,
  type Platform,
  type RawManifest,
} from '@transload/contract'

import type { PlannedIndex } from './copy-plan.ts'
import { descriptorJson, platformJson } from './descriptor-json.ts'
import { formatOf } from './manifest-type.ts'
import { zstdAnnotation } from './select-instance.ts'
import { sortedMap } from './sorted-map.ts'

type Json = Readonly<Record<string, unknown>>

/** What became of an image the index names. */
export interface WrittenInstance {
  readonly position: number
  readonly manifest: RawManifest
  readonly hasZstdLayers: boolean
}

/**
 * The index naming the images as they were written: the source's very bytes if those are the images it names, else a
 * new one that also marks images with zstd layers (copy-engine.md §4, formats.md §5.7). `fallback` is the platform
 * made up for entries without one where the format is Docker's.
 */
export function writtenIndex(
  source: RawManifest,
  plan: PlannedIndex,
  instances: readonly WrittenInstance[],
  fallback: Platform,
): RawManifest {
  const before = parseJsonObject(source.bytes, `index ${source.digest}`)
  const entries = (before['manifests'] ?? []) as readonly Json[]
  const format = formatOf(plan.mediaType)
  const moved = instances.filter(({ position, manifest }) => manifest.digest !== entries[position]!['digest'])
  if (plan.mediaType === source.mediaType && moved.length === 0) return source

  const changed = new Map(instances.map((instance) => [instance.position, instance]))
  const manifests = entries.map((entry, position) =>
    entryJson(instanceJson(entry, changed.get(position)), format, fallback),
  )
  const after =
    format === 'docker'
      ? { schemaVersion: 2, mediaType: mediaTypes.dockerList, manifests }
      : plan.mediaType !== source.mediaType
        ? { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }
        : {
            schemaVersion: 2,
            mediaType: before['mediaType'],
            artifactType: before['artifactType'],
            manifests,
            subject: before['subject'] == null ? undefined : descriptorJson(before['subject'] as Json, 'oci'),
            annotations: sortedMap(before['annotations']),
          }
  return rawManifest(Buffer.from(encodeJson(after)), plan.mediaType)
}

function instanceJson(entry: Json, written: WrittenInstance | undefined): Json {
  if (!written) return entry
  const { mediaType, digest, bytes } = written.manifest
  const annotations = entry['annotations'] as Json | undefined
  return {
    ...entry,
    mediaType,
    digest,
    size: bytes.length,
    annotations: written.hasZstdLayers ? { ...annotations, [zstdAnnotation]: 'true' } : annotations,
  }
}

function entryJson(entry: Json, format: 'oci' | 'docker', fallback: Platform): Json {
  if (format === 'oci') return descriptorJson(entry, 'oci')
  const platform = (entry['platform'] ?? fallback) as Json
  return { ...descriptorJson(entry, 'docker'), platform: platformJson(platform, 'docker') }
}
