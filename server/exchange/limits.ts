// Decides whether a browser may make more changes, or send more tickets and questions.

import { LiveSessionError } from '../../shared/errors.js'
import type { Identified } from '../identity/identified.js'
import type { GuestMemory } from '../memory/guest-memory.js'
import { RotatingCache } from '../memory/rotating-cache.js'
import type { LimitOptions } from '../settings/settings.js'

/** The bucket shared by all guests without a cookie. No subject has this name. */
const WITHOUT_COOKIE = 'without a cookie'

/**
 * Returns the name of a visitor's bucket. Without a cookie, a guest has a new id in each request. So all guests without a cookie share a
 * bucket: otherwise each request of a flood would have a new bucket.
 */
function countedAs({ cookie, visitor }: Identified): string {
  return cookie || visitor.user !== undefined ? visitor.subject() : WITHOUT_COOKIE
}

/**
 * Characters of tickets that a visitor may send per second, or twice as many in a burst. The client POSTs some 20,000
 * characters three times a second, the hook at most 65,000 characters at a time, and twenty pages of a visitor may reconnect together.
 */
const TICKET_RATE = 512 * 1024

/** Approximate bytes of a bucket with its name. Users' buckets share the memory of guests, because an eviction only refills them. */
const BUCKET_BYTES = 250

/** Limits the changes, tickets and questions of browsers. The app's own calls do not count. */
export class Limits {
  readonly #options: LimitOptions
  readonly #clock: () => number
  readonly #buckets: RotatingCache<Bucket>
  readonly #ticketBuckets: RotatingCache<Bucket>

  constructor(options: LimitOptions, maxVisitors: number, clock: () => number, guestMemory: GuestMemory) {
    this.#options = options
    this.#clock = clock
    const shared = { bytes: guestMemory, weigh: () => BUCKET_BYTES }
    this.#buckets = RotatingCache.onMap({ max: maxVisitors, clock, shared })
    this.#ticketBuckets = RotatingCache.onMap({ max: maxVisitors, clock, shared })
  }

  /** Creates a socket's bucket, for `spend`. */
  ofSocket(): Bucket {
    return new Bucket(this.#options.changesPerSocket, this.#clock())
  }

  /** Returns the ms until a socket's bucket has a token; 0 if the bucket has one now. */
  wait(socket: Bucket): number {
    return socket.wait(1, this.#clock())
  }

  /**
   * Takes a token for each change from the visitor's bucket and, if given, from the socket's bucket. Takes no token if either bucket has
   * too few.
   *
   * @throws {LiveSessionError} `rate_limited`, with the seconds to wait; `too_large` if the message would overdraw the bucket that many
   * visitors share
   */
  spend(changes: number, identity: Identified, socket?: Bucket, now: number = this.#clock()): void {
    const name = countedAs(identity)
    const own = this.#bucket(name, now)
    // A visitor's own bucket may be overdrawn, because a page sends all that it has kept while it was offline.
    if (name === WITHOUT_COOKIE && changes > own.size)
      throw new LiveSessionError('too_large', `without a cookie, a message may have at most ${own.size} changes`)
    refuseUntil(Math.max(own.wait(changes, now), socket?.wait(changes, now) ?? 0), 'changes')
    own.spend(changes)
    socket?.spend(changes)
  }

  /**
   * Counts a question, which asks for a cookie or for all values, or a link that sets a field. Each kind has the same limit as changes, but
   * buckets of its own: a flood of changes must not keep newcomers from getting a cookie, or from following a link.
   *
   * @throws {LiveSessionError} `rate_limited`, with the seconds to wait
   */
  spendOn(kind: 'questions' | 'links', identity: Identified): void {
    const now = this.#clock()
    const bucket = this.#bucket(`${kind} of ${countedAs(identity)}`, now)
    refuseUntil(bucket.wait(1, now), kind)
    bucket.spend(1)
  }

  /**
   * Counts a browser's tickets by their length, which determines the cost of verification.
   *
   * @throws {LiveSessionError} `rate_limited`, with the seconds to wait
   */
  spendTickets(tickets: readonly string[], identity: Identified, now: number = this.#clock()): void {
    let length = 0
    for (const ticket of tickets) length += ticket.length
    if (length === 0) return
    const bucket = this.#ticketBuckets.ensure(countedAs(identity), () => new Bucket(TICKET_RATE, now))
    refuseUntil(bucket.wait(length, now), 'tickets')
    bucket.spend(length)
  }

  #bucket(name: string, now: number): Bucket {
    return this.#buckets.ensure(name, () => new Bucket(this.#options.changesPerVisitor, now))
  }
}

function refuseUntil(wait: number, what: string): void {
  if (wait === 0) return
  const retryAfter = Math.ceil(wait / 1000)
  throw new LiveSessionError('rate_limited', `too many ${what}, try again in ${retryAfter} s`, { retryAfter })
}

/** A token bucket: gains `rate` tokens per second, and holds at most twice as many. */
export class Bucket {
  /** The maximum number of tokens. */
  readonly size: number
  readonly #rate: number
  #tokens: number
  #filledAt: number

  constructor(rate: number, now: number) {
    this.#rate = rate
    this.size = 2 * rate
    this.#tokens = this.size
    this.#filledAt = now
  }

  /** Returns the ms until the bucket has `count` tokens; 0 if it has them now. A full bucket allows any count, and is then overdrawn. */
  wait(count: number, now: number): number {
    // A clock that runs backwards removes no tokens.
    const gained = Math.max(0, now - this.#filledAt) * (this.#rate / 1000)
    this.#tokens = Math.min(this.size, this.#tokens + gained)
    this.#filledAt = now
    const missing = Math.min(count, this.size) - this.#tokens
    return Math.max(0, Math.ceil((missing * 1000) / this.#rate))
  }

  spend(count: number): void {
    this.#tokens -= count
  }
}
