import type Koa from 'koa'
import { LiveSessionError } from '../../shared/errors.js'
import { isSub } from '../../shared/sub.js'
import type { Core } from '../core.js'
import { type BrowserSubject, subjectHash, type UserSubject } from '../identity/subject.js'
import { WITHOUT_COOKIE } from '../limits/limits.js'
import { readable } from './cookie-text.js'

/** Refuses the POST of a page that is another visitor's. */
export class StrayPageError extends LiveSessionError {
  /** The browser id that the page names was given up: its visitor has left this browser. */
  readonly givenUp: true | undefined

  constructor({ isCookieless }: Stray, isGivenUp: boolean) {
    if (isCookieless) super('cookies_blocked', 'the browser has sent no live cookie')
    else super('other_subject', 'the page is another visitor’s')
    this.givenUp = isGivenUp || undefined
  }
}

/** A page that is not of the visitor whose POST it makes. */
interface Stray {
  /** What it calls itself. */
  readonly page: string
  readonly isCookieless: boolean
  /** That of the cookie, which may be of this page, and another visitor's by now. */
  readonly browser: BrowserSubject | undefined
}

/**
 * Whether a page is such a one. To be asked before an id is given up: the POST may have been held back until another person uses the
 * browser, and whatever cookie it brought would replace that one's.
 */
export function findStray(
  { cookie, identities }: Core,
  ctx: Koa.Context,
  user: UserSubject | undefined,
  page: string,
): Stray | undefined {
  const read = cookie.read(ctx.req.headers.cookie, user)
  const { relation, visitor } = identities.find(read, user)
  const names: readonly string[] = [visitor.browserSubject, visitor.subject()].map(subjectHash)
  if (relation === 'own' && names.includes(page)) return undefined
  return { page, isCookieless: relation === 'none', browser: readable(read)?.browserSubject }
}

/**
 * Whether the visitor has left whose page that is. A page that `isDoubting` is told so too where that cannot be known: then its changes
 * are not brought to the next visitor. Only for that one is the store asked.
 *
 * @throws {LiveSessionError} `rate_limited`: any name can be sent here, and each would be asked of the store
 */
export async function hasLeft(
  { epochs, limits, newborns, store }: Core,
  { page, browser }: Stray,
  isDoubting: boolean,
): Promise<boolean> {
  if (!isSub(page)) return false
  // The id of the cookie itself is about to be given up.
  if (epochs.isPublicGivenUp(page) || (browser && subjectHash(browser) === page)) return true
  if (!isDoubting) return false
  if (store) limits.spend(1, browser ?? WITHOUT_COOKIE)
  return (await store?.isGivenUp(page)) ?? !newborns.hasSeen(page)
}
