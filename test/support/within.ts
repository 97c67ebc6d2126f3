/** ms: a limit for what hangs on a busy machine, not a measure of what is slow. */
const PATIENCE = 20_000
/** ms between two looks at what no event tells of. */
const PACE = 15

/** Looks until something is so; what it was at last where it never was. */
export async function within<T>(look: () => Promise<T>, isSo: (found: T) => boolean, ms = PATIENCE): Promise<T> {
  const end = Date.now() + ms
  for (;;) {
    const found = await look()
    if (isSo(found) || Date.now() > end) return found
    await new Promise((resolve) => setTimeout(resolve, PACE))
  }
}
