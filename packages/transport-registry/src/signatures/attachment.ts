import {
  collect,
  digestAlgorithm,
  digestHex,
  digestOf,
  encodeJson,
  HttpError,
  maxManifestBytes,
  mediaTypes,
  parseDescriptor,
  parseJsonObject,
  rawManifest,
  TransloadError,
  type Descriptor,
  type Digest,
  type StoredSignature,
} from '@transload/contract'

import { readRegistryBlob } from '../blob-read.ts'
import { readTagged } from '../manifest-read.ts'
import { putManifest } from '../manifest-write.ts'
import { fullName, type RegistryReference } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { storeBytes } from '../store-bytes.ts'
import { maxSignatureBytes, type SignatureOptions } from './lookaside.ts'

export type SigstoreSignature = Extract<StoredSignature, { kind: 'sigstore' }>

const maxAttachments = 1000
/** Of all the payloads of one image. */
const maxAttachedBytes = 64 * 1024 * 1024
const maxWrites = 5

/**
 * What is attached to a manifest by the tag `ALGORITHM-HEX.sig` (trust.md §4.4), whatever its media type. None if there
 * is no such tag. Throws PROTOCOL when something else has the tag, DIGEST_MISMATCH, SIZE_LIMIT.
 */
export async function readAttachments(
  client: RegistryClient,
  reference: RegistryReference,
  manifest: Digest,
  options: SignatureOptions,
): Promise<readonly SigstoreSignature[]> {
  const { layers } = (await readTag(client, reference, attachmentTag(manifest), options)) ?? { layers: [] }
  const name = `${fullName(reference)}:${attachmentTag(manifest)}`
  if (layers.reduce((sum, { descriptor }) => sum + (descriptor.size ?? 0), 0) > maxAttachedBytes) {
    throw new TransloadError('SIZE_LIMIT', `${name}: exceeded maximum allowed size of ${maxAttachedBytes} bytes`)
  }
  if (layers.length > maxAttachments) {
    throw new TransloadError('SIZE_LIMIT', `${name}: more than ${maxAttachments} signatures`)
  }
  const signatures: SigstoreSignature[] = []
  for (const { descriptor } of layers) {
    const { mediaType, annotations = {} } = descriptor
    const payload = await readContent(client, reference, descriptor, maxSignatureBytes, options)
    signatures.push({ kind: 'sigstore', mediaType, payload, annotations })
  }
  return signatures
}

/**
 * Attaches those signatures that are not yet, keeping whatever is. One process takes turns; against others the tag is
 * read again, and the change repeated until it is seen. Throws UNAVAILABLE (retryable) when that takes too long, and
 * whatever the registry says, such as of tags that cannot be changed.
 */
export async function addAttachments(
  client: RegistryClient,
  reference: RegistryReference,
  manifest: Digest,
  signatures: readonly SigstoreSignature[],
  options: SignatureOptions,
): Promise<void> {
  const tag = attachmentTag(manifest)
  const added = signatures.map(layerOf)
  await client.turns.take(`${reference.repository}:${tag}`, async () => {
    for (let written = 0; ; written++) {
      // Not at once with another one who was as late.
      if (written > 1) await client.retryRules.delay(Math.random() * 200 * written, options)
      const found = await readTag(client, reference, tag, options)
      const missing = added.filter((layer) => !found?.layers.some(({ descriptor }) => isSame(descriptor, layer)))
      if (missing.length === 0) return
      if (written === maxWrites) break
      if (written === 0) {
        for (const { payload } of signatures) await storeBytes(client, reference.repository, payload, options)
      }
      await writeTag(client, reference, tag, found, missing, options)
    }
    const problem = 'others keep writing the signatures of the image'
    throw new TransloadError('UNAVAILABLE', `${fullName(reference)}:${tag}: ${problem}`, { retryable: true })
  })
}

export interface AttachmentManifest {
  /** As found, so that members unknown here survive. */
  readonly json: Readonly<Record<string, unknown>>
  readonly config: Descriptor
  readonly layers: readonly { readonly json: unknown; readonly descriptor: Descriptor }[]
}

/** Throws MANIFEST_INVALID naming `subject`. */
export function parseAttachmentManifest(bytes: Uint8Array | string, subject: string): AttachmentManifest {
  const json = parseJsonObject(bytes, subject)
  const layers = Array.isArray(json['layers']) ? json['layers'] : []
  return {
    json,
    config: parseDescriptor(json['config'], `config of ${subject}`),
    layers: layers.map((layer: unknown) => ({
      json: layer,
      descriptor: parseDescriptor(layer, `layer of ${subject}`),
    })),
  }
}

