import { LiveSessionError } from '../shared/errors.js'
import { Bucket } from './bucket.js'
import { Generations } from './generations.js'
import type { Subject } from './subject.js'

export interface LimitOptions {
  readonly changesPerSocket: number
  readonly changesPerSubject: number
  readonly socketsPerSubject: number
}

/** What a connection tells us: engine.io's socket. */
interface Connection {
  readonly readyState: string
  once(event: 'close', listener: () => void): unknown
}

/** How much browsers may ask of this process. What the app itself does is not counted. */
export class Limits {
  readonly #options: LimitOptions
  readonly #clock: () => number
  readonly #buckets: Generations<Bucket>
  readonly #connections = new Map<Subject, number>()

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
  spend(changes: number, subject: Subject, socket?: Bucket): void {
    const now = this.#clock()
    const own = this.#buckets.ensure(subject, () => new Bucket(this.#options.changesPerSubject, now))
    const wait = Math.max(own.wait(changes, now), socket?.wait(changes, now) ?? 0)
    if (wait > 0) {
      const retryAfter = Math.ceil(wait / 1000)
      throw new LiveSessionError('rate_limited', `too many changes, try again in ${retryAfter} s`, { retryAfter })
    }
    own.take(changes)
    socket?.take(changes)
  }

  /**
   * Counts a connection until it closes.
   *
   * @throws {LiveSessionError} `rate_limited` where its subject has as many as it may
   */
  admit(subject: Subject, connection: Connection): void {
    const open = this.#connections.get(subject) ?? 0
    const { socketsPerSubject } = this.#options
    if (open >= socketsPerSubject) {
      throw new LiveSessionError('rate_limited', `no more than ${socketsPerSubject} sockets at a time`)
    }
    // Gone while it was let in: nobody would ever count it out again.
    if (connection.readyState === 'closed') return
    this.#connections.set(subject, open + 1)
    connection.once('close', () => {
      const left = (this.#connections.get(subject) ?? 1) - 1
      if (left > 0) this.#connections.set(subject, left)
      else this.#connections.delete(subject)
    })
  }
}
