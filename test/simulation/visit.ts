import type { AnySnapshot } from '../../shared/protocol.js'
import type { Exchange, Since } from './browser.js'
import { HIDDEN, NEVER_IN_COOKIE, OWN } from './builds.js'
import type { ServerNode } from './deployment.js'
import type { CookieStatus, Identity } from './knowledge.js'
import { type CookieState, isNewer, isSame, type Registers, readClaims } from './registers.js'
import type { Harm } from './tally.js'
import type { Whose } from './whos.js'
import type { World } from './world.js'

/** How a request uses its session: it `shows` a page its visitor, `sets` a value, or `renews` the cookie by an accepted POST. */
export type Action = 'shows' | 'sets' | 'renews'

export interface Visit {
  readonly node: ServerNode
  identity: Identity
  /** The cookie's relation to the visitor; `forgotten` after leaving with `forget`, `withheld` in a cross-site POST. */
  cookieStatus: CookieStatus | 'forgotten' | 'withheld'
  own: CookieState | undefined
  isDue: boolean
  /** The id of the request's cookie, if the id was retired before. */
  retired: string | undefined
  /** Whether that id was retired, and the request is not of its user. */
  isLate: boolean
  since: Since
  /** The number of retired ids when the request began, or when it last retired its cookie’s id. */
  sinceOfId: number
  /** The former visitors, whose cookie this browser may have until the answer is sent. */
  readonly left: Identity[]
}

/** Returns an error text if an answer's cookie is wrong, apart from its values. */
export function cookieFault(
  cookie: CookieState,
  { node, identity: { user, browser }, own }: Visit,
): string | undefined {
  if (cookie.user !== user) return 'writes a cookie of another user'
  if (cookie.browser !== browser) return 'writes a cookie of another browser id'
  if (NEVER_IN_COOKIE.some((key) => cookie.registers.has(key)))
    return 'writes a field into the cookie although it must stay out'
  for (const [key, register] of own?.registers ?? new Map())
    if (!node.isDeclared(key) && isNewer(register, cookie.registers.get(key)))
      return `writes the cookie without another build's ${key}`
  return undefined
}

/** Describes a register found missing, older, or losing the merge. Values from a sign-in have stamp 1, and may differ. */
function missingIn(found: Registers, floors: Registers): string | undefined {
  for (const [key, floor] of floors) {
    const seen = found.get(key)
    const isOther = floor.stamp > 1 && seen?.stamp === floor.stamp && !isSame(seen, floor) && isNewer(floor, seen)
    if (!seen || seen.stamp < floor.stamp || isOther) {
      const text = JSON.stringify(Array.from(found, ([one, { stamp, value }]) => [one, stamp, value]))
      return `${text}, but ${key} is ${JSON.stringify(floor.value)} at ${floor.stamp}`
    }
  }
  return undefined
}

/** Whether a write of the request may be refused as superseded. */
export function isSuperseded(visit: Visit): boolean {
  return visit.isLate || isOvertaken(visit) || (visit.own !== undefined && !visit.node.knowledge.isGood(visit.own))
}

/** Whether the browser id was retired, or the user revoked, since the request began. */
function isOvertaken({ node, identity: { user, browser }, retired, since, sinceOfId }: Visit): boolean {
  const { retired: ends, revoked } = node.knowledge
  if (user !== undefined && revoked.hasSince(user, since.revoked)) return true
  return ends.has(browser) || (retired !== undefined && ends.hasSince(retired, sinceOfId))
}

/** Whether the user was revoked since the request began, so a sign-in needs a new cookie. */
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

/** Returns an error text if a greeting does not have the right ticket for each subject of the visitor. */
export function greetingFault(tickets: readonly string[], { user, browser }: Whose): string | undefined {
  if (tickets.length !== (user === undefined ? 1 : 2)) return `is greeted by ${tickets.length} tickets`
  for (const [index, ticket] of tickets.entries()) {
    const { sub, defaults, guest } = readClaims(ticket)
    if (!defaults || HIDDEN in defaults) return 'has a greeting with the wrong defaults'
    const expected = user !== undefined && index === 0 ? user : browser
    if (expected !== undefined && sub !== expected) return `is greeted as the other subject ${sub}`
    if ((guest === true) !== (user === undefined)) return `is greeted with the wrong guest flag: ${guest}`
  }
  return undefined
}

/** Returns an error text if a snapshot has the wrong guest flag, or wrong stamps of the browser's cookie. */
export function snapshotFault(
  { guest, persisted: held }: AnySnapshot,
  user: string | undefined,
  kept: Registers | undefined,
): string | undefined {
  if ((guest === true) !== (user === undefined)) return `shows a page with the wrong guest flag: ${guest}`
  if ((held === undefined) !== (kept === undefined)) return `shows the wrong held stamps: ${JSON.stringify(held)}`
  const wrong = held?.find(([key, stamp]) => kept?.get(key)?.stamp !== stamp)
  return wrong && `shows that its cookie held ${wrong.join(' at ')}`
}

type Fail = (exchange: Exchange, what: string, harm?: Harm) => void

/** Checks that the values shown in an exchange are complete, and allowed for its visitor. */
export class Sight {
  readonly #world: World
  readonly #fail: Fail

  constructor(world: World, fail: Fail) {
    this.#world = world
    this.#fail = fail
  }

  /** Checks that the subjects were loaded before, if the store answers in time. */
  loaded(exchange: Exchange, browser: string | undefined, user: string | undefined): void {
    const { node, isLate } = exchange
    for (const sub of isLate ? [] : [user, browser]) {
      if (sub === undefined) continue
      if (node.line?.isWell && !node.loads.has(sub))
        this.#fail(exchange, `is served before ${sub} was loaded from the store`)
      this.#world.duties.recover(node, sub)
    }
  }

  complete(exchange: Exchange, sub: string, found: Registers, how: string, isMeant: (key: string) => boolean): void {
    const floors = exchange.node.knowledge.floors.get(sub) ?? new Map()
    // A build reads only declared keys, and carries the others.
    const isSeen = (key: string): boolean => how !== 'reads' || exchange.node.isDeclared(key)
    const expected = [...floors].filter(([key]) => isMeant(key) && isSeen(key))
    const missing = missingIn(found, new Map(expected))
    if (missing !== undefined) this.#fail(exchange, `${how} ${missing}`, 'lost')
  }

  /** No value may be another visitor's, or erased. */
  allowed(exchange: Exchange, { user, browser }: Identity, found: Registers): void {
    const { node } = exchange
    const sub = user ?? browser
    const generation = node.knowledge.generation(sub)
    const reader = { sub, isUser: user !== undefined, browser: exchange.browser.index, generation }
    // A cookie that the answer does not replace may be from a node without knowledge of an erasure.
    const isSaid = exchange.response === undefined || exchange.written !== undefined
    for (const [key, register] of found) {
      const isErased = key !== OWN && !node.knowledge.isLasting(sub, register)
      if (isErased && isSaid && node.isDeclared(key))
        this.#fail(exchange, `sees ${key} at ${register.stamp}, which was erased`, 'foreign')
      const objection = this.#world.ledger.protest(isSaid ? reader : { ...reader, generation: 0 }, key, register)
      if (objection !== undefined) this.#fail(exchange, `sees ${objection}`, 'foreign')
    }
  }
}
