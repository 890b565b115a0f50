import { isMisplacedPage } from './registry-quirks.ts'

/**
 * Path and query of the page after `base`, from `Link: <URL>; rel="next"`, whatever host the URL names
 * (registry-client.md §8).
 */
export function nextLink(header: string | undefined, base: URL): string | undefined {
  const target = /^\s*<([^>]*)>/.exec(header ?? '')?.[1]
  const url = target === undefined ? null : URL.parse(target, base.href)
  if (!url || !/^https?:$/.test(url.protocol)) return undefined
  return `${isMisplacedPage(url.pathname) ? base.pathname : url.pathname}${url.search}`
}
