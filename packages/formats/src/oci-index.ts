import {
  encodeJson,
  mediaTypes,
  parseDescriptor,
  parseJsonObject,
  TransloadError,
  type Descriptor,
} from '@transload/contract'

/** An entry of `index.json`. Members this code does not know are kept when the index is written again. */
export interface OciIndexEntry extends Descriptor {
  readonly [member: string]: unknown
}

/** `index.json` of an OCI image layout (OCI image spec 1.1, image-layout.md), unknown members included. */
export interface OciIndex {
  readonly schemaVersion: number
  readonly manifests: readonly OciIndexEntry[]
  readonly [member: string]: unknown
}

/** The annotation that names an image within a layout. */
export const refNameAnnotation = 'org.opencontainers.image.ref.name'

export const emptyOciIndex: OciIndex = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }

/** Throws MANIFEST_INVALID naming `subject` (the file). */
export function parseOciIndex(bytes: Uint8Array, subject: string): OciIndex {
  const json = parseJsonObject(bytes, subject)
  const entries = json['manifests'] ?? []
  if (json['schemaVersion'] !== 2 || !Array.isArray(entries)) {
    throw new TransloadError('MANIFEST_INVALID', `${subject} is not an OCI image index`)
  }
  const manifests = entries.map((entry: unknown, position) => {
    parseDescriptor(entry, `manifests[${position}] of ${subject}`)
    // As found, so that what the descriptor's type does not know (platform.os.version, data) survives.
    return entry as OciIndexEntry
  })
  return { ...json, schemaVersion: 2, manifests }
}

/** Compact JSON without a newline, byte for byte what skopeo writes for an index it would have made. */
export function encodeOciIndex(index: OciIndex): Uint8Array {
  return Buffer.from(encodeJson(index))
}

export function refNameOf(entry: Descriptor): string | undefined {
  const name: unknown = entry.annotations?.[refNameAnnotation]
  return typeof name === 'string' ? name : undefined
}

/**
 * `index` with `manifest` in it, under `name` if there is one. Whatever had that name before stays, without it.
 * An unnamed entry of the same digest is replaced in place, otherwise the new entry comes last; so a digest may be
 * listed under several names.
 */
export function withManifest(index: OciIndex, manifest: Descriptor, name?: string): OciIndex {
  const added: OciIndexEntry = {
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.size,
    ...(name === undefined ? {} : { annotations: { [refNameAnnotation]: name } }),
  }
  const manifests = [...index.manifests]
  const previous = name === undefined ? -1 : manifests.findIndex((entry) => refNameOf(entry) === name)
  if (previous >= 0) manifests[previous] = withoutRefName(manifests[previous]!)
  const unnamed = manifests.findIndex((entry) => entry.digest === manifest.digest && refNameOf(entry) === undefined)
  if (unnamed >= 0) manifests[unnamed] = added
  else manifests.push(added)
  return { ...index, manifests }
}

function withoutRefName({ annotations, ...entry }: OciIndexEntry): OciIndexEntry {
  const { [refNameAnnotation]: _, ...others } = annotations ?? {}
  return Object.keys(others).length === 0 ? entry : { ...entry, annotations: others }
}
