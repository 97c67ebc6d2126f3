// Decides whether the store is good, slow or down, and limits calls during an outage.

import { type Channel, channel } from 'node:diagnostics_channel'
import { LONGEST_TIMER } from '../../shared/checks.js'
import { LiveSessionError } from '../../shared/errors.js'
import type { Settings } from '../settings/settings.js'
import { inRealTime, scheduleRetry } from '../settings/timers.js'

const STORE_CHANNEL = 'koa-live-session:store'

/** ms until a call without an answer counts as failed, because a broken connection may report no error. */
const CALL_TIMEOUT = 10_000
/** The first backoff in ms between half-open calls. Each further failure doubles the backoff. */
const FIRST_PAUSE = 50
const LONGEST_PAUSE = 2000
/** Minimum ms between two reports, because a single rejected write must not flood the log. */
const REPORT_INTERVAL = 60_000

/**
 * - `good`: the circuit is closed: the store answers in time, and requests wait for answers
 * - `slow`: the last answer was late. Each request still waits for its loads up to one deadline, because an end elsewhere may be stored;
 *   writes do not wait
 * - `down`: the circuit is open: the last call failed, and requests continue with memory. Only one half-open write at a time is made, with
 *   exponential backoff, and one load at a time, without: a single rejected write must not refuse the next visitor's session. After each
 *   backoff, an idle process makes a load, to notice the recovery
 */
export type StoreState = 'good' | 'slow' | 'down'

export class CircuitBreaker {
  readonly #settings: Pick<Settings, 'storeTimeout' | 'clock' | 'report'>
  readonly #channel: Channel
  readonly #onTry: (() => void)[] = []
  #state: StoreState = 'good'
  #failuresInARow = 0
  #isPausing = false
  #isClosed = false
  #reportedAt = Number.NEGATIVE_INFINITY
  #lossReportedAt = Number.NEGATIVE_INFINITY
  #cancelRetry: (() => void) | undefined
  /** The requests that have waited until the deadline. */
  readonly #late = new WeakSet<object>()

  /** @param diagnostics the diagnostics channel, which receives `{ state, cause? }` on each change of the state */
  constructor(
    settings: Pick<Settings, 'storeTimeout' | 'clock' | 'report'>,
    diagnostics: Channel = channel(STORE_CHANNEL),
  ) {
    this.#settings = settings
    this.#channel = diagnostics
  }

  /** The total number of failed calls. Calls that fail together in an outage count once. */
  failureCount = 0

  get state(): StoreState {
    return this.#state
  }

  /** The maximum number of concurrent writes: 0 during backoff and after `close`, 1 if half-open, else unlimited. */
  get concurrency(): number {
    if (this.#isClosed || this.#isPausing) return 0
    return this.#state === 'down' ? 1 : Number.POSITIVE_INFINITY
  }

  /** Adds a callback that runs when a half-open call is due, and after recovery. */
  onTry(act: () => void): void {
    this.#onTry.push(act)
  }

  /** Makes a store call and tracks the outcome. An answer after the deadline still counts, up to `CALL_TIMEOUT` ms. */
  async call<T>(act: () => Promise<T>): Promise<T> {
    let isLate = false
    const { failureCount } = this
    const answered = onSilence(this.#deadline, () => {
      isLate = true
      if (this.#state === 'good')
        this.#setState('slow', new Error(`no answer within ${this.#settings.storeTimeout} ms`))
    })
    try {
      const answer = await answerOf(act)
      this.#worked(isLate)
      return answer
    } catch (cause) {
      this.#failed(cause, failureCount)
      throw cause
    } finally {
      answered()
    }
  }

  get #deadline(): number {
    return Math.min(this.#settings.storeTimeout, LONGEST_TIMER)
  }

  /**
   * Settles as `promise` does, or resolves with undefined at the deadline.
   *
   * @param request the request that waits, if any. Once a wait has run out, the request's later waits end at once: a page must not wait for
   * several deadlines
   */
  inTime<T>(promise: Promise<T>, request?: object): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const hasWaited = request !== undefined && this.#late.has(request)
      const end = (): void => {
        if (request) this.#late.add(request)
        resolve(undefined)
      }
      const answered = onSilence(hasWaited ? 0 : this.#deadline, end, true)
      promise.then(resolve, reject).finally(answered)
    })
  }

  /** Reports evicted guest writes, at most once a minute. */
  reportLoss(): void {
    const now = this.#settings.clock()
    if (now - this.#lossReportedAt < REPORT_INTERVAL) return
    this.#lossReportedAt = now
    const message = 'unsaved writes of guests were dropped, oldest first: they exceeded cache.maxGuestBytes'
    this.#settings.report(new LiveSessionError('store_unavailable', message))
  }

  /** Stops the retries of half-open calls. */
  close(): void {
    this.#isClosed = true
    this.#cancelRetry?.()
  }

  #worked(isLate: boolean): void {
    const wasDown = this.#state === 'down'
    this.#failuresInARow = 0
    this.#isPausing = false
    this.#cancelRetry?.()
    if (!isLate && this.#state !== 'good') this.#setState('good')
    else if (wasDown) this.#setState('slow')
    if (wasDown) this.#try()
  }

  /** @param failureCount the failure count when this call began */
  #failed(cause: unknown, failureCount: number): void {
    // A concurrent call has already counted this outage.
    if (this.#state === 'down' && failureCount < this.failureCount) return
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#failuresInARow)
    this.#failuresInARow += 1
    this.failureCount += 1
    this.#isPausing = true
    this.#cancelRetry?.()
    if (!this.#isClosed) this.#cancelRetry = scheduleRetry(this.#settings.clock, pause, () => this.#try())
    if (this.#state !== 'down') this.#setState('down', cause)
  }

  #try(): void {
    this.#isPausing = false
    for (const act of this.#onTry) act()
  }

  #setState(state: StoreState, cause?: unknown): void {
    this.#state = state
    this.#channel.publish({ state, ...(cause === undefined ? {} : { cause }) })
    const now = this.#settings.clock()
    if (cause === undefined || now - this.#reportedAt < REPORT_INTERVAL) return
    this.#reportedAt = now
    const problem = state === 'slow' ? 'answers late' : 'does not answer'
    const message = `the store ${problem}: values are in memory and in cookies, and are stored when it recovers`
    this.#settings.report(new LiveSessionError('store_unavailable', message, { cause }))
  }
}

function answerOf<T>(act: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const answered = onSilence(CALL_TIMEOUT, () => reject(new Error(`no answer within ${CALL_TIMEOUT} ms`)))
    // A custom store may throw synchronously.
    const answer = Promise.resolve().then(act)
    answer.then(resolve, (reason) => reject(reason ?? new Error('rejected without a reason'))).finally(answered)
  })
}

/**
 * Calls `act` after a timeout, unless the returned function cancels the call. The event loop reads waiting answers first: a process that
 * was suspended runs its timers before it reads its sockets.
 */
function onSilence(ms: number, act: () => void, keepsAlive: boolean = false): () => void {
  let immediate: NodeJS.Immediate | undefined
  const wait = (): void => {
    immediate = setImmediate(act)
  }
  const cancel = inRealTime(ms, wait, keepsAlive)
  return () => {
    cancel()
    clearImmediate(immediate)
  }
}
