/** Returns how a promise settled; a pending promise times the test out. */
export async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'saved',
    (error: { readonly code?: unknown }) => error.code ?? String(error),
  )
}
