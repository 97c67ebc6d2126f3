import { memoryStore } from 'koa-live-session/testing'
import type { Store } from '../../server/stores/store.js'
import { lacking } from './baskets.js'
import { ADDED_TO } from './builds.js'
import { pick } from './random.js'
import { type Registers, readRegisters } from './registers.js'
import type { StoreLine } from './store-line.js'
import { note } from './tally.js'

/** Whether it answers at once, when the schedule says so, or refuses. */
export type Weather = 'fair' | 'slow' | 'foul'

/** What a node asks of it. */
export interface Asked<T> {
  readonly line: StoreLine
  readonly name: string
  act(content: Store): Promise<T>
  /** The answer for a process that has ended: nothing is done, and it comes to its end. */
  readonly ghost: T
  onAnswer?(answer: T): void
  /** It is to write only over what stands. */
  readonly isComparing?: boolean
  /** Whether the node asks for nothing before and after it, together with it: what is late in part is late. */
  isWhole(): boolean
}

interface Call {
  readonly line: StoreLine
  readonly isComparing: boolean
  /** Does it, and says nothing yet. */
  perform(): Promise<unknown>
  answer(): Promise<void>
  /** @param isDone it is written all the same, and the word of it is lost */
  refuse(isDone: boolean): Promise<void>
}

/** The store that all nodes share. It is asked one thing after the other. */
export class SharedStore {
  weather: Weather = 'fair'
  readonly #content: Store = memoryStore()
  readonly #calls: Call[] = []
  readonly #rows = new Map<string, Registers>()
  #refusals = 0
  /** The next that is to write only over what stands has no answer, in fair weather either: whether it is done. */
  #isNextDone: boolean | undefined
  readonly #removed = new Map<string, Registers>()
  /** What of a list was lost. */
  loss: string | undefined

  /** What it has of a name now. */
  rows(name: string): Registers {
    return this.#rows.get(name) ?? new Map()
  }

  /** What it had of a name, and was told to remove. */
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

  /** What was added to a list stays there, whichever nodes add at the same moment, and whether or not it answers them. */
  #compare(before: Registers, after: Registers): void {
    const [former, next] = [before.get(ADDED_TO)?.value, after.get(ADDED_TO)?.value]
    const lost = lacking(former, next)
    if (lost === undefined || next === undefined) return
    this.loss ??= `the store has ${JSON.stringify(next)} in place of ${JSON.stringify(former)}`
  }

  /** How much waits for the schedule. */
  get asked(): number {
    return this.#calls.length
  }

  /** Does the next thing for which nothing is to be waited; says whether there was any. */
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

  /** Makes one of the writes over what stands that wait, and answers later. */
  async perform(which: number): Promise<void> {
    const call = pick(
      this.#calls.filter(({ isComparing, line }) => isComparing && !line.isCut),
      which,
    )
    if (!call) return
    note('the store takes a write before it says so')
    await call.perform()
  }

  /** Answers one thing that waits; says whether there was any. */
  async answer(which = 0): Promise<boolean> {
    const call = pick(this.#calls, which)
    if (!call) return false
    note('the store answers late')
    await this.#take(call).answer()
    return true
  }

  /** Refuses one thing that waits; where none does, the next that is to write only over what stands. */
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
