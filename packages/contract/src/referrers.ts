import { parseJsonObject } from './json.ts'
import { parseDescriptor, type Descriptor, type RawManifest } from './manifest.ts'

/** What a manifest says it refers to (`subject`, image spec 1.1); undefined for most. Throws MANIFEST_INVALID. */
export function readSubject(raw: RawManifest): Descriptor | undefined {
  const { subject } = parseJsonObject(raw.bytes, `manifest ${raw.digest}`)
  return subject == null ? undefined : parseDescriptor(subject, `subject of ${raw.digest}`)
}

/**
 * A manifest as the referrers of another are listed: with its annotations and its artifact type, for which an image
 * without one has the type of its config (distribution spec 1.1, "Listing Referrers"). Throws MANIFEST_INVALID.
 */
export function referrerDescriptor({ bytes, mediaType, digest }: RawManifest): Descriptor {
  const json = parseJsonObject(bytes, `manifest ${digest}`)
  const { annotations } = parseDescriptor({ ...json, digest, size: bytes.length }, digest)
  const config = json['config'] as { mediaType?: unknown } | null | undefined
  const artifactType = [json['artifactType'], config?.mediaType].find((type) => typeof type === 'string' && type !== '')
  return {
    mediaType,
    digest,
    size: bytes.length,
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
    ...(annotations === undefined ? {} : { annotations }),
  }
}
