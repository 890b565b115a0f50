import {
  encodeJson,
  mediaTypes,
  parseJsonObject,
  rawManifest,
  type Platform,
  type RawManifest,
} from '@transload/contract'

import { attestedDigestAnnotation } from './attestation.ts'
import type { PlannedIndex } from './copy-plan.ts'
import { descriptorJson, platformJson } from './descriptor-json.ts'
import type { JsonObject } from './json-object.ts'
import { formatOf } from './manifest-type.ts'
import { zstdAnnotation } from './select-instance.ts'
import { sortedMap } from './sorted-map.ts'

/** What became of an image, or an index, the index names. */
export interface WrittenInstance {
  readonly position: number
  readonly manifest: RawManifest
  readonly hasZstdLayers: boolean
}

/**
 * The index naming the images as they were written: the source's very bytes if that says all, else a new one. It also
 * marks images with zstd layers, and points attestations at what they are about (copy-engine.md §4, formats.md §5.7).
 * What an attestation itself says stays as it was attested: the digest of the image its builder made. `fallback` is
 * the platform made up for entries without one where the format is Docker's.
 */
export function writtenIndex(
  source: RawManifest,
  plan: PlannedIndex,
  instances: readonly WrittenInstance[],
  fallback: Platform,
): RawManifest {
  const before = parseJsonObject(source.bytes, `index ${source.digest}`)
  const entries = (before['manifests'] ?? []) as readonly JsonObject[]
  const format = formatOf(plan.mediaType)
  const written = new Map(instances.map((instance) => [instance.position, instance]))
  const renamed = renamedDigests(entries, instances)
  const isStripped = plan.others === 'strip' && written.size < entries.length
  const marksZstd = format === 'oci' && plan.unmodifiable === undefined
  const gainsMark = instances.some(({ position, hasZstdLayers }) => hasZstdLayers && !isMarked(entries[position]!))
  const converts = plan.mediaType !== source.mediaType
  if (!converts && renamed.size === 0 && !isStripped && !(marksZstd && gainsMark)) return source

  const manifests = [...entries.entries()]
    .filter(([position]) => !isStripped || written.has(position))
    .map(([position, entry]) => entryJson(writtenEntry(entry, written.get(position), renamed), format, fallback))
  const after =
    format === 'docker'
      ? { schemaVersion: 2, mediaType: mediaTypes.dockerList, manifests }
      : converts
        ? { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }
        : {
            schemaVersion: 2,
            mediaType: before['mediaType'],
            artifactType: before['artifactType'],
            manifests,
            subject: before['subject'] == null ? undefined : descriptorJson(before['subject'] as JsonObject, 'oci'),
            annotations: sortedMap(before['annotations']),
          }
  return rawManifest(Buffer.from(encodeJson(after)), plan.mediaType)
}

/** New digests by the old ones, of what was changed on the way. */
function renamedDigests(
  entries: readonly JsonObject[],
  instances: readonly WrittenInstance[],
): ReadonlyMap<unknown, WrittenInstance['manifest']['digest']> {
  const digests = instances.map(({ position, manifest }) => [entries[position]!['digest'], manifest.digest] as const)
  return new Map(digests.filter(([before, after]) => before !== after))
}

function writtenEntry(
  entry: JsonObject,
  written: WrittenInstance | undefined,
  renamed: ReadonlyMap<unknown, string>,
): JsonObject {
  const had = entry['annotations'] as JsonObject | undefined
  const about = renamed.get(had?.[attestedDigestAnnotation])
  const annotations = {
    ...had,
    ...(about === undefined ? {} : { [attestedDigestAnnotation]: about }),
    ...(written?.hasZstdLayers ? { [zstdAnnotation]: 'true' } : {}),
  }
  if (!written) return { ...entry, annotations }
  const { mediaType, digest, bytes } = written.manifest
  return { ...entry, mediaType, digest, size: bytes.length, annotations }
}

function isMarked(entry: JsonObject): boolean {
  return (entry['annotations'] as JsonObject | undefined)?.[zstdAnnotation] === 'true'
}

function entryJson(entry: JsonObject, format: 'oci' | 'docker', fallback: Platform): JsonObject {
  if (format === 'oci') return descriptorJson(entry, 'oci')
  const platform = (entry['platform'] ?? fallback) as JsonObject
  return { ...descriptorJson(entry, 'docker'), platform: platformJson(platform, 'docker') }
}
