import { BroadcastChannel } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import type { News } from '../../client/core/messages.js'
import { createTabs } from '../../client/effects/tabs.js'
import { present } from '../support/app/present.js'
import { stamp } from '../support/app/stamp.js'

type Granted = (lock: object | null) => Promise<unknown>

interface Options {
  readonly signal?: AbortSignal
  readonly ifAvailable?: boolean
}

/** Locks of a browser in which another tab has this one, and may be frozen with it. */
class Locks {
  readonly waiting: Granted[] = []
  held = 0
  /** The tab that has this lock does not let go. */
  isFrozen = false

  request(_: string, { signal, ifAvailable }: Options, granted: Granted): Promise<unknown> {
    if (ifAvailable) return this.#now(granted)
    return new Promise((resolve, reject) => {
      const refuse = (): void => reject(signal?.reason)
      signal?.addEventListener('abort', refuse)
      this.waiting.push(async () => {
        // As the standard has it: a lock that was granted is ended by its holder alone.
        signal?.removeEventListener('abort', refuse)
        resolve(await this.#hold(granted))
      })
    })
  }

  async #now(granted: Granted): Promise<unknown> {
    return this.isFrozen ? granted(null) : this.#hold(granted)
  }

  async #hold(granted: Granted): Promise<unknown> {
    this.held += 1
    const result = await granted({})
    this.held -= 1
    return result
  }

  grant(): void {
    void present(this.waiting.shift())(null)
  }
}

const NEWS: News = { who: 'g', tickets: [], held: [['division', stamp(3)]] }
let locks: Locks | undefined
let ends: (() => void)[] = []

/** A tab, and how often it was its turn. */
function open(hear: (news: News) => void = () => undefined) {
  const onTurn = jest.fn()
  const tabs = createTabs('name', onTurn, hear)
  ends.push(tabs.leave)
  return { ...tabs, turns: () => onTurn.mock.calls.length }
}

beforeEach(() => {
  locks = new Locks()
  Object.defineProperty(navigator, 'locks', { get: () => locks, configurable: true })
  Object.assign(globalThis, { BroadcastChannel })
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask'] })
})
afterEach(() => {
  for (const end of ends) end()
  ends = []
  jest.useRealTimers()
})

describe('of many tabs one', () => {
  it('acts while the others wait', async () => {
    const { queue, release, turns } = open()
    queue()
    await jest.advanceTimersByTimeAsync(100)
    expect(turns()).toBe(0)
    present(locks).grant()
    await jest.advanceTimersByTimeAsync(0)
    expect([turns(), locks?.held]).toEqual([1, 1])
    release()
    await jest.advanceTimersByTimeAsync(0)
    expect([turns(), locks?.held]).toEqual([1, 0])
  })

  it('is not waited for any longer than it takes to see that it is frozen', async () => {
    const { queue, turns } = open()
    queue()
    await jest.advanceTimersByTimeAsync(4999)
    expect(turns()).toBe(0)
    await jest.advanceTimersByTimeAsync(1)
    expect(turns()).toBe(1)
  })

  it('waits once for a frozen tab, and again after that one has let go', async () => {
    const { queue, release, turns } = open()
    queue()
    await jest.advanceTimersByTimeAsync(5000)
    if (locks) locks.isFrozen = true
    release()
    for (const count of [2, 3]) {
      queue()
      await jest.advanceTimersByTimeAsync(0)
      expect([turns(), locks?.held]).toEqual([count, 0])
      release()
    }
    if (locks) locks.isFrozen = false
    queue()
    await jest.advanceTimersByTimeAsync(0)
    expect([turns(), locks?.held]).toEqual([4, 1])
    release()
    queue()
    await jest.advanceTimersByTimeAsync(4999)
    expect(turns()).toBe(4)
  })

  it('waits as long as before for the next tab after it gave up its own turn', async () => {
    const { queue, release, turns } = open()
    queue()
    release()
    await jest.advanceTimersByTimeAsync(0)
    expect(turns()).toBe(1)
    queue()
    await jest.advanceTimersByTimeAsync(4999)
    expect(turns()).toBe(1)
  })

  it('lets the others go on where it takes too long itself, and has one turn all the same', async () => {
    const { queue, release, turns } = open()
    queue()
    present(locks).grant()
    await jest.advanceTimersByTimeAsync(5000)
    expect([turns(), locks?.held]).toEqual([1, 0])
    release()
    await jest.advanceTimersByTimeAsync(0)
    expect(turns()).toBe(1)
  })

  it('has the next turn after the one before', async () => {
    const { queue, release, turns } = open()
    for (let count = 1; count <= 2; count += 1) {
      queue()
      present(locks).grant()
      await jest.advanceTimersByTimeAsync(0)
      expect([turns(), locks?.held]).toEqual([count, 1])
      release()
      await jest.advanceTimersByTimeAsync(0)
    }
    await jest.advanceTimersByTimeAsync(5000)
    expect([turns(), locks?.held]).toEqual([2, 0])
  })

  it('neither holds nor waits for anything once its page is left', async () => {
    const [holding, waiting] = [open(), open()]
    holding.queue()
    present(locks).grant()
    await jest.advanceTimersByTimeAsync(0)
    waiting.queue()
    for (const each of [holding, waiting]) each.leave()
    await jest.advanceTimersByTimeAsync(0)
    expect([locks?.held, holding.turns(), waiting.turns()]).toEqual([0, 1, 1])
  })

  it('acts at once where there are no locks', () => {
    locks = undefined
    const { queue, turns } = open()
    queue()
    expect(turns()).toBe(1)
  })

  it('tells the rest what came of it, and not itself', async () => {
    jest.useRealTimers()
    const heard: News[] = []
    const [one] = [open(() => heard.push({ ...NEWS, who: 'itself' }))]
    const told = new Promise<void>((resolve) => {
      open((news) => {
        heard.push(news)
        resolve()
      })
    })
    one.tell(NEWS)
    await told
    expect(heard).toEqual([NEWS])
  })

  it('hears nothing while its page is left, and goes on when that comes back', async () => {
    jest.useRealTimers()
    const heard: unknown[] = []
    let told = (): void => undefined
    const [one, two] = [
      open(),
      open((news) => {
        heard.push(news.who)
        told()
      }),
    ]
    two.leave()
    one.tell({ ...NEWS, who: 'missed' })
    two.join()
    two.join()
    const isTold = new Promise<void>((resolve) => {
      told = resolve
    })
    one.tell(NEWS)
    await isTold
    expect(heard).toEqual(['g'])
  })

  it.each([
    ['there is no channel', undefined],
    [
      'the browser refuses one',
      class {
        constructor() {
          throw new DOMException('The operation is insecure.', 'SecurityError')
        }
      },
    ],
  ])('tells no tab where %s', (_, BroadcastChannel) => {
    Object.assign(globalThis, { BroadcastChannel })
    expect(() => open().tell(NEWS)).not.toThrow()
  })
})
