import { type Channel, channel } from 'node:diagnostics_channel'
import { LiveSessionError } from '../../../shared/errors.js'
import { LONGEST_TIMER } from '../../../shared/ms.js'
import type { Settings } from '../../options.js'

const STORE_CHANNEL = 'koa-live-session:store'

/** ms after which a call without an answer counts as failed: a connection that was cut gives no sign. */
const PATIENCE = 10_000
/** ms before a store that is down is tried again: at first, and at most. */
const FIRST_PAUSE = 50
const LONGEST_PAUSE = 2000
/** ms between two reports: a single row that a store refuses must not fill the log. */
const REPORT_INTERVAL = 60_000

/**
 * - `good`: it answers in time, and is waited for
 * - `slow`: it answers late; it is asked as before, and nothing waits for it
 * - `down`: its newest answer was an error; it is asked one thing at a time, at growing intervals
 */
export type StoreState = 'good' | 'slow' | 'down'

/** The health of the store: whether it answers, and in time. */
export class StoreHealth {
  readonly #settings: Pick<Settings, 'storeTimeout' | 'clock' | 'report'>
  readonly #channel: Channel
  readonly #onTry: (() => void)[] = []
  #state: StoreState = 'good'
  #failures = 0
  #isPausing = false
  #isClosed = false
  #reportedAt = Number.NEGATIVE_INFINITY
  #lossReportedAt = Number.NEGATIVE_INFINITY
  #retry: ReturnType<typeof setTimeout> | undefined

  /** @param told gets each change: `{ state, cause? }` */
  constructor(settings: Pick<Settings, 'storeTimeout' | 'clock' | 'report'>, told: Channel = channel(STORE_CHANNEL)) {
    this.#settings = settings
    this.#channel = told
  }

  /** How often it has failed. */
  outages = 0

  get state(): StoreState {
    return this.#state
  }

  /** How many writes it may be asked for at a time. */
  get concurrency(): number {
    if (this.#isClosed || this.#isPausing) return 0
    return this.#state === 'down' ? 1 : Number.POSITIVE_INFINITY
  }

  /** Adds a callback for when a store that was down is to be tried again, or has come back. */
  onTry(act: () => void): void {
    this.#onTry.push(act)
  }

  /** Asks the store for something. A late answer is still used. */
  async ask<T>(act: () => Promise<T>): Promise<T> {
    let isLate = false
    const { outages } = this
    const answered = onSilence(this.#deadline, () => {
      isLate = true
      if (this.#state === 'good') this.#become('slow', new Error(`no answer within ${this.#settings.storeTimeout} ms`))
    })
    try {
      const answer = await answerOf(act)
      this.#worked(isLate)
      return answer
    } catch (cause) {
      this.#failed(cause, outages)
      throw cause
    } finally {
      answered()
    }
  }

  get #deadline(): number {
    return Math.min(this.#settings.storeTimeout, LONGEST_TIMER)
  }

  /** Resolves with what the promise does, or with undefined if it is late. */
  inTime<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const answered = onSilence(this.#deadline, () => resolve(undefined), true)
      promise.then(resolve, reject).finally(answered)
    })
  }

  /** Reports that more waits for the store than there is room for. */
  tellLoss(): void {
    const now = this.#settings.clock()
    if (now - this.#lossReportedAt < REPORT_INTERVAL) return
    this.#lossReportedAt = now
    const message =
      'what guests have set is not stored, those who have waited for longest first: more waits than cache.maxGuestBytes'
    this.#settings.report(new LiveSessionError('store_unavailable', message))
  }

  /** Stops all retries. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#retry)
  }

  #worked(isLate: boolean): void {
    const wasDown = this.#state === 'down'
    this.#failures = 0
    this.#isPausing = false
    clearTimeout(this.#retry)
    if (!isLate && this.#state !== 'good') this.#become('good')
    else if (wasDown) this.#become('slow')
    if (wasDown) this.#try()
  }

  /** @param outages how often it had failed when this call began */
  #failed(cause: unknown, outages: number): void {
    // Calls that were under way together fail together.
    if (this.#state === 'down' && outages < this.outages) return
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#failures)
    this.#failures += 1
    this.outages += 1
    this.#isPausing = true
    clearTimeout(this.#retry)
    if (!this.#isClosed) this.#retry = setTimeout(() => this.#try(), pause).unref()
    if (this.#state !== 'down') this.#become('down', cause)
  }

  #try(): void {
    this.#isPausing = false
    for (const act of this.#onTry) act()
  }

  #become(state: StoreState, cause?: unknown): void {
    this.#state = state
    this.#channel.publish({ state, ...(cause === undefined ? {} : { cause }) })
    const now = this.#settings.clock()
    if (cause === undefined || now - this.#reportedAt < REPORT_INTERVAL) return
    this.#reportedAt = now
    const problem = state === 'slow' ? 'answers late' : 'does not answer'
    const message = `the store ${problem}: values are in memory and in cookies, and are stored when it does again`
    this.#settings.report(new LiveSessionError('store_unavailable', message, { cause }))
  }
}

function answerOf<T>(act: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const answered = onSilence(PATIENCE, () => reject(new Error(`no answer within ${PATIENCE} ms`)))
    // An app's own store may throw before it returns a promise.
    const answer = Promise.resolve().then(act)
    answer.then(resolve, reject).finally(answered)
  })
}

/**
 * Calls back after so many ms of silence, unless the returned function is called before. A process that was paused runs its timers before it
 * reads its sockets, where the answer may wait: one turn of the event loop passes in between.
 */
function onSilence(ms: number, act: () => void, keepsAlive: boolean = false): () => void {
  let turn: NodeJS.Immediate | undefined
  const timer = setTimeout(() => {
    turn = setImmediate(act)
  }, ms)
  if (!keepsAlive) timer.unref()
  return () => {
    clearTimeout(timer)
    clearImmediate(turn)
  }
}
