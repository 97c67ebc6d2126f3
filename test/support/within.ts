/** ms: a limit for what never comes, so large that it is none for a slow or busy machine. */
const PATIENCE = 60_000
/** ms between two looks at what no event tells of. */
const PACE = 15

/** Looks until something is so; what it was at last where it never was. */
export async function within<T>(look: () => Promise<T>, isSo: (found: T) => boolean): Promise<T> {
  const end = Date.now() + PATIENCE
  for (;;) {
    const found = await look()
    if (isSo(found) || Date.now() > end) return found
    await new Promise((resolve) => setTimeout(resolve, PACE))
  }
}
