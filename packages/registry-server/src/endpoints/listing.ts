import { mediaTypes } from '@transload/contract'

import { readPage } from '../page.ts'
import { requireDigest } from './digest-text.ts'
import { sendJson, type Exchange } from './exchange.ts'

/** Entries of a page where the client does not ask for fewer; tags come all at once. */
const catalogPageCount = 1000
const referrersPageCount = 1000

/** GET `/v2/_catalog`. */
export async function answerCatalog(exchange: Exchange): Promise<void> {
  const names = await exchange.registry.listRepositories()
  const page = readPage(names, (name) => name, exchange.url, catalogPageCount)
  linkNext(exchange, page.link)
  sendJson(exchange, { repositories: page.items })
}

/** GET `/v2/NAME/tags/list`. */
export async function answerTags(exchange: Exchange, repository: string): Promise<void> {
  const page = readPage(await exchange.registry.listTags(repository), (tag) => tag, exchange.url)
  linkNext(exchange, page.link)
  sendJson(exchange, { name: repository, tags: page.items })
}

/** GET `/v2/NAME/referrers/DIGEST`. */
export async function answerReferrers(exchange: Exchange, repository: string, digest: string): Promise<void> {
  const { registry, response, url } = exchange
  const referrers = await registry.listReferrers(repository, requireDigest(digest))
  const artifactType = url.searchParams.get('artifactType')
  const wanted = artifactType === null ? referrers : referrers.filter((one) => one.artifactType === artifactType)
  if (artifactType !== null) response.setHeader('oci-filters-applied', 'artifactType')
  const page = readPage(wanted, (one) => one.digest, url, referrersPageCount)
  linkNext(exchange, page.link)
  sendJson(exchange, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: page.items }, mediaTypes.ociIndex)
}

function linkNext({ response }: Exchange, link: string | undefined): void {
  if (link !== undefined) response.setHeader('link', link)
}
