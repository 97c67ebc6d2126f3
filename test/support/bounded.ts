/** How a promise ended. What never ends is ended by the time limit of the test. */
export async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'saved',
    (error: { readonly code?: unknown }) => error.code ?? String(error),
  )
}

/** How it ended if it did so within some ms, else `pending`: for what must not happen, and gets the time to. */
export async function outcomeWithin(promise: Promise<unknown>, ms: number): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve('pending'), ms)
  })
  const first = await Promise.race([outcome(promise), late])
  clearTimeout(timer)
  return first
}
