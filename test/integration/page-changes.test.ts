import { describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { emptyCache, memoryStore } from 'koa-live-session/testing'
import type { Store } from '../../server/types/store.js'
import type { ChangeResult } from '../../shared/protocol.js'
import { App } from '../support/app/app.js'
import { Gate } from '../support/app/gate.js'
import { HeldStore } from '../support/app/held-store.js'
import { losingStore } from '../support/app/losing-store.js'
import type { TestSocket } from '../support/app/socket.js'
import type { Visitor } from '../support/app/visitor.js'

type Result = Partial<{
  readonly code: string
  readonly stamp: number
  readonly level: string
  readonly value: unknown
}>
type Change = readonly unknown[]

const ANN = { identify: () => 'ann' }
const WAYS = [
  ['over a socket', 'socket'],
  ['in a POST', 'post'],
] as const

const routes: Koa.Middleware = (ctx) => {
  ctx.body = ctx.liveSession.snapshot()
}

function start(options: object): Promise<App> {
  return App.start({ routes, options })
}

async function cartOf(app: App): Promise<unknown> {
  return (await (await app.visitor().fetch('/')).json()).values.cart
}

async function overSocket(socket: TestSocket, ...changes: readonly Change[]): Promise<readonly Result[]> {
  const answer = await socket.set(...(changes as never[]))
  if (!('results' in answer)) throw new Error(answer.code)
  return answer.results as readonly ChangeResult[] as readonly Result[]
}

async function byPost(visitor: Visitor, ...changes: readonly Change[]): Promise<readonly Result[]> {
  return (await (await visitor.store({ set: changes })).json()).results
}

/** An app, and a visitor whose page sends its changes this way. */
async function begin(way: 'socket' | 'post', options: object = {}) {
  const app = await start(options)
  const visitor = app.visitor()
  await visitor.store()
  const socket = await visitor.connect()
  const set = (...changes: readonly Change[]) =>
    way === 'socket' ? overSocket(socket, ...changes) : byPost(visitor, ...changes)
  const change = async (...one: Change): Promise<Result> => (await set(one))[0] ?? {}
  const read = async () => (await visitor.fetch('/')).json()
  return { app, visitor, socket, set, change, read }
}

describe.each(WAYS)('an update by a page, %s', (_, way) => {
  it('is accepted while its base stamp is the current stamp', async () => {
    const { app, change } = await begin(way, ANN)
    const { stamp } = await change('cart', 0, '7', ['a'])
    expect(stamp).toBe(app.clock.now())
    expect(await change('cart', stamp, '8', ['a', 'b'])).toMatchObject({ stamp: Number(stamp) + 1 })
    expect(await cartOf(app)).toEqual(['a', 'b'])
  })

  it('conflicts over any other stamp, and gets the newest value', async () => {
    const { app, change } = await begin(way, ANN)
    const { stamp } = await change('cart', 0, '7', ['a'])
    for (const value of [['b'], ['a']])
      expect(await change('cart', 0, '8', value)).toMatchObject({ code: 'conflict', stamp, value: ['a'] })
    expect(await cartOf(app)).toEqual(['a'])
  })

  it('conflicts over a value deleted meanwhile', async () => {
    const { change } = await begin(way, ANN)
    const { stamp } = await change('cart', 0, '7', ['a'])
    const deleted = await change('cart', -1, '')
    const refusal = await change('cart', stamp, '8', ['a', 'b'])
    expect(refusal).toMatchObject({ code: 'conflict', stamp: deleted.stamp })
    expect(refusal).not.toHaveProperty('value')
  })

  it('conflicts with an equal value from another tab', async () => {
    const { change } = await begin(way, ANN)
    const { stamp } = await change('division', 0, '7', 1)
    expect(await change('division', 0, '8', 1)).toMatchObject({ code: 'conflict', stamp, value: 1 })
  })

  it('may share its id with a change of another key', async () => {
    const { app, change } = await begin(way, ANN)
    const { stamp } = await change('division', 0, '7', 1)
    app.clock.advance(1000)
    expect((await change('cart', 0, '7', ['a'])).stamp).not.toBe(stamp)
  })

  it('succeeds when rebased after a conflict', async () => {
    const { app, change } = await begin(way, ANN)
    const { stamp } = await change('cart', 0, '7', ['a'])
    await change('cart', 0, '8', ['b'])
    await change('cart', stamp, '8', ['a', 'b'])
    expect(await cartOf(app)).toEqual(['a', 'b'])
  })

  it('may reuse its id after a refusal', async () => {
    const { app, change } = await begin(way, ANN)
    expect(await change('cart', 0, '7', [1])).toMatchObject({ code: 'invalid_value' })
    expect(await change('role', 0, '7', 'admin')).toMatchObject({ code: 'not_writable' })
    expect(await change('secret', 0, '7', 'x')).toMatchObject({ code: 'undeclared_key' })
    expect(await change('cart', 0, '7', ['a'])).toMatchObject({ stamp: app.clock.now() })
  })
})

describe('an update of a value missing from memory', () => {
  const post = async (app: App, ...change: Change): Promise<Result> => (await byPost(app.visitor(), change))[0] ?? {}

  it('gets a newer stamp than its base', async () => {
    const app = await start(ANN)
    const { stamp } = await post(app, 'cart', 0, '7', ['a'])
    emptyCache(app.live)
    const next = await post(app, 'cart', stamp, '8', ['a', 'b'])
    expect(next.stamp).toBe(Number(stamp) + 1)
  })

  it('is accepted when resent with the current base stamp', async () => {
    const app = await start(ANN)
    await post(app, 'cart', 0, '7', ['a'])
    emptyCache(app.live)
    app.clock.advance(1000)
    const again = await post(app, 'cart', 0, '7', ['a'])
    expect([again.stamp, await cartOf(app)]).toEqual([app.clock.now(), ['a']])
  })

  it('ignores a base stamp ahead of the clock', async () => {
    const app = await start(ANN)
    const { stamp } = await post(app, 'cart', app.clock.now() + 3_600_000, '7', ['a'])
    expect([stamp, await cartOf(app)]).toEqual([app.clock.now() + 1, ['a']])
  })
})

describe('an update, with a store', () => {
  const withStore = (store: Store, more: object = {}) => begin('socket', { ...ANN, store, ...more })

  it('succeeds at one of two nodes, and conflicts at the other', async () => {
    const store = memoryStore()
    const [one, two] = [await withStore(store), await withStore(store)]
    const answers = await Promise.all([one.change('cart', 0, '7', ['a']), two.change('cart', 0, '8', ['b'])])
    const accepted = answers.find(({ level }) => level)
    const refused = answers.find(({ code }) => code)
    expect(accepted).toMatchObject({ level: 'store' })
    expect(refused).toMatchObject({ code: 'conflict', stamp: accepted?.stamp })
    expect(refused?.value).toEqual([answers[0] === accepted ? 'a' : 'b'])
  })

  it('applies once if resent before the store answers', async () => {
    const store = new HeldStore()
    const opening = withStore(store)
    await store.release()
    const { change } = await opening
    const gate = new Gate()
    const compareAndSet = store.compareAndSet.bind(store)
    let calls = 0
    store.compareAndSet = async (...args) => {
      calls += 1
      await gate.pass()
      return compareAndSet(...args)
    }
    const answers = [change('cart', 0, '7', ['a']), change('cart', 0, '7', ['a'])]
    await gate.entered
    gate.open()
    const [first, second] = await Promise.all(answers)
    expect([calls, first?.stamp]).toEqual([1, second?.stamp])
  })

  it('fails while the store is down, then applies once', async () => {
    const store = memoryStore()
    const { app, change } = await withStore(store)
    store.fail(Number.POSITIVE_INFINITY)
    for (const _ of [1, 2]) expect(await change('cart', 0, '7', ['a'])).toEqual({ code: 'store_unavailable' })
    expect(await change('division', -1, '', 2)).toMatchObject({ level: 'memory' })
    expect(await cartOf(app)).toEqual([])
    store.fail(0)
    await app.live.settled()
    expect(await change('cart', 0, '7', ['a'])).toMatchObject({ level: 'store' })
    expect(await cartOf(app)).toEqual(['a'])
  })

  it.each([
    [1, { level: 'store' }],
    [2, { code: 'conflict', value: ['a', 'b'] }],
  ])('tolerates a lost store answer for under two minutes: %i, %j', async (minutes, result) => {
    const store = losingStore()
    const { app, change } = await withStore(store, { storeTimeout: 20 })
    store.fates.push('silent')
    expect(await change('cart', 0, '7', ['a'])).toEqual({ code: 'store_unavailable' })
    app.clock.advance(minutes * 60_000)
    await (await app.live.user('ann')).update('cart', (items) => [...items, 'b'])
    expect(await change('cart', 0, '7', ['a'])).toMatchObject(result)
    expect(await cartOf(app)).toEqual(['a', 'b'])
  })
})

describe.each(WAYS)('values set together, %s', (_, way) => {
  it('share a stamp across scopes', async () => {
    const { app, set, read } = await begin(way)
    // This stamp is the clock's time, so the group's stamp must exceed the clock.
    const [former] = await set(['cart', -1, '', []])
    const stamp = Number(former?.stamp) + 1
    const results = await set(
      ['division', -1, '', 2, 'g'],
      ['theme', -1, '', 'dark', 'g'],
      ['cart', -1, '', ['a'], 'g'],
    )
    expect(results).toEqual(Array(3).fill({ stamp, level: 'memory' }))
    expect(app.clock.now()).toBe(former?.stamp)
    expect(await read()).toMatchObject({
      values: { division: 2, theme: 'dark', cart: ['a'] },
      stamps: { division: stamp, theme: stamp, cart: stamp },
    })
  })

  it.each([
    ['invalid', ['division', -1, '', 1.5, 'g'], 'invalid_value'],
    ['too large', ['cart', -1, '', ['x'.repeat(9000)], 'g'], 'too_large'],
    ['read-only for pages', ['role', -1, '', 'admin', 'g'], 'not_writable'],
    ['hidden', ['secret', -1, '', 'x', 'g'], 'undeclared_key'],
  ])('are refused as a whole if a value is %s', async (_, bad, code) => {
    const { app, set, read } = await begin(way)
    const before = await read()
    const results = await set(['division', -1, '', 2, 'other'], ['theme', -1, '', 'dark', 'g'], bad)
    expect(results).toEqual([{ stamp: app.clock.now(), level: 'memory' }, { code }, { code }])
    expect((await read()).values).toEqual({ ...before.values, division: 2 })
  })

  it('keep the stamps of resent changes, and write the rest', async () => {
    const { app, set, read } = await begin(way)
    const [first] = await set(['division', 0, '', 2, 'g'])
    app.clock.advance(1000)
    const results = await set(['division', 0, '', 2, 'g'], ['theme', 0, '', 'dark', 'g'])
    expect(results).toEqual([first, { stamp: app.clock.now(), level: 'memory' }])
    expect((await read()).values).toMatchObject({ division: 2, theme: 'dark' })
  })

  it('are superseded by newer values key by key', async () => {
    const { app, set, read } = await begin(way)
    const [newer] = await set(['division', -1, '', 7])
    const results = await set(['division', 0, '', 2, 'g'], ['theme', 0, '', 'dark', 'g'])
    expect(results).toEqual([
      { code: 'superseded', stamp: newer?.stamp, value: 7 },
      { stamp: app.clock.now(), level: 'memory' },
    ])
    expect((await read()).values).toMatchObject({ division: 7, theme: 'dark' })
  })

  it('apply after earlier changes of any of their keys', async () => {
    const { set, read } = await begin(way)
    const results = await set(
      ['division', 0, '', 2, 'g'],
      ['cart', 0, '7', ['a']],
      ['division', 0, '8', 3],
      ['cart', 0, '', [], 'g'],
      ['cart', 0, '9', ['c']],
    )
    expect(results.map(({ code }) => code)).toEqual(Array(5).fill(undefined))
    expect((await read()).values).toMatchObject({ cart: ['c'], division: 3 })
  })

  it('get an answer even if two groups interleave', async () => {
    const { set } = await begin(way)
    const results = await set(
      ['division', 0, '', 1, 'g'],
      ['cart', 0, '', ['a'], 'h'],
      ['cart', 0, '', ['b'], 'g'],
      ['division', 0, '', 2, 'h'],
    )
    expect(results).toHaveLength(4)
  })

  it('reach the store in a single write', async () => {
    const store = memoryStore()
    const merges = jest.spyOn(store, 'merge')
    const { app, set } = await begin(way, { identify: () => 'ann', store })
    const results = await set(['division', -1, '', 2, 'g'], ['cart', -1, '', ['a'], 'g'])
    expect(results).toEqual(Array(2).fill({ stamp: app.clock.now(), level: 'store' }))
    expect(merges).toHaveBeenCalledTimes(1)
  })
})

describe('setMany of a page', () => {
  it.each([
    ['with a socket', true],
    ['without a socket', false],
  ])('%s saves under a single stamp', async (_, hasSocket) => {
    const app = await App.start({ routes })
    const visitor = app.visitor()
    const page = await visitor.open({ path: '/', hasSocket })
    await page.live.setMany({ division: 2, cart: ['a'] })
    const { stamps } = (await (await visitor.fetch('/')).json()) as {
      readonly stamps: Readonly<Record<string, number>>
    }
    expect(stamps).toEqual({ division: stamps['cart'], cart: expect.any(Number) })
  })
})

describe('values set together', () => {
  it("send a single ticket to the visitor's sockets", async () => {
    const { visitor, set } = await begin('post')
    const other = await visitor.connect()
    await other.greeted
    await other.ticket()
    await set(['division', -1, '', 2, 'g'], ['cart', -1, '', ['a'], 'g'])
    expect((await other.ticket()).claims.changes.map(([key]) => key)).toEqual(['division', 'cart'])
  })

  it('do not apply after a revocation during an earlier change', async () => {
    const store = memoryStore()
    const { app, socket } = await begin('socket', { identify: () => 'ann', store })
    const gate = new Gate()
    const compareAndSet = store.compareAndSet.bind(store)
    store.compareAndSet = async (...args) => {
      await gate.pass()
      return compareAndSet(...args)
    }
    void socket
      .set(['cart', 0, '7', ['a']], ['cart', 0, '', ['b'], 'g'], ['division', 0, '', 2, 'g'])
      .catch(() => undefined)
    await gate.entered
    await app.live.revoke('ann')
    gate.open()
    await app.live.settled()
    using ann = await app.live.user('ann')
    expect(ann.get('division')).toBe(-1)
  })
})
