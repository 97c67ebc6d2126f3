import { fromParameter, LONGEST_ADDRESS, parameterOf, toParameter } from '../shared/address.js'
import { type JsonValue, sameJson } from '../shared/json.js'
import type { Unsubscribe } from '../shared/session-types.js'
import { insideOf } from './inside.js'
import type { AnyClient } from './types.js'

/** ms from one URL change to the next: browsers refuse more than 100 in 10 s, including those of the app's own router. */
const PACE = 200
/** ms in which another page may replace this one; a download, for example, never does. */
const LEAVING = 10_000

/**
 * Keeps the parameters of the page's URL in sync with the fields that have a `url`: changes are written there, and going back and forward
 * restores values. Needs what `embed()` puts into the page, or the same as `initial`.
 *
 * @throws {TypeError} if `live` is not a client
 * @example
 * followAddress(live)
 */
export function followAddress(live: AnyClient): Unsubscribe {
  const { initial, onClose, page } = insideOf(live)
  const { urls = {}, defaults = {}, unvisited = {} } = initial ?? {}
  // Untyped inside: only the declaration knows which keys may be set.
  const set = live.set as (key: string, value: JsonValue) => unknown
  const fields = Object.entries(urls)
  const ends = new AbortController()
  const { signal } = ends
  let pause: ReturnType<typeof setTimeout> | undefined
  let last = ''
  /** The URL of a page that is being left: it still receives what the next page sets, but going back must restore what it had. */
  let left = ''
  let leaving: typeof pause

  const said = (key: string, name: string): JsonValue | undefined => {
    const text = parameterOf(location.search, name)
    return text === undefined ? text : fromParameter(text, defaults[key])
  }
  /** Whether the app's own router has finished navigating: an earlier URL change would abort its navigation. */
  const isThere = (): boolean => !globalThis.navigation?.transition
  /** Returns whether there was something to change, or may be later. */
  const write = (): boolean => {
    // A page that is shown again keeps its URL until it knows whose it is.
    if (!page.isReady) return true
    const url = new URL(location.href)
    for (const [key, name] of fields) {
      const value = live.get(key)
      // Parameters that say the same keep their spelling, and those that are not ours are left alone.
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
    // If it is refused or ignored, it is tried again.
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
  /** Sets some keys to what the URL says. */
  const take = (isOf: (key: string, value: JsonValue) => boolean): void => {
    for (const [key, name] of fields) {
      const value = said(key, name)
      if (value !== undefined && isOf(key, value)) set(key, value)
    }
  }
  /** @param isBehind whether the page may not yet know newer changes */
  const read = (isBehind: boolean): void => {
    take((key, value) => isBehind || !sameJson(value, live.get(key)))
    stay()
  }
  const travel = (): void => {
    const former = last
    last = location.href
    // A link to a fragment is not a step in the history: the URL may be older than the last change.
    if (former !== last && former.split('#')[0] === last.split('#')[0]) follow()
    else read(false)
  }
  const begin = (): void => {
    last = location.href
    // The server has already set or refused what a visit's URL says, except for these. Values come from the URL, never from the HTML.
    take((key) => Object.hasOwn(unvisited, key))
    signal.addEventListener(
      'abort',
      live.onChange(({ source }) => (source === 'request' ? stay : follow)()),
    )
    // At once, and before the app hears of it: otherwise a reload would set what the last visitor had.
    signal.addEventListener('abort', live.onVisitor(write))
    addEventListener('popstate', travel, { signal })
    addEventListener('pageshow', ({ persisted }) => persisted && read(true), { signal })
    // Older browsers do not report navigations of the app's own router: there, the next change updates the URL.
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
        // A change made right before is still waiting. Writing it at once would abort the navigation.
        if (pause)
          setTimeout(() => {
            // The page is not left: the app's own router has taken over.
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
  // A page in a frame has no visible URL, and any site can open it there unseen. In a worker, or on a server, there is no page.
  if (globalThis.document && fields[0] && self === top) {
    // A prerendered page may never be shown.
    if ('prerendering' in document && document.prerendering)
      document.addEventListener('prerenderingchange', begin, { signal })
    else begin()
  }
  onClose(end)
  return end
}
