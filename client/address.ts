import { fromParameter, LONGEST_ADDRESS, parameterOf, toParameter } from '../shared/address.js'
import { type JsonValue, sameJson } from '../shared/json.js'
import type { Unsubscribe } from '../shared/session-types.js'
import { insideOf } from './inside.js'
import type { AnyClient } from './types.js'

/** ms from one change of the address to the next: browsers refuse more than 100 in 10 s, of the app's own router too. */
const PACE = 200
/** ms in which another page may take this one's place; a download, for one, never does. */
const LEAVING = 10_000

/**
 * Keeps the parameters of the page's address in step with the fields that have a `url`: what is chosen is said there, and going back and
 * forward sets what was. Needs what `embed()` has put into the page, or that as `initial`.
 *
 * @throws {TypeError} where `live` is no client
 * @example
 * followAddress(live)
 */
export function followAddress(live: AnyClient): Unsubscribe {
  const { initial, onClose } = insideOf(live)
  const { urls = {}, defaults = {}, unvisited = {} } = initial ?? {}
  // Untyped inside: which keys may be set, only the declaration knows.
  const set = live.set as (key: string, value: JsonValue) => unknown
  const fields = Object.entries(urls)
  const ends = new AbortController()
  const { signal } = ends
  let pause: ReturnType<typeof setTimeout> | undefined
  let last = ''
  /** Of a page that is being left: it hears what the next one sets, and the way back is to lead to what it was. */
  let left = ''
  let leaving: typeof pause

  const said = (key: string, name: string): JsonValue | undefined => {
    const text = parameterOf(location.search, name)
    return text === undefined ? text : fromParameter(text, defaults[key])
  }
  /** Whether the app's own router has come to its address: a change before that would end its navigation. */
  const isThere = (): boolean => !globalThis.navigation?.transition
  /** Whether there was something to change. */
  const write = (): boolean => {
    const url = new URL(location.href)
    for (const [key, name] of fields) {
      const value = live.get(key)
      // What says the same is left as it is written, and so is what is not ours.
      if (sameJson(said(key, name), value)) continue
      const others = url.search
        .slice(1)
        .split('&')
        .filter((part) => part && !new URLSearchParams(part).has(name))
      const text = live.has(key) ? toParameter(value, defaults[key]) : undefined
      url.search = (text === undefined ? others : [...others, `${name}=${encodeURIComponent(text)}`]).join('&')
      if (url.href.length > LONGEST_ADDRESS) url.search = others.join('&')
    }
    if (url.href === location.href) return false
    // Where it is refused, or passed over, it is tried again.
    try {
      history.replaceState(history.state, '', url)
    } catch {}
    last = location.href
    return true
  }
  const follow = (): void => {
    if (signal.aborted || pause || location.href === left || (isThere() && !write())) return
    pause = setTimeout(() => {
      pause = undefined
      follow()
    }, PACE)
  }
  const stay = (): void => {
    left = ''
    follow()
  }
  /** Sets what the address says of some keys. */
  const take = (isOf: (key: string, value: JsonValue) => boolean): void => {
    for (const [key, name] of fields) {
      const value = said(key, name)
      if (value !== undefined && isOf(key, value)) set(key, value)
    }
  }
  /** @param isBehind the page may not know yet what has been chosen since */
  const read = (isBehind: boolean): void => {
    take((key, value) => isBehind || !sameJson(value, live.get(key)))
    stay()
  }
  const travel = (): void => {
    const former = last
    last = location.href
    // A link to a fragment is no travel: the address may be behind what was chosen.
    if (former !== last && former.split('#')[0] === last.split('#')[0]) follow()
    else read(false)
  }
  const begin = (): void => {
    last = location.href
    // The server has set what the address of a visit says, or has refused it; but for these. What is set is the address's, never the HTML's.
    take((key) => key in unvisited)
    signal.addEventListener(
      'abort',
      live.onChange(({ source }) => (source === 'request' ? stay : follow)()),
    )
    // At once, and before the app hears of it: a page that is loaded again would set what the last visitor had.
    signal.addEventListener('abort', live.onVisitor(write))
    addEventListener('popstate', travel, { signal })
    addEventListener('pageshow', ({ persisted }) => persisted && read(true), { signal })
    // Of what the app's own router does older browsers do not tell: there the next change says it.
    globalThis.navigation?.addEventListener(
      'currententrychange',
      ({ navigationType }) => navigationType === 'traverse' || queueMicrotask(follow),
      { signal },
    )
    globalThis.navigation?.addEventListener(
      'navigate',
      ({ destination }) => {
        if (destination.sameDocument) return
        left = location.href
        // What was chosen right before waits for its turn. To say it at once would end the navigation.
        if (pause)
          setTimeout(() => {
            // It is not left: the app's own router has taken over.
            if (!isThere()) stay()
            else if (location.href === left && write()) left = location.href
          })
        clearTimeout(leaving)
        leaving = setTimeout(stay, LEAVING)
      },
      { signal },
    )
    follow()
  }
  const end = (): void => ends.abort()
  // A page in a frame has no address that is seen, and any site can open it there unseen. In a worker, and on a server, there is none.
  if (globalThis.document && fields[0] && self === top) {
    // It is rendered before it is wanted, and may never be shown.
    if ('prerendering' in document && document.prerendering)
      document.addEventListener('prerenderingchange', begin, { signal })
    else begin()
  }
  onClose(end)
  return end
}
