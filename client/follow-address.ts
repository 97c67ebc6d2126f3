// Keeps URL parameters and values in sync, without disturbing navigations of the browser or the app's router.

import { type JsonValue, sameJson } from '../shared/json.js'
import type { Unsubscribe } from '../shared/observable.js'
import { fromParameter, LONGEST_ADDRESS, onlyText, toParameter } from '../shared/url-parameter.js'
import { internalsOf } from './internals.js'
import type { AnyClient } from './types.js'

/**
 * The number of URL changes that need not wait: a reload before a URL change would set the URL's older value in all tabs. Browsers reject
 * more than 100 changes in 10 s, and also count changes by the app's own router.
 */
const BURST = 20
/** ms between URL changes after a burst. */
const PACE = 200
/** ms after the start of a navigation during which another page may replace this page. A download, for example, replaces nothing. */
const LEAVING = 10_000

/** Not all browsers have `prerendering`. */
interface PrerenderedDocument extends Document {
  readonly prerendering?: boolean
}

/**
 * Keeps the page's URL parameters in sync with all fields that have a `url`: writes changes to the URL, and restores values on back and
 * forward navigation. Needs the script of `ctx.liveSession.embed()` in the page, or the same snapshot as `initial`.
 *
 * @throws {TypeError} if `live` is not a client
 * @example
 * followAddress(live)
 */
export function followAddress(live: AnyClient): Unsubscribe {
  const { initial, onClose, page } = internalsOf(live)
  const { urls = {}, defaults = {}, unapplied = {}, texts = {} } = initial ?? {}
  // Untyped inside: only the declaration knows which keys may be set.
  const set = live.set as (key: string, value: JsonValue) => unknown
  const fields = Object.entries(urls)
  const controller = new AbortController()
  const { signal } = controller
  let pause: ReturnType<typeof setTimeout> | undefined
  /** The number of recent URL changes, as in a token bucket. */
  let recent = 0
  let last = ''
  /** The page's URL at the start of an unload. Later changes must not alter this URL, because going back restores values from it. */
  let leftUrl = ''
  let leaving: typeof pause

  /** Returns the value of a field's parameter, as the server has read its texts if they are those of the request. */
  const valueIn = (search: string, key: string): JsonValue | undefined => {
    const found = new URLSearchParams(search).getAll(urls[key] ?? '')
    if (sameJson(texts[key], found)) return unapplied[key]
    const text = onlyText(found)
    return text === undefined ? text : fromParameter(text, defaults[key])
  }
  /** Returns whether the app's own router is idle: a URL change would abort the router's navigation. */
  const isRouterIdle = (): boolean => !globalThis.navigation?.transition
  /** Returns the page's URL with the fields' current values. */
  const addressNow = (): string => {
    const url = new URL(location.href)
    for (const [key, name] of fields) {
      const value = live.get(key)
      // Keep the spelling of a parameter whose value is equal, and keep the parameters of other code.
      if (sameJson(valueIn(url.search, key), value)) continue
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
  /** Replaces the page's URL. Returns whether the former URL differed. */
  const replace = (address: string): boolean => {
    if (address === location.href) return false
    // `follow` retries a URL change that the browser rejects or ignores.
    try {
      history.replaceState(history.state, '', address)
    } catch {}
    last = location.href
    return true
  }
  /** Writes the values to the URL. Returns whether to check again later: after a change, or while the page does not know its visitor. */
  const write = (): boolean => !page.isReady || replace(addressNow())
  const follow = (): void => {
    if (signal.aborted || recent >= BURST || location.href === leftUrl || (isRouterIdle() && !write())) return
    recent += 1
    pause ??= setTimeout(rest, PACE)
  }
  const rest = (): void => {
    recent -= 1
    pause = recent ? setTimeout(rest, PACE) : undefined
    follow()
  }
  const stay = (): void => {
    leftUrl = ''
    follow()
  }
  /**
   * Sets fields from the URL.
   *
   * @param of an object with their keys
   * @param isBehind whether to set even equal values, because the page may lack newer changes
   */
  const read = (of: object, isBehind?: boolean): void => {
    // Setting the first value may already update the URL.
    const { search } = location
    for (const key of Object.keys(of)) {
      const value = valueIn(search, key)
      if (value !== undefined && (isBehind || !sameJson(value, live.get(key)))) set(key, value)
    }
    stay()
  }
  const travel = (): void => {
    const former = last
    last = location.href
    // A link to a fragment is no history step, and its URL may lack the last change: write the values to the URL instead of reading them.
    if (former === last || former.split('#')[0] !== last.split('#')[0]) read(urls)
    else follow()
  }
  const begin = (): void => {
    last = location.href
    // The server has saved or refused all other values in the URL.
    read(unapplied, true)
    // An abort calls the functions that `onChange` and `onVisitor` return, which unsubscribe.
    signal.addEventListener(
      'abort',
      live.onChange(({ source }) => (source === 'request' ? stay : follow)()),
    )
    // Write the new visitor's values before the app's listener may reload the page: the old URL would set the former visitor's values.
    signal.addEventListener('abort', live.onVisitor(write))
    addEventListener('popstate', travel, { signal })
    addEventListener('pageshow', ({ persisted }) => persisted && read(urls, true), { signal })
    // Keep the URL from `pagehide` on: a restored page may get newer values before `pageshow` reaches this module.
    addEventListener('pagehide', () => (leftUrl = location.href), { signal })
    // Older browsers do not report navigations by the app's own router, so there the next change of a value updates the URL.
    globalThis.navigation?.addEventListener(
      'currententrychange',
      ({ navigationType }) => navigationType === 'traverse' || queueMicrotask(follow),
      { signal },
    )
    globalThis.navigation?.addEventListener(
      'navigate',
      ({ destination }) => {
        if (destination.sameDocument) return
        leftUrl = location.href
        if (pause) {
          const address = page.isReady ? addressNow() : leftUrl
          // Delay the pending URL change, which would now abort the navigation, and keep values received meanwhile out of the URL.
          setTimeout(() => {
            // The app's own router handles this navigation, so the page stays.
            if (!isRouterIdle()) stay()
            else if (location.href === leftUrl && replace(address)) leftUrl = location.href
          })
        }
        clearTimeout(leaving)
        leaving = setTimeout(stay, LEAVING)
      },
      { signal },
    )
  }
  const unsubscribe = (): void => controller.abort()
  // Skip frames, whose URL is invisible and which any site can open unseen; workers and servers have no page.
  if (globalThis.document && fields[0] && self === top) {
    // A prerendered page may never be shown, so begin when it is shown.
    const { prerendering }: PrerenderedDocument = document
    if (prerendering) document.addEventListener('prerenderingchange', begin, { signal })
    else begin()
  }
  onClose(unsubscribe)
  return unsubscribe
}
