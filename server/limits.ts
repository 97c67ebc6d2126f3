import { LiveSessionError } from '../shared/errors.js'
import { Bucket } from './bucket.js'
import { Generations } from './generations.js'
import type { Subject } from './subject.js'

export interface LimitOptions {
  readonly changesPerSocket: number
  readonly changesPerSubject: number
  readonly socketsPerSubject: number
}

/** Shared by all that have no cookie: a flood of those would else be a new visitor with every request. No subject is called so. */
const WITHOUT_COOKIE = 'without a cookie'

/** How much browsers may ask of this process. What the app itself does is not counted. */
export class Limits {
  readonly #options: LimitOptions
  readonly #clock: () => number
  readonly #buckets: Generations<Bucket>

  constructor(options: LimitOptions, maxSubjects: number, clock: () => number) {
    this.#options = options
    this.#clock = clock
    this.#buckets = Generations.onMap({ max: maxSubjects, clock })
  }

  /** The bucket of one socket, for `spend`. */
  ofSocket(): Bucket {
    return new Bucket(this.#options.changesPerSocket, this.#clock())
  }

  /**
   * Counts changes that a browser asks for against its subject, and against its socket where it has one: all or none.
   *
   * @throws {LiveSessionError} `rate_limited`, with the seconds to wait
   */
  spend(changes: number, subject: Subject | undefined, socket?: Bucket): void {
    const now = this.#clock()
    const own = this.#buckets.ensure(subject ?? WITHOUT_COOKIE, () => new Bucket(this.#options.changesPerSubject, now))
    const wait = Math.max(own.wait(changes, now), socket?.wait(changes, now) ?? 0)
    if (wait > 0) {
      const retryAfter = Math.ceil(wait / 1000)
      throw new LiveSessionError('rate_limited', `too many changes, try again in ${retryAfter} s`, { retryAfter })
    }
    own.take(changes)
    socket?.take(changes)
  }

  /** @throws {LiveSessionError} `rate_limited` where a subject has as many sockets as it may, in all namespaces */
  admit(open: number): void {
    const { socketsPerSubject } = this.#options
    if (open < socketsPerSubject) return
    throw new LiveSessionError('rate_limited', `no more than ${socketsPerSubject} sockets at a time`)
  }
}
