import { fromParameter, LONGEST_ADDRESS, parameterOf, toParameter } from '../shared/address.js'
import { type JsonValue, sameJson } from '../shared/json.js'
import type { Unsubscribe } from '../shared/session-types.js'
import { insideOf } from './inside.js'
import type { AnyClient } from './types.js'

/** Minimum ms between URL changes: browsers reject more than 100 in 10 s, including those by the app's own router. */
const PACE = 200
/** ms to wait for another page to replace this page; a download, for example, never does. */
const LEAVING = 10_000

/**
 * Keeps the page's URL parameters in sync with the fields with a `url`: writes changes to the URL, and restores values on back and forward
 * navigation. Needs the script of `ctx.liveSession.embed()` in the page, or the same snapshot as `initial`.
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
  /** The URL of an unloading page, now fixed: the page still receives changes, but going back must restore its own values. */
  let left = ''
  let leaving: typeof pause

  const valueInAddress = (key: string, name: string): JsonValue | undefined => {
    const text = parameterOf(location.search, name)
    return text === undefined ? text : fromParameter(text, defaults[key])
  }
  /** Whether the app's own router has finished navigating: an earlier URL change would abort that navigation. */
  const isRouterIdle = (): boolean => !globalThis.navigation?.transition
  /** Returns the page's URL with its current values. */
  const addressNow = (): string => {
    const url = new URL(location.href)
    for (const [key, name] of fields) {
      const value = live.get(key)
      // Keep the spelling of equal parameters, and leave the parameters of others alone.
      if (sameJson(valueInAddress(key, name), value)) continue
      const others = url.search
        .slice(1)
        .split('&')
        .filter((part) => part && !new URLSearchParams(part).has(name))
      const text = live.has(key) ? toParameter(value, defaults[key]) : undefined
      url.search = (text === undefined ? others : [...others, `${name}=${encodeURIComponent(text)}`]).join('&')
      if (url.href.length > LONGEST_ADDRESS) url.search = others.join('&')
    }
    return url.href
  }
  /** Returns whether the URL differed. */
  const replace = (address: string): boolean => {
    if (address === location.href) return false
    // `follow` retries a rejected or ignored change.
    try {
      history.replaceState(history.state, '', address)
    } catch {}
    last = location.href
    return true
  }
  /** Returns whether the URL had to change, or may have to later: a restored page keeps its URL until its visitor is known. */
  const write = (): boolean => !page.isReady || replace(addressNow())
  const follow = (): void => {
    if (signal.aborted || pause || location.href === left || (isRouterIdle() && !write())) return
    pause = setTimeout(() => {
      pause = undefined
      follow()
    }, PACE)
  }
  const stay = (): void => {
    left = ''
    follow()
  }
  /** Sets matching keys to their values in the URL. */
  const setFromAddress = (isOf: (key: string, value: JsonValue) => boolean): void => {
    for (const [key, name] of fields) {
      const value = valueInAddress(key, name)
      if (value !== undefined && isOf(key, value)) set(key, value)
    }
  }
  /** Sets the fields from the URL. @param isBehind whether to set even shown values, as the page may lack newer changes */
  const read = (isBehind: boolean): void => {
    setFromAddress((key, value) => isBehind || !sameJson(value, live.get(key)))
    stay()
  }
  const travel = (): void => {
    const former = last
    last = location.href
    // A link to a fragment is no history step: the URL may be older than the last change.
    if (former !== last && former.split('#')[0] === last.split('#')[0]) follow()
    else read(false)
  }
  const begin = (): void => {
    last = location.href
    // The server has already applied or refused the URL's values, except these. Take them from the URL, never from the HTML.
    setFromAddress((key) => Object.hasOwn(unvisited, key))
    // The returned functions unsubscribe.
    signal.addEventListener(
      'abort',
      live.onChange(({ source }) => (source === 'request' ? stay : follow)()),
    )
    // Write at once, before the app's listener may reload: the URL would set the former visitor's values.
    signal.addEventListener('abort', live.onVisitor(write))
    addEventListener('popstate', travel, { signal })
    addEventListener('pageshow', ({ persisted }) => persisted && read(true), { signal })
    // Older browsers do not report navigations by the app's own router: there, the next change updates the URL.
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
        if (pause) {
          const address = page.isReady ? addressNow() : left
          // Delay the pending change, without values received meanwhile: a URL change now would abort the navigation.
          setTimeout(() => {
            // The app's own router has taken over, so the page stays.
            if (!isRouterIdle()) stay()
            else if (location.href === left && replace(address)) left = location.href
          })
        }
        clearTimeout(leaving)
        leaving = setTimeout(stay, LEAVING)
      },
      { signal },
    )
    follow()
  }
  const end = (): void => ends.abort()
  // Skip frames, whose URL is invisible and which any site can open unseen; workers and servers have no page.
  if (globalThis.document && fields[0] && self === top) {
    // A prerendered page may never be shown, so wait.
    if ('prerendering' in document && document.prerendering)
      document.addEventListener('prerenderingchange', begin, { signal })
    else begin()
  }
  onClose(end)
  return end
}
