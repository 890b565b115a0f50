import { digestOf, isDigest, type Digest, type DigestAlgorithm } from './digest.ts'
import { TransloadError } from './errors.ts'
import { displayJson, parseJsonObject } from './json.ts'
import { acceptedManifestTypes, isSchema1Type, mediaTypes } from './media-types.ts'
import { parseSchema1, type Schema1Content } from './schema1-manifest.ts'
import { schema1Payload } from './schema1-payload.ts'

/** OCI image index `platform`, the parts instance choice looks at. */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string | undefined
}

/** Enough to fetch content and to recognise it when it arrives (OCI descriptor). */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** In bytes. Undefined only for layers of Docker schema 1 images, whose manifests do not say. */
  readonly size: number | undefined
  readonly urls?: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly platform?: Platform
  readonly artifactType?: string
}

/** A manifest or index exactly as stored. Its bytes are its identity; nothing re-serialises them by accident. */
export interface RawManifest {
  readonly mediaType: string
  readonly bytes: Uint8Array
  readonly digest: Digest
}

/** A read-only view of a RawManifest. Changing an image means making a new RawManifest (core does). */
export type Manifest =
  | {
      readonly kind: 'image'
      readonly format: 'oci' | 'docker'
      readonly config: Descriptor
      readonly layers: readonly Descriptor[]
      /** Set when the image is an OCI artifact: its config is not an image config (OCI image spec 1.1). */
      readonly artifactType?: string
    }
  | { readonly kind: 'index'; readonly format: 'oci' | 'docker'; readonly manifests: readonly Descriptor[] }
  /** Docker's first format: a configuration for each layer, in the manifest itself, and no sizes or types. */
  | ({ readonly kind: 'schema1' } & Schema1Content)

/** Largest manifest or config anything reads, in bytes (skopeo's limit). */
export const maxManifestBytes = 4 * 1024 * 1024

/**
 * Without `mediaType`, or with one that is no manifest's on bytes of schema 1 (`application/json` is a name of that),
 * it is guessed from the bytes ({@link guessMediaType}). `algorithm` is the digest's, default sha256. Throws
 * MANIFEST_INVALID for a signed schema 1 manifest of which no digest can be taken ({@link schema1Payload}).
 */
export function rawManifest(bytes: Uint8Array, mediaType?: string, algorithm?: DigestAlgorithm): RawManifest {
  const type = manifestType(bytes, mediaType)
  const payload = type === mediaTypes.dockerSchema1Signed ? schema1Payload(bytes) : bytes
  return { mediaType: type, bytes, digest: digestOf(payload, algorithm) }
}

function manifestType(bytes: Uint8Array, declared = ''): string {
  // Only a manifest that says so of itself is signed, and only of its payload can the digest be taken.
  if (declared !== '' && acceptedManifestTypes.includes(declared) && !isSchema1Type(declared)) return declared
  const guessed = guessMediaType(bytes)
  return declared === '' || isSchema1Type(guessed) ? guessed : declared
}

/** What a manifest's bytes say they are, by the rules of the container tools; '' when nothing can be told. */
export function guessMediaType(bytes: Uint8Array): string {
  let json: Record<string, unknown>
  try {
    json = parseJsonObject(bytes, 'manifest')
  } catch {
    return ''
  }
  const declared = json['mediaType']
  const selfDescribing: readonly unknown[] = [
    mediaTypes.dockerManifest,
    mediaTypes.dockerList,
    mediaTypes.ociManifest,
    mediaTypes.ociIndex,
  ]
  if (typeof declared === 'string' && selfDescribing.includes(declared)) return declared
  if (json['schemaVersion'] === 1) {
    return json['signatures'] == null ? mediaTypes.dockerSchema1 : mediaTypes.dockerSchema1Signed
  }
  if (json['schemaVersion'] !== 2) return ''
  const config = (json['config'] as { mediaType?: unknown } | null | undefined)?.mediaType
  if (config === mediaTypes.ociConfig) return mediaTypes.ociManifest
  if (config === mediaTypes.dockerConfig) return mediaTypes.dockerManifest
  if (Array.isArray(json['manifests']) && json['manifests'].length > 0) {
    return typeof config === 'string' && config !== '' ? config : mediaTypes.ociIndex
  }
  return mediaTypes.ociManifest
}

