import { BroadcastChannel } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { createTabs, type TabNews } from '../../client/tabs.js'

type Granted = (lock: null) => Promise<unknown>

/** Locks of a browser in which another tab has this one, and may be frozen with it. */
class Locks {
  readonly waiting: Granted[] = []
  held = 0

  request(_: string, { signal }: { signal: AbortSignal }, granted: Granted): Promise<unknown> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      this.waiting.push(async () => {
        this.held += 1
        resolve(await granted(null))
        this.held -= 1
      })
    })
  }

  grant(): void {
    void this.waiting.shift()?.(null)
  }
}

const NEWS: TabNews = { subjects: ['ann'], tickets: [], held: [['division', 3]] }
let locks: Locks | undefined
let ends: (() => void)[] = []

/** An act that goes on until it is told to end. */
function openAct(): { readonly act: () => Promise<void>; count(): number; end(): void } {
  let end = (): void => undefined
  const isOver = new Promise<void>((resolve) => {
    end = resolve
  })
  const act = jest.fn(() => isOver)
  return { act, count: () => act.mock.calls.length, end }
}

function open(hear: (news: TabNews) => void = () => undefined): ReturnType<typeof createTabs> {
  const tabs = createTabs('name', hear)
  ends.push(tabs.leave)
  return tabs
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
    const { act, count, end } = openAct()
    const done = open().alone(act)
    await jest.advanceTimersByTimeAsync(100)
    expect(count()).toBe(0)
    locks?.grant()
    await jest.advanceTimersByTimeAsync(0)
    expect([count(), locks?.held]).toEqual([1, 1])
    end()
    await done
    await jest.advanceTimersByTimeAsync(0)
    expect([count(), locks?.held]).toEqual([1, 0])
  })

  it('is not waited for any longer than it takes to see that it is frozen', async () => {
    const { act, count, end } = openAct()
    const done = open().alone(act)
    await jest.advanceTimersByTimeAsync(4999)
    expect(count()).toBe(0)
    await jest.advanceTimersByTimeAsync(1)
    expect(count()).toBe(1)
    end()
    await done
  })

  it('lets the others go on where it takes too long itself, and acts once all the same', async () => {
    const { act, count, end } = openAct()
    const done = open().alone(act)
    locks?.grant()
    await jest.advanceTimersByTimeAsync(5000)
    expect([count(), locks?.held]).toEqual([1, 0])
    end()
    await done
    expect(count()).toBe(1)
  })

  it('neither holds nor waits for anything once its page is left', async () => {
    const [holding, waiting] = [openAct(), openAct()]
    const tabs = [open(), open()] as const
    void tabs[0].alone(holding.act)
    locks?.grant()
    await jest.advanceTimersByTimeAsync(0)
    void tabs[1].alone(waiting.act)
    for (const each of tabs) each.leave()
    await jest.advanceTimersByTimeAsync(0)
    expect([locks?.held, holding.count(), waiting.count()]).toEqual([0, 1, 1])
  })

  it('acts at once where there are no locks', async () => {
    locks = undefined
    const { act, count, end } = openAct()
    const done = open().alone(act)
    expect(count()).toBe(1)
    end()
    await done
  })

  it('tells the rest what came of it, and not itself', async () => {
    jest.useRealTimers()
    const heard: TabNews[] = []
    const [one] = [open(() => heard.push({ ...NEWS, subjects: ['itself'] }))]
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
        heard.push(news.subjects)
        told()
      }),
    ]
    two.leave()
    one.tell({ ...NEWS, subjects: ['missed'] })
    two.join()
    two.join()
    const isTold = new Promise<void>((resolve) => {
      told = resolve
    })
    one.tell(NEWS)
    await isTold
    expect(heard).toEqual([['ann']])
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
