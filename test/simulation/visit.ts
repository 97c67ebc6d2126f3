import type { Since } from './browser.js'
import { NEVER_IN_COOKIE } from './builds.js'
import type { Identity, Relation } from './knowledge.js'
import { type CookieState, isNewer, isSame, type Registers } from './registers.js'
import type { ServerNode } from './server-node.js'

/** What a request does with a session: tells a page whose it is; sets; signs in or out, or POSTs. */
export type Deed = 'shows' | 'sets' | 'renews'

/** What a request has come to so far. */
export interface Visit {
  /** Where it is served. */
  readonly node: ServerNode
  identity: Identity
  /** What its cookie was to the visitor; or that visitor's, who has had it forgotten since; or the browser may have withheld it. */
  relation: Relation | 'forgotten' | 'withheld'
  /** The request's cookie, where it is this visitor's own. */
  own: CookieState | undefined
  isDue: boolean
  /** The id of the request's cookie, where it had been given up before. */
  givenUp: string | undefined
  /** So it was, and the request is not its own user's. */
  isLate: boolean
  /** How much had ended when it became known who sent it. */
  since: Since
  /** How many ids had been given up when that of its cookie last was, as far as the request has to do with it. */
  sinceOfId: number
  /** Whom its answer leaves behind: until it is out, what comes with the former cookie may be of this browser. */
  readonly left: Identity[]
}

/**
 * What is wrong with a cookie that an answer brings, but for the values in it.
 */
export function cookieFault(
  cookie: CookieState,
  { node, identity: { user, browser }, own }: Visit,
): string | undefined {
  if (cookie.user !== user) return 'writes a cookie of another user'
  if (cookie.browser !== browser) return 'writes a cookie of another browser id'
  if (NEVER_IN_COOKIE.some((key) => cookie.registers.has(key)))
    return 'a field is in the cookie that is to be kept out of it'
  for (const [key, register] of own?.registers ?? new Map())
    if (!node.isDeclared(key) && isNewer(register, cookie.registers.get(key)))
      return `writes the cookie without another build's ${key}`
  return undefined
}

/**
 * Which of the least that must be there is missing, or older; what sign-ins bring along has stamp 1, and the account may have had another one.
 */
export function missingIn(found: Registers, floors: Registers): string | undefined {
  for (const [key, floor] of floors) {
    const seen = found.get(key)
    const isOther = floor.stamp > 1 && seen?.stamp === floor.stamp && !isSame(seen, floor) && isNewer(floor, seen)
    if (!seen || seen.stamp < floor.stamp || isOther) {
      const text = JSON.stringify(Array.from(found, ([one, { stamp, value }]) => [one, stamp, value]))
      return `${text}, though ${key} is ${JSON.stringify(floor.value)} at ${floor.stamp}`
    }
  }
  return undefined
}

/** Whether what a request sets could be meant for no visitor of now. */
export function isSuperseded(visit: Visit): boolean {
  return visit.isLate || isOvertaken(visit) || (visit.own !== undefined && !visit.node.knowledge.isGood(visit.own))
}

/** Whether the id that a request goes by was given up since it began, or its user revoked. */
function isOvertaken({ node, identity: { user, browser }, givenUp, since, sinceOfId }: Visit): boolean {
  const { givenUp: ends, revoked } = node.knowledge
  if (user !== undefined && revoked.hasSince(user, since.revoked)) return true
  return ends.has(browser) || (givenUp !== undefined && ends.hasSince(givenUp, sinceOfId))
}

/** Whether the visitor's user was revoked since the request began: a sign-in needs a new cookie. */
export function isRevokedSince({ node: { knowledge }, identity: { user }, own, since }: Visit): boolean {
  if (own) return own.user !== undefined && !knowledge.isCurrent(own.user, own)
  return user !== undefined && knowledge.revoked.hasSince(user, since.revoked)
}

/** Whether the visitor has left this browser, or was revoked, since the request began. */
export function hasEnded(visit: Visit): boolean {
  const { knowledge } = visit.node
  const { user } = visit.identity
  if (visit.own) return !knowledge.isGood(visit.own)
  if (isOvertaken(visit)) return true
  return user !== undefined && knowledge.departed.hasSince(user, visit.since.departed)
}
