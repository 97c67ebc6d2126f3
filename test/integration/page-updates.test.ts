import { describe, expect, it } from '@jest/globals'
import type { LiveSessionOptions } from 'koa-live-session'
import { emptyCache, memoryStore } from 'koa-live-session/testing'
import type { JsonValue } from '../../shared/json.js'
import { App, type AppFields } from '../support/app/app.js'
import { Gate } from '../support/app/gate.js'
import { HeldStore } from '../support/app/held-store.js'
import { losingStore } from '../support/app/losing-store.js'
import type { TestSocket } from '../support/app/socket.js'
import type { Visitor } from '../support/app/visitor.js'

/** The result of one change. */
interface Result {
  readonly code?: string
  readonly stamp: number
  readonly level?: string
  readonly value?: unknown
}

/** An app of one user. */
function start(options: Partial<LiveSessionOptions<AppFields>> = {}): Promise<App> {
  return App.start({
    routes: (ctx) => {
      ctx.body = ctx.liveSession.snapshot()
    },
    options: { identify: () => 'ann', ...options } as never,
  })
}

async function cartOf(app: App): Promise<unknown> {
  return (await (await app.visitor().fetch('/')).json()).values.cart
}

async function open(app: App): Promise<TestSocket> {
  const visitor = app.visitor()
  await visitor.store()
  return visitor.connect()
}

async function overSocket(
  socket: TestSocket,
  key: string,
  over: number,
  id: string,
  ...value: readonly [value?: unknown]
): Promise<Result> {
  const answer = await socket.set([key, over, id, ...(value as [JsonValue?])])
  if (!('results' in answer)) throw new Error(answer.code)
  return answer.results[0] as Result
}

async function byPost(
  visitor: Visitor,
  change: readonly unknown[],
  headers: Record<string, string> = {},
): Promise<Result> {
  return (await (await visitor.store({ set: [change] }, headers)).json()).results[0]
}

describe.each([
  ['over a socket', 'socket'],
  ['in a POST', 'post'],
])('a value computed by a page, %s', (_, way) => {
  type Set = (key: string, over: number, id: string, ...value: readonly [value?: unknown]) => Promise<Result>
  async function begin(): Promise<{ app: App; set: Set }> {
    const app = await start()
    const visitor = app.visitor()
    await visitor.store()
    const socket = await visitor.connect()
    const set: Set = (...change) => (way === 'socket' ? overSocket(socket, ...change) : byPost(visitor, change))
    return { app, set }
  }

  it('is accepted over the stamp it was computed from', async () => {
    const { app, set } = await begin()
    const { stamp } = await set('cart', 0, '7', ['a'])
    expect(stamp).toBe(app.clock.now())
    expect(await set('cart', stamp, '8', ['a', 'b'])).toMatchObject({ stamp: Number(stamp) + 1 })
    expect(await cartOf(app)).toEqual(['a', 'b'])
  })

  it('conflicts over any other stamp; the refusal has the newest value', async () => {
    const { app, set } = await begin()
    const { stamp } = await set('cart', 0, '7', ['a'])
    for (const value of [['b'], ['a']])
      expect(await set('cart', 0, '8', value)).toMatchObject({ code: 'conflict', stamp, value: ['a'] })
    expect(await cartOf(app)).toEqual(['a'])
  })

  it('conflicts over a value deleted meanwhile', async () => {
    const { set } = await begin()
    const { stamp } = await set('cart', 0, '7', ['a'])
    const deleted = await set('cart', -1, '')
    const refusal = await set('cart', stamp, '8', ['a', 'b'])
    expect(refusal).toMatchObject({ code: 'conflict', stamp: deleted.stamp })
    expect(refusal).not.toHaveProperty('value')
  })

  it('conflicts with an equal one from another tab', async () => {
    const { set } = await begin()
    const { stamp } = await set('division', 0, '7', 1)
    expect(await set('division', 0, '8', 1)).toMatchObject({ code: 'conflict', stamp, value: 1 })
  })

  it('may share its id with a change of another key', async () => {
    const { app, set } = await begin()
    const { stamp } = await set('division', 0, '7', 1)
    app.clock.advance(1000)
    expect((await set('cart', 0, '7', ['a'])).stamp).not.toBe(stamp)
  })

  it('is accepted when resent after a conflict', async () => {
    const { app, set } = await begin()
    const { stamp } = await set('cart', 0, '7', ['a'])
    await set('cart', 0, '8', ['b'])
    await set('cart', stamp, '8', ['a', 'b'])
    expect(await cartOf(app)).toEqual(['a', 'b'])
  })

  it('may reuse its id after a refusal by the field', async () => {
    const { app, set } = await begin()
    expect(await set('cart', 0, '7', [1])).toMatchObject({ code: 'invalid_value' })
    expect(await set('role', 0, '7', 'admin')).toMatchObject({ code: 'not_writable' })
    expect(await set('secret', 0, '7', 'x')).toMatchObject({ code: 'undeclared_key' })
    expect(await set('cart', 0, '7', ['a'])).toMatchObject({ stamp: app.clock.now() })
  })
})

