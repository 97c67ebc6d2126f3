import { memoryStore } from 'koa-live-session/testing'
import type { Store } from '../../server/types/store.js'
import { lacking } from './baskets.js'
import { ADDED_TO } from './builds.js'
import { pick } from './random.js'
import { type Registers, readRegisters } from './registers.js'
import type { StoreLine } from './store-line.js'
import { note } from './tally.js'

/** How the store answers: at once, when the schedule says so, or with errors. */
export type Weather = 'fair' | 'slow' | 'foul'

export interface Asked<T> {
  readonly line: StoreLine
  readonly name: string
  act(content: Store): Promise<T>
  /** The answer to a process that has ended, whose call is not performed. */
  readonly ghost: T
  onAnswer?(answer: T): void
  readonly isComparing?: boolean
  /** Whether an answer in time is proof of a working store; otherwise another part of the same load may be late. */
  isWhole(): boolean
}

interface Call {
  readonly line: StoreLine
  readonly isComparing: boolean
  perform(): Promise<unknown>
  answer(): Promise<void>
  /** @param isDone whether to perform the call although the answer is lost */
  refuse(isDone: boolean): Promise<void>
}

/** The store of all nodes, with a single call at a time. */
export class SharedStore {
  weather: Weather = 'fair'
  readonly #content: Store = memoryStore()
  readonly #calls: Call[] = []
  readonly #rows = new Map<string, Registers>()
  #refusals = 0
  /** Whether the next compareAndSet, which gets no answer, is performed. */
  #isNextDone: boolean | undefined
  readonly #removed = new Map<string, Registers>()
  loss: string | undefined

  rows(name: string): Registers {
    return this.#rows.get(name) ?? new Map()
  }

  removed(name: string): Registers {
    return this.#removed.get(name) ?? new Map()
  }

  removes(name: string): void {
    this.#removed.set(name, new Map([...this.removed(name), ...this.rows(name)]))
  }

  ask<T>({ line, name, act, ghost, onAnswer, isComparing = false, isWhole }: Asked<T>): Promise<T> {
    const isLate = this.weather === 'slow' || line.isAsleep
    return new Promise((resolve, reject) => {
      let performed: Promise<T> | undefined
      const perform = (): Promise<T> => {
        performed ??= performOnce()
        return performed
      }
      const performOnce = async (): Promise<T> => {
        const answer = await act(this.#content)
        const rows = await this.#content.load(name)
        const read = readRegisters(rows.map(({ key, stamp, value }) => [key, stamp, value]))
        this.#compare(this.rows(name), read)
        this.#rows.set(name, read)
        return answer
      }
      const answer = async (): Promise<void> => {
        if (line.isCut) return resolve(ghost)
        const answered = await perform()
        onAnswer?.(answered)
        if (!isLate) line.isSound = this.weather === 'fair' && (line.isSound || isWhole())
        resolve(answered)
      }
      const refuse = async (isDone: boolean): Promise<void> => {
        if (isDone) await perform()
        line.isSound = false
        line.troubles += 1
        reject(new Error('the store is told to fail'))
      }
      if (isLate) {
        line.isSound = false
        line.troubles += 1
      }
      this.#calls.push({ line, isComparing, perform, answer, refuse })
    })
  }

  /** Items of a list must remain, even if nodes add at the same moment. */
  #compare(before: Registers, after: Registers): void {
    const [former, next] = [before.get(ADDED_TO)?.value, after.get(ADDED_TO)?.value]
    const lost = lacking(former, next)
    if (lost === undefined || next === undefined) return
    this.loss ??= `the store has ${JSON.stringify(next)} in place of ${JSON.stringify(former)}`
  }

  get asked(): number {
    return this.#calls.length
  }

  /** Performs a due call; resolves with whether any was due. */
  async move(): Promise<boolean> {
    const isDue = ({ line }: Call): boolean => line.isCut || (this.weather !== 'slow' && !line.isAsleep)
    const call = this.#calls.find(isDue)
    if (!call) return false
    if (call.line.isCut) await this.#take(call).answer()
    else if (this.weather === 'fair') await this.#serve(this.#take(call))
    else {
      this.#refusals += 1
      note('the store refuses')
      await this.#take(call).refuse(this.#refusals % 3 === 0)
    }
    return true
  }

  async perform(which: number): Promise<void> {
    const call = pick(
      this.#calls.filter(({ isComparing, line }) => isComparing && !line.isCut),
      which,
    )
    if (!call) return
    note('the store takes a write before it says so')
    await call.perform()
  }

  async answer(which = 0): Promise<boolean> {
    const call = pick(this.#calls, which)
    if (!call) return false
    note('the store answers late')
    await this.#take(call).answer()
    return true
  }

  async refuse(which: number, isDone: boolean): Promise<void> {
    const call = pick(this.#calls, which)
    if (call) await this.#take(call).refuse(isDone)
    else this.#isNextDone = isDone
  }

  async #serve(call: Call): Promise<void> {
    const isDone = call.isComparing ? this.#isNextDone : undefined
    if (isDone === undefined) return call.answer()
    this.#isNextDone = undefined
    note('the store refuses but once')
    await call.refuse(isDone)
  }

  #take(call: Call): Call {
    this.#calls.splice(this.#calls.indexOf(call), 1)
    return call
  }
}
