/** Limit for what never happens, in ms: large enough for a slow or busy machine. */
const PATIENCE = 60_000
/** ms between two checks of what no event reports. */
const PACE = 15

/** Checks until a condition is true. Returns the last value found, even if it never was. */
export async function within<T>(look: () => Promise<T>, isSo: (found: T) => boolean): Promise<T> {
  const end = Date.now() + PATIENCE
  for (;;) {
    const found = await look()
    if (isSo(found) || Date.now() > end) return found
    await new Promise((resolve) => setTimeout(resolve, PACE))
  }
}
