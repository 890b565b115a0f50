/** Path and query of the next page, from `Link: <URL>; rel="next"`, whatever host the URL names (registry-client.md §8). */
export function nextLink(header: string | undefined, base: URL): string | undefined {
  const target = /^\s*<([^>]*)>/.exec(header ?? '')?.[1]
  const url = target === undefined ? null : URL.parse(target, base.href)
  return url && /^https?:$/.test(url.protocol) ? `${url.pathname}${url.search}` : undefined
}
