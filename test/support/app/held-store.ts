import { memoryStore } from 'koa-live-session/testing'
import type { Store, StoredRegister } from '../../../server/types/store.js'
import { turn } from './within.js'

type Act = 'load' | 'merge' | 'compareAndSet' | 'remove' | 'close'

/** A call whose outcome the test decides. */
export interface HeldCall {
  readonly act: Act
  readonly subject: string
  readonly registers: readonly StoredRegister[]
  answer(): Promise<void>
  fail(): Promise<void>
}

/** A store whose answers the test gives, in any order. */
export class HeldStore implements Store {
  /** Its content, which is accessible without waiting. */
  readonly content: Store = memoryStore()
  readonly calls: HeldCall[] = []
  readonly open = new Set<HeldCall>()
  #isReleased = false

  load(subject: string): Promise<readonly StoredRegister[]> {
    return this.#hold('load', subject, [], () => this.content.load(subject))
  }

  merge(subject: string, registers: readonly StoredRegister[]): Promise<readonly StoredRegister[]> {
    return this.#hold('merge', subject, registers, () => this.content.merge(subject, registers))
  }

  compareAndSet(subject: string, register: StoredRegister, expected: number): Promise<boolean> {
    return this.#hold('compareAndSet', subject, [register], () =>
      this.content.compareAndSet(subject, register, expected),
    )
  }

  remove(subject: string): Promise<void> {
    return this.#hold('remove', subject, [], () => this.content.remove(subject))
  }

  removeValues(subject: string): Promise<void> {
    return this.#hold('remove', subject, [], async () => this.content.removeValues?.(subject))
  }

  async sweep(): Promise<number> {
    return 0
  }

  close(): Promise<void> {
    return this.content.close()
  }

  get next(): HeldCall {
    const [call] = this.open
    if (!call) throw new Error('the store was not asked')
    return call
  }

  call(index: number): HeldCall {
    const call = this.calls[index]
    if (!call) throw new Error(`the store was asked ${this.calls.length} times, not ${index + 1}`)
    return call
  }

  /** Answers all calls, and from now on answers at once. */
  async release(): Promise<void> {
    this.#isReleased = true
    for (const call of [...this.open]) await call.answer()
  }

  #hold<T>(act: Act, subject: string, registers: readonly StoredRegister[], run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = async (settle: () => unknown): Promise<void> => {
        this.open.delete(call)
        await settle()
        await turn()
      }
      const call: HeldCall = {
        act,
        subject,
        registers,
        answer: () => end(async () => resolve(await run())),
        fail: () => end(() => reject(new Error('the store is told to fail'))),
      }
      this.calls.push(call)
      this.open.add(call)
      if (this.#isReleased) void call.answer()
    })
  }
}
