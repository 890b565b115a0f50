import { collect, parseJsonObject, TransloadError, type OpenOptions } from '@transload/contract'

import { nextLink } from './link-header.ts'
import { fullName, type RegistryReference } from './reference.ts'
import type { RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'
import { isNoTag } from './registry-quirks.ts'

/** Some registries put a hundred thousand tags on one page. */
const maxPageBytes = 64 * 1024 * 1024
const maxPages = 10_000

/**
 * All tags in the registry's order, page by page (registry-client.md §8). What is listed by mistake is left out.
 * Throws PROTOCOL for anything else that is no tag, and NAME_UNKNOWN.
 */
export async function* readTags(
  client: RegistryClient,
  reference: RegistryReference,
  { log, signal }: OpenOptions,
): AsyncGenerator<string> {
  const access = { repository: reference.repository, actions: 'pull' } as const
  let target: string | undefined = `/v2/${reference.repository}/tags/list`
  for (let page = 0; target !== undefined; page++) {
    if (page === maxPages) throw new TransloadError('SIZE_LIMIT', `fetching tags list: more than ${maxPages} pages`)
    const response = await client.request({ method: 'GET', target, access, log, signal })
    if (response.status !== 200) throw await registryError(response, 'fetching tags list', 'name')
    const subject = `tags list of ${fullName(reference)}`
    const { tags } = parseJsonObject(await collect(response.body, maxPageBytes, subject), subject, 'PROTOCOL')
    for (const tag of Array.isArray(tags) ? (tags as unknown[]) : []) {
      if (isNoTag(tag)) continue
      if (typeof tag !== 'string' || !/^\w[\w.-]{0,127}$/.test(tag)) {
        throw new TransloadError('PROTOCOL', `registry returned invalid tag ${JSON.stringify(tag)}: invalid tag format`)
      }
      yield tag
    }
    const next = nextLink(response.headers.get('link'), response.url)
    if (next === target) throw new TransloadError('PROTOCOL', 'fetching tags list: the next page is this one again')
    target = next
  }
}
