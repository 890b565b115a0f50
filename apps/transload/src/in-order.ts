/** The results in the order of the items, of which at most `limit` are worked on at once, or wait for their turn. */
export async function* inOrder<I, O>(
  items: Iterable<I>,
  limit: number,
  work: (item: I) => Promise<O>,
): AsyncGenerator<O> {
  const started: Promise<O>[] = []
  for (const item of items) {
    const result = work(item)
    // Whoever takes it hears of its failure; if nobody comes for it any more, nobody wants to.
    result.catch(() => undefined)
    if (started.push(result) === limit) yield await started.shift()!
  }
  for (const result of started) yield await result
}
