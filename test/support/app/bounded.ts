/** Returns how a promise settled. If it never does, the test times out. */
export async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'saved',
    (error: { readonly code?: unknown }) => error.code ?? String(error),
  )
}
