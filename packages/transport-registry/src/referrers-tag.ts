import {
  collect,
  digestAlgorithm,
  digestHex,
  encodeJson,
  maxManifestBytes,
  mediaTypes,
  parseDescriptor,
  parseJsonObject,
  rawManifest,
  readSubject,
  TransloadError,
  type Descriptor,
  type Digest,
  type Log,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'

import { requestManifest } from './manifest-read.ts'
import { putManifest } from './manifest-write.ts'
import { fullName, type RegistryReference } from './reference.ts'
import type { RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'

/** `sha256-HEX`: where the referrers of a manifest are listed in a registry without the referrers API. */
function referrersTag(subject: Digest): string {
  return `${digestAlgorithm(subject)}-${digestHex(subject).slice(0, 64)}`
}

/** What a manifest refers to; only OCI's may. Throws MANIFEST_INVALID. */
export function subjectOf(manifest: RawManifest): Digest | undefined {
  const isOci = manifest.mediaType === mediaTypes.ociManifest || manifest.mediaType === mediaTypes.ociIndex
  return isOci ? readSubject(manifest)?.digest : undefined
}

type Options = OperationOptions & { readonly log: Log }

/** What the tag lists; nothing if there is no such tag. Throws PROTOCOL when something else than an index has it. */
export async function readReferrersTag(
  client: RegistryClient,
  reference: RegistryReference,
  subject: Digest,
  options: Options,
): Promise<readonly Descriptor[]> {
  const { entries } = await readTag(client, reference, referrersTag(subject), options)
  return entries.map(({ descriptor }) => descriptor)
}

const maxWrites = 5

/**
 * Lists referrers under the tag, or takes one off, keeping everything else there as it is (distribution spec 1.1,
 * "Pushing Manifests with Subject"). One process takes turns; against others, who may write the tag in between,
 * `If-Match` helps where the registry heeds it, and everywhere the tag is read again and the change repeated until it
 * is seen, five times at most. Throws UNAVAILABLE (retryable) then.
 */
export async function changeReferrersTag(
  client: RegistryClient,
  reference: RegistryReference,
  subject: Digest,
  { add = [], remove }: { readonly add?: readonly Descriptor[]; readonly remove?: Digest },
  options: Options,
): Promise<void> {
  const tag = referrersTag(subject)
  await client.turns.take(`${reference.repository}:${tag}`, async () => {
    for (let written = 0; ; written++) {
      // Not at once with another one who was as late.
      if (written > 1) await client.retryRules.delay(Math.random() * 200 * written, options)
      const { entries, index, etag } = await readTag(client, reference, tag, options)
      const listed = new Set(entries.map(({ descriptor }) => descriptor.digest))
      const missing = add.filter(({ digest }) => !listed.has(digest))
      if (missing.length === 0 && (remove === undefined || !listed.has(remove))) return
      if (written === maxWrites) break
      const kept = entries.filter(({ descriptor }) => descriptor.digest !== remove)
      const manifests = [...kept.map(({ json }) => json), ...missing]
      await writeTag(client, reference, tag, { ...index, manifests }, { ...options, etag })
    }
    throw new TransloadError(
      'UNAVAILABLE',
      `${fullName(reference)}:${tag}: others keep writing the list of referrers`,
      {
        retryable: true,
      },
    )
  })
}

interface TaggedIndex {
  /** As found, so that members unknown here survive. */
  readonly index: Readonly<Record<string, unknown>>
  readonly entries: readonly { readonly json: unknown; readonly descriptor: Descriptor }[]
  readonly etag: string | undefined
}

async function readTag(
  client: RegistryClient,
  reference: RegistryReference,
  tag: string,
  options: Options,
): Promise<TaggedIndex> {
  const { repository } = reference
  const name = `${fullName(reference)}:${tag}`
  const response = await requestManifest(client, tag, { repository, actions: 'pull' }, options)
  if (response.status === 404) {
    await response.discard()
    return { index: { schemaVersion: 2, mediaType: mediaTypes.ociIndex }, entries: [], etag: undefined }
  }
  if (response.status !== 200) throw await registryError(response, `reading referrers in ${name}`, 'manifest')
  const bytes = await collect(response.body, maxManifestBytes, `referrers in ${name}`)
  const { mediaType } = rawManifest(bytes, response.headers.get('content-type')?.split(';', 1)[0]!.trim())
  if (mediaType !== mediaTypes.ociIndex) {
    throw new TransloadError('PROTOCOL', `${name} lists no referrers, it is a ${JSON.stringify(mediaType)}`)
  }
  const index = parseJsonObject(bytes, name, 'PROTOCOL')
  return { index, entries: parseEntries(index, name), etag: response.headers.get('etag') }
}

/** The referrers an index lists. Throws MANIFEST_INVALID naming `subject`. */
export function parseEntries(
  { manifests }: Readonly<Record<string, unknown>>,
  subject: string,
): { readonly json: unknown; readonly descriptor: Descriptor }[] {
  if (!Array.isArray(manifests)) return []
  return manifests.map((json: unknown) => ({ json, descriptor: parseDescriptor(json, `referrer in ${subject}`) }))
}

/** A tag that has changed meanwhile, where the registry notices, is left as it is. */
async function writeTag(
  client: RegistryClient,
  reference: RegistryReference,
  tag: string,
  index: object,
  { etag, ...options }: Options & Pick<TaggedIndex, 'etag'>,
): Promise<void> {
  const manifest = rawManifest(Buffer.from(encodeJson(index)), mediaTypes.ociIndex)
  const headers = etag === undefined ? {} : { 'If-Match': etag }
  try {
    await putManifest(client, reference, manifest, tag, { ...options, headers })
  } catch (error) {
    if (!TransloadError.is(error) || (error as { status?: number }).status !== 412) throw error
  }
}
