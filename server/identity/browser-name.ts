import type { Sub } from '../../shared/sub.js'
import { isRecent } from './recent.js'
import { subjectHash } from './subject.js'
import type { Visitor } from './visitor.js'

/** How a page may name the browser that it is in. */
export interface BrowserName {
  /** The public name of the browser's id; none where the browser keeps no id. */
  readonly browser?: Sub
  /** The id was just made, while other tabs may have been given others: whose it is, `guest` or the user's hash. */
  readonly young?: Sub | 'guest'
  /** It is a guest's, where neither of the two says so. */
  readonly guest?: true
  /** Seconds after which a page that is used POSTs, where what it renews lasts for less than usual. */
  readonly renew?: number
}

/**
 * @param isKept whether the browser has, or gets, a cookie that says this id
 * @param born when the id was made for a request or a connection that brought no live cookie: seconds since 1970
 */
export function nameOf(
  { browserSubject, userSub }: Visitor,
  isKept: boolean,
  born: number | undefined,
  now: number,
): BrowserName {
  const browser = isKept ? { browser: subjectHash(browserSubject) } : {}
  if (born === undefined || !isRecent(born, now)) return isKept || userSub !== undefined ? browser : { guest: true }
  return { ...browser, young: userSub ?? 'guest' }
}