function attachmentTag(manifest: Digest): string {
  return `${digestAlgorithm(manifest)}-${digestHex(manifest)}.sig`
}

/** Undefined if there is no such tag. */
async function readTag(
  client: RegistryClient,
  reference: RegistryReference,
  tag: string,
  options: SignatureOptions,
): Promise<AttachmentManifest | undefined> {
  const found = await readTagged(client, reference, tag, options)
  if (!found) return undefined
  const { bytes, mediaType } = found
  const name = `${fullName(reference)}:${tag}`
  if (mediaType !== mediaTypes.ociManifest) {
    const type = JSON.stringify(mediaType)
    throw new TransloadError('PROTOCOL', `unexpected MIME type for sigstore attachment manifest ${name}: ${type}`)
  }
  return parseAttachmentManifest(bytes, name)
}

async function writeTag(
  client: RegistryClient,
  reference: RegistryReference,
  tag: string,
  found: AttachmentManifest | undefined,
  added: readonly Descriptor[],
  options: SignatureOptions,
): Promise<void> {
  const former = found ? await readConfig(client, reference, found, options) : emptyConfig
  const config = Buffer.from(encodeJson(withLayers(former, added)))
  await storeBytes(client, reference.repository, config, options)
  const manifest = {
    ...(found?.json ?? { schemaVersion: 2, mediaType: mediaTypes.ociManifest }),
    config: { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length },
    layers: [...(found?.layers.map(({ json }) => json) ?? []), ...added],
  }
  const bytes = Buffer.from(encodeJson(manifest))
  if (bytes.length > maxManifestBytes) {
    throw new TransloadError('SIZE_LIMIT', `${fullName(reference)}:${tag}: too many signatures for one manifest`)
  }
  try {
    await putManifest(client, reference, rawManifest(bytes, mediaTypes.ociManifest), tag, options)
  } catch (error) {
    throw found ? ofExistingTag(error, tag) : error
  }
}

const emptyConfig = { architecture: '', os: '', config: {}, rootfs: { type: 'layers', diff_ids: [] } }

async function readConfig(
  client: RegistryClient,
  reference: RegistryReference,
  { config }: AttachmentManifest,
  options: SignatureOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readContent(client, reference, config, maxManifestBytes, options)
  return parseJsonObject(bytes, `sigstore attachment config ${config.digest} in ${fullName(reference)}`)
}

function withLayers(config: Readonly<Record<string, unknown>>, added: readonly Descriptor[]): unknown {
  const rootfs = { ...(config['rootfs'] as { readonly diff_ids?: unknown } | undefined) }
  const diffIds: readonly unknown[] = Array.isArray(rootfs.diff_ids) ? rootfs.diff_ids : []
  return { ...config, rootfs: { ...rootfs, diff_ids: [...diffIds, ...added.map(({ digest }) => digest)] } }
}

async function readContent(
  client: RegistryClient,
  { repository }: RegistryReference,
  blob: Descriptor,
  maxBytes: number,
  options: SignatureOptions,
): Promise<Uint8Array> {
  const subject = `blob ${blob.digest}`
  const bytes = await collect(
    readRegistryBlob(client, blob, { repository, actions: 'pull' }, options),
    maxBytes,
    subject,
  )
  if (digestOf(bytes, digestAlgorithm(blob.digest)) === blob.digest) return bytes
  throw new TransloadError('DIGEST_MISMATCH', `${subject}: the registry sent other content`)
}

/** Members and annotations in the order of the other tools. */
function layerOf({ mediaType, payload, annotations }: SigstoreSignature): Descriptor {
  const entries = Object.entries(annotations).sort(([one], [other]) => (one < other ? -1 : 1))
  return {
    mediaType,
    digest: digestOf(payload),
    size: payload.length,
    ...(entries.length > 0 ? { annotations: Object.fromEntries(entries) } : {}),
  }
}

function isSame(one: Descriptor, other: Descriptor): boolean {
  const annotations = Object.entries(one.annotations ?? {})
  const others = other.annotations ?? {}
  return (
    one.mediaType === other.mediaType &&
    one.digest === other.digest &&
    one.size === other.size &&
    annotations.length === Object.keys(others).length &&
    annotations.every(([key, value]) => others[key] === value)
  )
}

function ofExistingTag(error: unknown, tag: string): unknown {
  if (!(error instanceof HttpError) || error.status < 400 || error.status >= 500) return error
  if (error.status === 401 || error.status === 429) return error
  const { code, message, status, serverCodes, retryable } = error
  const hint = `The tag ${tag} has signatures already and has to change: if the registry's tags are immutable, exempt *.sig.`
  return new HttpError(code, message, { status, serverCodes, retryable, hint, cause: error })
}
