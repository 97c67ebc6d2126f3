// Limits the number of concurrent store calls.

/** Maximum concurrent store calls. The limit protects a recovering store: after an outage, 100,000 subjects may be pending. */
export const MAX_CALLS = 32

/** Acts on all items, `MAX_CALLS` at a time: each act may call the store, which must stay fast for requests. */
export async function inBatches<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  for (let at = 0; at < items.length; at += MAX_CALLS)
    results.push(...(await Promise.all(items.slice(at, at + MAX_CALLS).map(act))))
  return results
}
