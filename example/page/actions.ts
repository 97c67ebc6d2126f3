/** A failure caused by the visitor with a button. */
export type Action =
  | { readonly kind: 'restart' /** The killed process. */; readonly pid: number }
  | { readonly kind: 'kill-node' /** The killed node. */; readonly node: string }
  | { readonly kind: 'empty-cache' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'end-next' /** The killed process. */; readonly pid: number }
  | { readonly kind: 'go-online' /** Changes made offline. */; readonly waiting: readonly string[] }

/** A value in the panel. */
export interface Shown {
  /** `Division Film` */
  readonly text: string
  readonly status: string
  /** The places with the current value; with several nodes, `cache` is the page's own node. */
  readonly places: readonly string[]
}

/** The page's connection after the failure. */
export interface Seen {
  readonly pid: number
  /** The page's node, if there are several. */
  readonly node?: string | undefined
  readonly isReconnected: boolean
}

/** Returns the outcome of a failure as a sentence; undefined while pending. */
export function outcomeOf(
  action: Action,
  values: readonly Shown[],
  { pid, node, isReconnected }: Seen,
): string | undefined {
  if (!isReconnected) return undefined
  switch (action.kind) {
    case 'restart':
      return pid === action.pid ? undefined : restored(`Server restarted as process ${pid}`, values)
    case 'kill-node':
      return node === undefined || node === action.node ? undefined : goneOn(action.node, node, values)
    case 'cut':
      return restored('Socket cut, and connected again', values)
    case 'end-next':
      return pid === action.pid ? undefined : restored(`Server ended before the cookie had it; process ${pid}`, values)
    case 'empty-cache':
      return restored('Memory emptied', values)
    case 'go-online':
      return broughtHome(action.waiting, values)
  }
}

/** Describes the failover: the other node had these values, or loads them from the store. */
function goneOn(dead: string, node: string, values: readonly Shown[]): string | undefined {
  const chosen = values.filter(({ places }) => places.includes('page'))
  if (!chosen.every(({ places }) => places.includes('cache'))) return undefined
  const what = chosen.length === 0 ? '' : ` It has ${list(chosen.map(({ text }) => text))}.`
  return `Node ${dead} was killed. This page goes on with node ${node}.${what}`
}

function restored(what: string, values: readonly Shown[]): string | undefined {
  const chosen = values.filter(({ places }) => places.includes('page'))
  if (chosen.length === 0) return `${what}. Choose something, and try again.`
  if (!chosen.every(({ places }) => places.includes('cache'))) return undefined
  const isInCookie = ({ places }: Shown): boolean => places.includes('cookie')
  const sources = [
    ...(chosen.some(({ places }) => places.includes('store')) ? ['Redis'] : []),
    ...(chosen.every((each) => isInCookie(each) || each.places.includes('store')) ? [] : ['this page']),
    ...(chosen.some(isInCookie) ? ['your cookie'] : []),
  ]
  return `${what}, restored from ${list(sources)}: ${list(chosen.map(({ text }) => text))}.`
}

function broughtHome(waiting: readonly string[], values: readonly Shown[]): string | undefined {
  if (waiting.length === 0) return 'Online again. Nothing was waiting.'
  if (values.some(({ status }) => status === 'saving' || status === 'offline')) return undefined
  const isRefused = values.some(({ status }) => status === 'rejected')
  return `Online again, ${isRefused ? 'but not accepted' : 'and saved'}: ${list(waiting)}.`
}

function list(texts: readonly string[]): string {
  return texts.join(' and ')
}