describe('once memory has forgotten', () => {
  it('a value gets a newer stamp than its base', async () => {
    const app = await start()
    const { stamp } = await byPost(app.visitor(), ['cart', 0, '7', ['a']])
    emptyCache(app.live)
    const next = await byPost(app.visitor(), ['cart', stamp, '8', ['a', 'b']])
    expect(next.stamp).toBe(stamp + 1)
  })

  it('a resent value is accepted over its base', async () => {
    const app = await start()
    await byPost(app.visitor(), ['cart', 0, '7', ['a']])
    emptyCache(app.live)
    app.clock.advance(1000)
    const again = await byPost(app.visitor(), ['cart', 0, '7', ['a']])
    expect([again.stamp, await cartOf(app)]).toEqual([app.clock.now(), ['a']])
  })

  it('a base stamp ahead of the clock is ignored', async () => {
    const app = await start()
    const ahead = app.clock.now() + 3_600_000
    const { stamp } = await byPost(app.visitor(), ['cart', ahead, '7', ['a']])
    expect([stamp, await cartOf(app)]).toEqual([app.clock.now() + 1, ['a']])
  })
})

describe('a computed value, with a store', () => {
  it('is accepted at one of two nodes, and conflicts at the other', async () => {
    const store = memoryStore()
    const [one, two] = [await open(await start({ store })), await open(await start({ store }))]
    const answers = await Promise.all([overSocket(one, 'cart', 0, '7', ['a']), overSocket(two, 'cart', 0, '8', ['b'])])
    const taken = answers.find(({ level }) => level)
    const refused = answers.find(({ code }) => code)
    expect(taken).toMatchObject({ level: 'store' })
    expect(refused).toMatchObject({ code: 'conflict', stamp: taken?.stamp })
    expect(refused?.value).toEqual([answers[0] === taken ? 'a' : 'b'])
  })

  it('is written once if resent before the store answers', async () => {
    const store = new HeldStore()
    const app = await start({ store })
    const opening = open(app)
    await store.release()
    const socket = await opening
    const gate = new Gate()
    const compareAndSet = store.compareAndSet.bind(store)
    let calls = 0
    store.compareAndSet = async (...args) => {
      calls += 1
      await gate.pass()
      return compareAndSet(...args)
    }
    const answers = [overSocket(socket, 'cart', 0, '7', ['a']), overSocket(socket, 'cart', 0, '7', ['a'])]
    await gate.entered
    gate.open()
    const [first, second] = await Promise.all(answers)
    expect([calls, first?.stamp]).toEqual([1, second?.stamp])
  })

  it('waits while the store is down, then is accepted once', async () => {
    const store = memoryStore()
    const app = await start({ store })
    const socket = await open(app)
    store.fail(Number.POSITIVE_INFINITY)
    for (const _ of [1, 2])
      expect(await overSocket(socket, 'cart', 0, '7', ['a'])).toEqual({ code: 'store_unavailable' })
    expect(await socket.change('division', 2)).toMatchObject({ level: 'memory' })
    expect(await cartOf(app)).toEqual([])
    store.fail(0)
    await app.live.settled()
    expect(await overSocket(socket, 'cart', 0, '7', ['a'])).toMatchObject({ level: 'store' })
    expect(await cartOf(app)).toEqual(['a'])
  })

  it.each([
    [1, { level: 'store' }],
    [2, { code: 'conflict', value: ['a', 'b'] }],
  ])("is recognized for two minutes if the store's answer was lost: %i, %j", async (minutes, result) => {
    const store = losingStore()
    const app = await start({ store, storeTimeout: 20 })
    const socket = await open(app)
    store.fates.push('silent')
    expect(await overSocket(socket, 'cart', 0, '7', ['a'])).toEqual({ code: 'store_unavailable' })
    app.clock.advance(minutes * 60_000)
    await (await app.live.user('ann')).update('cart', (items) => [...items, 'b'])
    expect(await overSocket(socket, 'cart', 0, '7', ['a'])).toMatchObject(result)
    expect(await cartOf(app)).toEqual(['a', 'b'])
  })
})
