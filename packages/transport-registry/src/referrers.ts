import {
  collect,
  maxManifestBytes,
  mediaTypes,
  parseJsonObject,
  TransloadError,
  type Descriptor,
  type Digest,
  type Log,
  type OperationOptions,
} from '@transload/contract'

import { nextLink } from './link-header.ts'
import { fullName, type RegistryReference } from './reference.ts'
import { parseEntries, readReferrersTag } from './referrers-tag.ts'
import type { RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'

export interface ReferrersOptions extends OperationOptions {
  readonly artifactType?: string | undefined
  readonly log: Log
}

const maxPages = 1000
/** What registries say who do not know the API; one answers it with a page for people. */
const unknownApi: readonly number[] = [400, 404, 405, 406]

/**
 * The manifests that refer to `subject` (distribution spec 1.1, "Listing Referrers"): by the API, page by page, or out
 * of the tag that stands in for it. The filter holds even if the registry knows none.
 */
export async function* readReferrers(
  client: RegistryClient,
  reference: RegistryReference,
  subject: Digest,
  { artifactType, ...options }: ReferrersOptions,
): AsyncGenerator<Descriptor> {
  for await (const referrer of readAllReferrers(client, reference, subject, artifactType, options)) {
    if (artifactType === undefined || referrer.artifactType === artifactType) yield referrer
  }
}

/** Is it this tag, rather than an API, that lists the referrers of `subject` here? */
export async function usesReferrersTag(
  client: RegistryClient,
  reference: RegistryReference,
  subject: Digest,
  options: ReferrersOptions,
): Promise<boolean> {
  const response = await requestPage(client, reference, firstPage(reference, subject), options)
  await response?.discard()
  return response === undefined
}

async function* readAllReferrers(
  client: RegistryClient,
  reference: RegistryReference,
  subject: Digest,
  artifactType: string | undefined,
  options: ReferrersOptions,
): AsyncGenerator<Descriptor> {
  const query = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType }).toString()}`
  let target: string | undefined = `${firstPage(reference, subject)}${query}`
  for (let page = 0; target !== undefined; page++) {
    if (page === maxPages) throw new TransloadError('SIZE_LIMIT', `fetching referrers: more than ${maxPages} pages`)
    const response = await requestPage(client, reference, target, options)
    if (!response) {
      yield* await readReferrersTag(client, reference, subject, options)
      return
    }
    const name = `referrers of ${fullName(reference)}@${subject}`
    const index = parseJsonObject(await collect(response.body, maxManifestBytes, name), name, 'PROTOCOL')
    for (const { descriptor } of parseEntries(index, name)) yield descriptor
    const next = nextLink(response.headers.get('link'), response.url)
    if (next === target) throw new TransloadError('PROTOCOL', 'fetching referrers: the next page is this one again')
    target = next
  }
}

function firstPage({ repository }: RegistryReference, subject: Digest): string {
  return `/v2/${repository}/referrers/${subject}`
}

/** Undefined if the registry does not know the API. */
async function requestPage(
  client: RegistryClient,
  { repository }: RegistryReference,
  target: string,
  { log, signal }: ReferrersOptions,
): Promise<Awaited<ReturnType<RegistryClient['request']>> | undefined> {
  const response = await client.request({
    method: 'GET',
    target,
    access: { repository, actions: 'pull' },
    headers: { Accept: mediaTypes.ociIndex },
    log,
    signal,
  })
  const isIndex = response.headers.get('content-type')?.split(';', 1)[0]!.trim() === mediaTypes.ociIndex
  if (response.status === 200 && isIndex) return response
  if (response.status !== 200 && !unknownApi.includes(response.status)) {
    throw await registryError(response, 'fetching referrers', 'name')
  }
  await response.discard()
  return undefined
}
