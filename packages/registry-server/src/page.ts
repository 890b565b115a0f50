import { refusal } from './refusal.ts'

export interface Page<Item> {
  readonly items: readonly Item[]
  /** The `Link` header of the next page; absent on the last one. */
  readonly link?: string
}

/**
 * A page by the `n` and `last` of a query (distribution spec, "Listing Tags"): the items after `last`, at most `n`.
 * `items` are sorted by `keyOf`, by code unit. Throws a PAGINATION_NUMBER_INVALID refusal.
 */
export function readPage<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  url: URL,
  defaultCount = Number.POSITIVE_INFINITY,
): Page<Item> {
  const wanted = url.searchParams.get('n')
  if (wanted !== null && !/^\d{1,15}$/.test(wanted)) {
    throw refusal('PAGINATION_NUMBER_INVALID', `invalid number of results requested: ${JSON.stringify(wanted)}`)
  }
  const count = Math.min(wanted === null ? defaultCount : Number(wanted), defaultCount)
  const last = url.searchParams.get('last')
  const start = last === null ? 0 : firstAfter(items, keyOf, last)
  const page = items.slice(start, start + count)
  const final = page.at(-1)
  if (final === undefined || start + page.length >= items.length) return { items: page }
  const next = new URLSearchParams(url.searchParams)
  next.set('n', String(count))
  next.set('last', keyOf(final))
  return { items: page, link: `<${url.pathname}?${next.toString()}>; rel="next"` }
}

/** Binary search: a page of a long list costs no walk over it. */
function firstAfter<Item>(items: readonly Item[], keyOf: (item: Item) => string, last: string): number {
  let [low, high] = [0, items.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keyOf(items[middle]!) <= last) low = middle + 1
    else high = middle
  }
  return low
}
