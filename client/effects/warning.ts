/** Tells the console, once for each status, that something else than the endpoint has answered, and what to do. */
export function createWarning(endpoint: string): (status: number) => void {
  const told = new Set<number>()
  return (status) => {
    const remedy = remedyOf(status)
    if (!remedy || told.has(status)) return
    told.add(status)
    console.warn(`koa-live-session: POST ${endpoint} answered ${status}; changes are shown but not saved. ${remedy}`)
  }
}

/** No answer at all, and a busy server, heal by themselves. */
function remedyOf(status: number): string | undefined {
  if (status === 401 || status === 403) return 'Where the app guards its POSTs with a token pass headers.'
  return status > 0 && status < 429
    ? "Behind a sub-path pass endpoint: '/tools/store_session'. Is app.use(live.middleware()) there?"
    : undefined
}
