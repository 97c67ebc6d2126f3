/** How a promise ended within a real second or so; `pending` where it did not. */
export async function outcome(promise: Promise<unknown>, ms = 1500): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve('pending'), ms)
  })
  const ended = promise.then(
    () => 'saved',
    (error: { readonly code?: unknown }) => error.code ?? String(error),
  )
  const first = await Promise.race([ended, late])
  clearTimeout(timer)
  return first
}