/** Throws MANIFEST_INVALID for anything ambiguous, malformed or of a type that is not an image or an index. */
export function parseManifest(raw: RawManifest): Manifest {
  const { mediaType } = raw
  const format = mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.ociIndex ? 'oci' : 'docker'
  if (mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest) {
    const json = parseJsonObject(raw.bytes, `manifest ${raw.digest}`)
    rejectAmbiguity(json, raw, ['config', 'layers'])
    const config = parseDescriptor(json['config'], `config of ${raw.digest}`)
    const layers = descriptorList(json['layers'], `layers of ${raw.digest}`)
    if (format === 'docker') rejectForeignMediaTypes(layers, raw)
    const artifactType =
      format === 'oci' && config.mediaType !== mediaTypes.ociConfig
        ? typeof json['artifactType'] === 'string' && json['artifactType'] !== ''
          ? json['artifactType']
          : config.mediaType
        : undefined
    return { kind: 'image', format, config, layers, ...(artifactType === undefined ? {} : { artifactType }) }
  }
  if (mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerList) {
    const json = parseJsonObject(raw.bytes, `index ${raw.digest}`)
    rejectAmbiguity(json, raw, ['manifests'])
    return { kind: 'index', format, manifests: descriptorList(json['manifests'], `manifests of ${raw.digest}`) }
  }
  if (isSchema1Type(mediaType)) {
    const json = parseJsonObject(raw.bytes, `manifest ${raw.digest}`)
    rejectAmbiguity(json, raw, ['fsLayers', 'history'])
    return { kind: 'schema1', ...parseSchema1(json) }
  }
  throw new TransloadError('MANIFEST_INVALID', `manifest ${raw.digest} has unknown type ${JSON.stringify(mediaType)}`)
}

/** Reads a descriptor out of untrusted JSON. Throws MANIFEST_INVALID naming `subject`. */
export function parseDescriptor(value: unknown, subject: string): Descriptor {
  if (typeof value !== 'object' || value === null) {
    throw new TransloadError('MANIFEST_INVALID', `${subject} is missing or not a descriptor`)
  }
  const json = value as Record<string, unknown>
  const { mediaType = '', digest, size } = json
  if (typeof mediaType !== 'string')
    throw new TransloadError('MANIFEST_INVALID', `${subject}: mediaType is not a string`)
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw new TransloadError('MANIFEST_INVALID', `${subject}: invalid digest ${displayJson(digest)}`)
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new TransloadError('MANIFEST_INVALID', `${subject}: invalid size ${displayJson(size)}`)
  }
  const platform = parsePlatform(json['platform'])
  const urls = Array.isArray(json['urls']) ? json['urls'].filter((url) => typeof url === 'string') : []
  const annotations = json['annotations']
  return {
    mediaType,
    digest,
    size,
    ...(urls.length > 0 ? { urls } : {}),
    ...(isStringMap(annotations) ? { annotations } : {}),
    ...(platform ? { platform } : {}),
    ...(typeof json['artifactType'] === 'string' ? { artifactType: json['artifactType'] } : {}),
  }
}

function descriptorList(value: unknown, subject: string): Descriptor[] {
  if (value == null) return []
  if (!Array.isArray(value)) throw new TransloadError('MANIFEST_INVALID', `${subject} is not a list`)
  return value.map((item, index) => parseDescriptor(item, `${subject}[${index}]`))
}

function parsePlatform(value: unknown): Platform | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { os, architecture, variant } = value as Record<string, unknown>
  return {
    os: typeof os === 'string' ? os : '',
    architecture: typeof architecture === 'string' ? architecture : '',
    ...(typeof variant === 'string' && variant !== '' ? { variant } : {}),
  }
}

function isStringMap(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((item) => typeof item === 'string')
  )
}

/** A parser that looks at other members would see another image in the same bytes: refuse (CVE-2021-41190). */
function rejectAmbiguity(json: Record<string, unknown>, raw: RawManifest, expected: readonly string[]): void {
  const exclusive = ['config', 'fsLayers', 'history', 'layers', 'manifests']
  const unexpected = Object.keys(json).filter(
    (key) =>
      json[key] != null &&
      exclusive.some((name) => name.toLowerCase() === key.toLowerCase()) &&
      !expected.includes(key),
  )
  if (unexpected.length > 0) {
    throw new TransloadError(
      'MANIFEST_INVALID',
      `rejecting ambiguous manifest, unexpected fields ${JSON.stringify(unexpected)} in supposedly ${raw.mediaType}`,
    )
  }
}

/** An OCI layer type inside a Docker manifest is refused, as the container tools do. */
function rejectForeignMediaTypes(layers: readonly Descriptor[], raw: RawManifest): void {
  const known: readonly string[] = [
    mediaTypes.dockerLayer,
    mediaTypes.dockerLayerGzip,
    mediaTypes.dockerLayerZstd,
    mediaTypes.dockerForeignLayer,
    mediaTypes.dockerForeignLayerGzip,
  ]
  const odd = layers.find((layer) => !known.includes(layer.mediaType))
  if (odd) {
    throw new TransloadError(
      'MANIFEST_INVALID',
      `unsupported docker v2s2 media type: ${JSON.stringify(odd.mediaType)} in ${raw.digest}`,
    )
  }
}
