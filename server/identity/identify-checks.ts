// Warns if page loads, POSTs and handshakes of a browser contradict each other, or if the app's `identify` contradicts itself.

import type { Warn } from '../settings/report.js'
import { type BrowserId, type Sub, subjectHash, type UserSubject, userIdOf } from '../subjects/subject.js'
import { LENGTH } from './who.js'

/** The maximum number of browsers to remember. */
const MAX = 1000
/** ms within which tabs can alternate between users, and a page between its ways of asking, but a person cannot. */
const SOON = 10_000

/** The ways in which a browser asks the server and proves its user. */
type Way = 'page loads' | 'POSTs' | 'handshakes'

/** The recent answers of `identify` for a browser: the user named for each way, or undefined if none was. */
interface Answers {
  readonly user: Sub | undefined
  readonly at: number
  readonly ways: ReadonlyMap<Way, UserSubject | undefined>
}

const GUIDE = 'node_modules/koa-live-session/docs/users.md#what-each-request-must-bring'

const SAME_PROOF =
  'expected the same proof in all: in attach(io, { handshake }) the same middleware as in app.use, and a token in an HttpOnly cookie ' +
  `instead of a header: ${GUIDE}`
const TWO_USERS =
  'identify named two users in turn for one browser, whose values reset at each change: expected one user a browser. Two tenants in ' +
  'two tabs need a field with a value per tenant, or an origin each: node_modules/koa-live-session/docs/troubleshooting.md#values-reset-in-turn'

const WITHOUT_COOKIE =
  'the socket of a page brought no live cookie, but its POSTs do, so the page hears of no changes made elsewhere: expected the Cookie header ' +
  'in handshakes. Let the proxy forward it; for a socket on another host, set domain, and pass withCredentials: true to io(): ' +
  'node_modules/koa-live-session/docs/troubleshooting.md#the-socket-lacks-the-cookie'

const SURVIVES =
  "identify still names a user after live.revoke or live.erase, because the app's own session has not ended: expected an end of each " +
  'session that began before live.revokedAt(id), or sessions in live.sessionStore(), which end by themselves'

/** Warns if a browser's handshakes lack the cookie or the proof of its requests, or if `identify` contradicts itself. */
export class IdentifyChecks {
  readonly #warn: Warn
  readonly #clock: () => number
  readonly #answers = new Map<BrowserId, Answers>()
  /** `who` of the pages whose handshakes brought no cookie. */
  readonly #bare = new Set<string>()
  /** The former user and the time of the change, by the current browser id. */
  readonly #former = new Map<BrowserId, readonly [user: Sub, at: number]>()

  constructor(warn: Warn, clock: () => number) {
    this.#warn = warn
    this.#clock = clock
  }

  /**
   * Records whom `identify` names for a browser. Warns if a POST names a user right after a page load that named none. Warns of a handshake
   * only after two equal answers, because a handshake may come before the POST that renews an expired token.
   *
   * @param user the user whom the cookie or `identify` names; undefined if neither names one
   * @param next the browser's id after this request
   */
  record(
    way: Way,
    named: UserSubject | undefined,
    user: Sub | undefined,
    browser: BrowserId,
    next: BrowserId = browser,
  ): void {
    const now = this.#clock()
    const known = this.#answers.get(browser)
    // Without an earlier answer, a POST contradicts nothing.
    if (!known && way === 'POSTs') return
    const isSame = known && now - known.at < SOON && (user ?? known.user) === known.user
    const former: Answers['ways'] = isSame ? known.ways : new Map()
    const ways = new Map(former).set(way, named)
    const isAgain = former.has(way) && former.get(way) === named
    const isSure = way === 'POSTs' ? named !== undefined && ways.has('page loads') : isAgain
    if (isSure) this.#compare(ways)
    this.#answers.delete(browser)
    if (this.#answers.size >= MAX) this.#answers.clear()
    this.#answers.set(next, { user: user ?? known?.user, at: now, ways })
  }

  /** Forgets a browser's answers, because its handshake brings the cookie and the proof of the same user. */
  forget(browser: BrowserId): void {
    this.#answers.delete(browser)
  }

  #compare(ways: Answers['ways']): void {
    const waysOf = (isNamed: boolean): string =>
      [...ways.keys()].filter((way) => (ways.get(way) !== undefined) === isNamed).join(' and ')
    const [named, unnamed] = [waysOf(true), waysOf(false)]
    if (named && unnamed)
      this.#warn(`identify names a user in the ${named} of a browser and nobody in its ${unnamed}: ${SAME_PROOF}`)
    const [posted, shaken] = [ways.get('POSTs'), ways.get('handshakes')]
    if (posted && shaken && posted !== shaken)
      this.#warn(
        `identify names the user ${quoted(shaken)} in the handshakes of a browser and ${quoted(posted)} in its POSTs, ` +
          `so its sockets are refused: expected the same id in all: ${GUIDE}`,
        'two ids of a browser',
      )
  }

  /** Warns that `identify` names the user of a revoked cookie, in a request that began after the revocation. */
  warnOfSurvivor(): void {
    this.#warn(SURVIVES)
  }

  /** Records a page whose handshake brought no cookie. */
  recordBare(who: string): void {
    // A page may send any text, even a long one.
    if (who.length !== LENGTH) return
    if (this.#bare.size >= MAX) this.#bare.clear()
    this.#bare.add(who)
  }

  /** Warns if the page of a POST with its own cookie had a handshake without one. */
  checkBare(who: string): void {
    if (this.#bare.delete(who)) this.#warn(WITHOUT_COOKIE)
  }

  /**
   * Records a browser's change of user. Warns if the browser soon returns to its previous user, as with two tabs and an `identify` that
   * depends on the path.
   */
  recordChange(browser: BrowserId, former: Sub, next: BrowserId, user: UserSubject): void {
    const now = this.#clock()
    const [previous, at = 0] = this.#former.get(browser) ?? []
    if (previous === subjectHash(user) && now - at < SOON) this.#warn(TWO_USERS)
    if (this.#former.size >= MAX) this.#former.clear()
    this.#former.set(next, [former, now])
  }
}

function quoted(user: UserSubject): string {
  return `"${userIdOf(user).slice(0, 64)}"`
}
