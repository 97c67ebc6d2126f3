/** Returns how a promise settled. If it never does, the test times out. */
export async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'saved',
    (error: { readonly code?: unknown }) => error.code ?? String(error),
  )
}

/** Returns how a promise settled within some ms, else `pending`: for what must not happen, but is given time to. */
export async function outcomeWithin(promise: Promise<unknown>, ms: number): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve('pending'), ms)
  })
  const first = await Promise.race([outcome(promise), late])
  clearTimeout(timer)
  return first
}
