import type { JsonObject } from './json-object.ts'
import { sortedMap } from './sorted-map.ts'

/** A descriptor with the members and in the order the field's tools write them (formats.md §5.6). */
export function descriptorJson(descriptor: JsonObject, format: 'oci' | 'docker'): JsonObject {
  const { mediaType, digest, size } = descriptor
  const urls = nonEmpty(descriptor['urls'])
  if (format === 'docker') return { mediaType, size, digest, urls }
  return {
    mediaType,
    digest,
    size,
    urls,
    annotations: sortedMap(descriptor['annotations']),
    data: descriptor['data'] === '' ? undefined : descriptor['data'],
    platform: descriptor['platform'] == null ? undefined : platformJson(descriptor['platform'] as JsonObject, format),
    artifactType: descriptor['artifactType'] === '' ? undefined : descriptor['artifactType'],
  }
}

/** `features` exists in Docker's lists only. */
export function platformJson(platform: JsonObject, format: 'oci' | 'docker'): JsonObject {
  return {
    architecture: platform['architecture'] ?? '',
    os: platform['os'] ?? '',
    'os.version': platform['os.version'] === '' ? undefined : platform['os.version'],
    'os.features': nonEmpty(platform['os.features']),
    variant: platform['variant'] === '' ? undefined : platform['variant'],
    features: format === 'docker' ? nonEmpty(platform['features']) : undefined,
  }
}

function nonEmpty(list: unknown): unknown {
  return Array.isArray(list) && list.length > 0 ? list : undefined
}
