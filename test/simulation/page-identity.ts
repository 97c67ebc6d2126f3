import { readClaims } from './registers.js'
import { browserClock } from './time.js'

/** ms for which a page may take its browser's id for young. */
const YOUTH = 600_000

/** Whom a page was told that it is of. */
export interface PageIdentity {
  readonly subject: string
  readonly browser?: string | undefined
  readonly epoch: number
  readonly young?: string | undefined
}

/** The same, as it is for one page: until when it is young, and who came after, where the page's changes may go along. */
export interface Held extends PageIdentity {
  readonly youngUntil: number
  readonly next: Held[]
}

export function identityIn(ticket: string): PageIdentity {
  const { sub: subject, browser, epoch, young } = readClaims(ticket)
  return { subject, browser, epoch, young }
}

/** Whether a page that was that one may bring along what it has set to one that is as told. */
export function leadsTo(held: Held, isMeant: (held: Held) => boolean): boolean {
  return isMeant(held) || held.next.some((next) => leadsTo(next, isMeant))
}

export function heldAs({ subject, browser, epoch, young }: PageIdentity): Held {
  // A visitor who keeps no cookie may agree to have one at any time, and brings along what was set until then.
  const end = browser === undefined ? Number.POSITIVE_INFINITY : browserClock() + YOUTH
  return { subject, browser, epoch, young, youngUntil: young === undefined ? 0 : end, next: [] }
}

/** A newer epoch is always another visitor's. */
export function isSame(a: PageIdentity, b: PageIdentity): boolean {
  const isNamed = a.browser !== undefined && b.browser !== undefined
  return a.subject === b.subject && b.epoch <= a.epoch && (!isNamed || a.browser === b.browser)
}

export function isAlike(a: PageIdentity | undefined, b: PageIdentity | undefined): boolean {
  return a !== undefined && b !== undefined && isSame(a, b)
}

/** Whether what a page has set goes along only where the server says that the former id was not given up. */
export function isDoubtful(former: PageIdentity, { browser }: PageIdentity): boolean {
  return former.browser !== undefined && browser !== undefined && former.browser !== browser
}

/** The same, or of one browser that was given two ids, a moment ago, for one owner. */
export function isCarriedOver(former: Held, identity: PageIdentity): boolean {
  const { young, epoch } = identity
  if (isSame(former, identity)) return true
  const isYoung = former.young !== undefined && browserClock() < former.youngUntil
  return isYoung && former.young === young && former.epoch === epoch
}
