import { BroadcastChannel } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { createTabs } from '../../client/browser/tabs.js'
import type { TabMessage } from '../../client/core/events.js'
import { present } from '../support/app/present.js'
import { stamp } from '../support/app/stamp.js'

type Granted = (lock: object | null) => Promise<unknown>

interface Options {
  readonly signal?: AbortSignal
  readonly ifAvailable?: boolean
}

/** The locks of a browser whose other tab holds the lock, and may be frozen. */
class Locks {
  readonly waiting: (() => Promise<void>)[] = []
  held = 0
  /** The tab with this lock does not release it. */
  isFrozen = false

  request(_: string, { signal, ifAvailable }: Options, granted: Granted): Promise<unknown> {
    if (ifAvailable) return this.#now(granted)
    return new Promise((resolve, reject) => {
      const grant = async (): Promise<void> => {
        // As in the standard, only its holder releases a granted lock.
        signal?.removeEventListener('abort', refuse)
        resolve(await this.#hold(granted))
      }
      const refuse = (): void => {
        this.waiting.splice(this.waiting.indexOf(grant), 1)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', refuse)
      this.waiting.push(grant)
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
    void present(this.waiting.shift())()
  }
}

const NEWS: TabMessage = { who: 'g', tickets: [], persisted: [['division', stamp(3)]] }
let locks: Locks | undefined
let ends: (() => void)[] = []

function open(onMessage: (message: TabMessage) => void = () => undefined) {
  const onTurn = jest.fn()
  const tabs = createTabs('name', onTurn, onMessage)
  ends.push(tabs.leave)
  return { ...tabs, turns: () => onTurn.mock.calls.length }
}

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms)

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

describe('a tab', () => {
  it('takes its turn after getting the lock', async () => {
    const { queue, release, turns } = open()
    queue()
    await pass(100)
    expect(turns()).toBe(0)
    present(locks).grant()
    await pass(0)
    expect([turns(), locks?.held]).toEqual([1, 1])
    release()
    await pass(0)
    expect([turns(), locks?.held]).toEqual([1, 0])
  })

  it('waits five seconds at most for another tab', async () => {
    const { queue, turns } = open()
    queue()
    await pass(4999)
    expect(turns()).toBe(0)
    await pass(1)
    expect(turns()).toBe(1)
  })

  it('waits only once for a frozen tab', async () => {
    const { queue, release, turns } = open()
    queue()
    await pass(5000)
    if (locks) locks.isFrozen = true
    release()
    for (const count of [2, 3]) {
      queue()
      await pass(0)
      expect([turns(), locks?.held]).toEqual([count, 0])
      release()
    }
    if (locks) locks.isFrozen = false
    queue()
    await pass(0)
    expect([turns(), locks?.held]).toEqual([4, 1])
    release()
    queue()
    await pass(4999)
    expect(turns()).toBe(4)
  })

  it('waits five seconds again for the lock after a release', async () => {
    const { queue, release, turns } = open()
    queue()
    release()
    await pass(0)
    queue()
    await pass(4999)
    expect(turns()).toBe(0)
    await pass(1)
    expect(turns()).toBe(1)
  })

  it('waits for the lock if it releases and queues at once', async () => {
    const { queue, release, turns } = open()
    queue()
    release()
    queue()
    await pass(100)
    expect(turns()).toBe(0)
    present(locks).grant()
    await pass(0)
    expect([turns(), locks?.held]).toEqual([1, 1])
  })

  it('waits for the next lock if it releases one just granted', async () => {
    const { queue, release, turns } = open()
    queue()
    present(locks).grant()
    release()
    queue()
    await pass(100)
    expect([turns(), locks?.held]).toEqual([0, 0])
  })

  it('releases its lock after five seconds', async () => {
    const { queue, release, turns } = open()
    queue()
    present(locks).grant()
    await pass(5000)
    expect([turns(), locks?.held]).toEqual([1, 0])
    release()
    await pass(0)
    expect(turns()).toBe(1)
  })

  it('neither holds nor awaits the lock after its page is left', async () => {
    const [holding, waiting] = [open(), open()]
    holding.queue()
    present(locks).grant()
    await pass(0)
    waiting.queue()
    for (const each of [holding, waiting]) each.leave()
    await pass(0)
    expect([locks?.held, holding.turns(), waiting.turns()]).toEqual([0, 1, 0])
  })

  it('takes its turn immediately without locks', () => {
    locks = undefined
    const { queue, turns } = open()
    queue()
    expect(turns()).toBe(1)
  })

  it('shares messages with other open tabs, not with itself', async () => {
    jest.useRealTimers()
    const heard: TabMessage[] = []
    let resolve = (): void => undefined
    const one = open(() => heard.push({ ...NEWS, who: 'itself' }))
    const two = open((message) => {
      heard.push(message)
      resolve()
    })
    two.leave()
    one.share({ ...NEWS, who: 'missed' })
    two.join()
    two.join()
    const isTold = new Promise<void>((done) => {
      resolve = done
    })
    one.share(NEWS)
    await isTold
    expect(heard).toEqual([NEWS])
  })

  it.each([
    ['the browser has no channels', undefined],
    [
      'the browser refuses a channel',
      class {
        constructor() {
          throw new DOMException('The operation is insecure.', 'SecurityError')
        }
      },
    ],
  ])('shares nothing, without an error, if %s', (_, BroadcastChannel) => {
    Object.assign(globalThis, { BroadcastChannel })
    expect(() => open().share(NEWS)).not.toThrow()
  })
})
