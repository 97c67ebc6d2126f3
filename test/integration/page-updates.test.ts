import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { LiveSessionOptions } from 'koa-live-session'
import { emptyCache, memoryStore } from 'koa-live-session/testing'
import type { Store } from '../../server/stores/store.js'
import { App, type AppFields } from '../support/app.js'
import { Gate } from '../support/gate.js'
import { HeldStore } from '../support/held-store.js'
import type { TestSocket } from '../support/socket.js'

/** One user's app, whose pages compute values. */
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

/** A socket of the user's own browser. */
async function open(app: App): Promise<TestSocket> {
  const visitor = app.visitor()
  await visitor.store()
  return visitor.connect()
}

describe.each([
  ['over a socket', 'socket'],
  ['in a POST', 'post'],
])('a value that a page has computed, %s', (_, way) => {
  async function begin(): Promise<{ app: App; set: (...change: unknown[]) => Promise<Record<string, unknown>> }> {
    const app = await start()
    const visitor = app.visitor()
    await visitor.store()
    const socket = await visitor.connect()
    const set = async (...change: unknown[]): Promise<Record<string, unknown>> => {
      if (way === 'socket') return socket.set(change)
      const { error, ...answer } = await (await visitor.store({ set: [change] })).json()
      return { ...answer, ...error }
    }
    return { app, set }
  }

  it('is taken over the stamp that it was computed from', async () => {
    const { app, set } = await begin()
    const { stamp } = await set('cart', 0, ['a'], 7)
    expect(stamp).toBe(app.clock.now())
    expect(await set('cart', stamp, ['a', 'b'], 8)).toMatchObject({ stamp: Number(stamp) + 1 })
    expect(await cartOf(app)).toEqual(['a', 'b'])
  })

  it('is refused over anything else, equal or not, and the refusal says what is newest', async () => {
    const { app, set } = await begin()
    const { stamp } = await set('cart', 0, ['a'], 7)
    for (const value of [['b'], ['a']])
      expect(await set('cart', 0, value, 8)).toMatchObject({ code: 'conflict', key: 'cart', stamp, value: ['a'] })
    expect(await cartOf(app)).toEqual(['a'])
  })

  it('is refused over a value that was deleted meanwhile', async () => {
    const { set } = await begin()
    const { stamp } = await set('cart', 0, ['a'], 7)
    const deleted = await set('cart', -1)
    const refusal = await set('cart', stamp, ['a', 'b'], 8)
    expect(refusal).toMatchObject({ code: 'conflict', stamp: deleted['stamp'] })
    expect(refusal).not.toHaveProperty('value')
  })

  it('is taken once, however often it is sent', async () => {
    const { app, set } = await begin()
    const { stamp } = await set('cart', 0, ['a'], 7)
    await set('cart', stamp, ['a', 'b'], 8)
    app.clock.advance(1000)
    for (const id of [7, -7]) expect(await set('cart', 0, ['a'], id)).toMatchObject({ stamp })
    expect(await cartOf(app)).toEqual(['a', 'b'])
  })

  it('is told apart from an equal one of another tab', async () => {
    const { set } = await begin()
    const { stamp } = await set('division', 0, 1, 7)
    expect(await set('division', 0, 1, -8)).toMatchObject({ code: 'superseded', stamp, value: 1 })
  })

  it('is told apart from one of another key', async () => {
    const { app, set } = await begin()
    const { stamp } = await set('division', 0, 1, 7)
    app.clock.advance(1000)
    expect((await set('cart', 0, ['a'], 7))['stamp']).not.toBe(stamp)
  })

  it('is taken where it comes once more after it was refused', async () => {
    const { app, set } = await begin()
    const { stamp } = await set('cart', 0, ['a'], 7)
    await set('cart', 0, ['b'], 8)
    await set('cart', stamp, ['a', 'b'], 8)
    expect(await cartOf(app)).toEqual(['a', 'b'])
  })

  it('is refused where the field does not take it, and may be sent by another name or the same', async () => {
    const { app, set } = await begin()
    expect(await set('cart', 0, [1], 7)).toMatchObject({ code: 'invalid_value', key: 'cart' })
    expect(await set('role', 0, 'admin', 7)).toMatchObject({ code: 'not_writable' })
    expect(await set('secret', 0, 'x', 7)).toMatchObject({ code: 'undeclared_key' })
    expect(await set('cart', 0, ['a'], 7)).toMatchObject({ stamp: app.clock.now() })
  })

  it('of one visitor says nothing of another’s', async () => {
    const app = await start({ identify: (ctx: Koa.Context) => ctx.get('x-user') || undefined } as never)
    const [ann, bob] = [app.visitor(), app.visitor()]
    const as = (user: string) => ({ 'x-user': user })
    const { stamp } = await (await ann.store({ set: [['cart', 0, ['a'], 7]] }, as('ann'))).json()
    app.clock.advance(1000)
    const other = await (await bob.store({ set: [['cart', 0, ['b'], 7]] }, as('bob'))).json()
    expect(other.stamp).not.toBe(stamp)
  })
})

describe('where memory has forgotten', () => {
  it('a value is newer than the one it was computed from', async () => {
    const app = await start()
    const { stamp } = await (await app.visitor().store({ set: [['cart', 0, ['a'], 7]] })).json()
    emptyCache(app.live)
    const next = await (await app.visitor().store({ set: [['cart', stamp, ['a', 'b'], 8]] })).json()
    expect(next.stamp).toBe(stamp + 1)
  })

  it('one that is sent again is there once more, under its stamp', async () => {
    const app = await start()
    const { stamp } = await (await app.visitor().store({ set: [['cart', 0, ['a'], 7]] })).json()
    emptyCache(app.live)
    app.clock.advance(1000)
    const again = await (await app.visitor().store({ set: [['cart', 0, ['a'], -7]] })).json()
    expect([again.stamp, await cartOf(app)]).toEqual([stamp, ['a']])
  })

  it('none is taken over a stamp that no server can have given', async () => {
    const app = await start()
    const ahead = app.clock.now() + 1
    const { error } = await (await app.visitor().store({ set: [['cart', ahead, ['a'], 7]] })).json()
    expect([error.code, error.stamp, await cartOf(app)]).toEqual(['conflict', 0, []])
  })
})

describe('two tabs that add at the same moment', () => {
  it('keep both, one of them at the second try', async () => {
    const app = await start()
    const [one, two] = [await open(app), await open(app)]
    const answers = await Promise.all([one.set(['cart', 0, ['a'], 7]), two.set(['cart', 0, ['b'], 8])])
    const [refused = {}] = answers.filter(({ ok }) => ok === false)
    expect(answers.filter(({ ok }) => ok === true)).toHaveLength(1)
    await two.set(['cart', refused['stamp'], [...(refused['value'] as string[]), 'c'], 9])
    expect(await cartOf(app)).toHaveLength(2)
  })
})

describe('with a store', () => {
  /** Nodes that share it, and do not hear of each other. */
  async function nodes(store: Store): Promise<readonly [App, App]> {
    return [await start({ store }), await start({ store })]
  }

  it('is taken at one of two nodes, and refused at the other with what is newest there', async () => {
    const [a, b] = await nodes(memoryStore())
    const [one, two] = [await open(a), await open(b)]
    const answers = await Promise.all([one.set(['cart', 0, ['a'], 7]), two.set(['cart', 0, ['b'], 8])])
    const taken = answers.find(({ ok }) => ok === true)
    const refused = answers.find(({ ok }) => ok === false)
    expect(taken).toMatchObject({ level: 'store' })
    expect(refused).toMatchObject({ code: 'conflict', stamp: taken?.['stamp'] })
    expect(refused?.['value']).toEqual([answers[0] === taken ? 'a' : 'b'])
  })

  it('is taken once where it is sent again while the store has not answered', async () => {
    const store = new HeldStore()
    const app = await start({ store, storeTimeout: 60_000 })
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
    const answers = [socket.set(['cart', 0, ['a'], 7]), socket.set(['cart', 0, ['a'], -7])]
    await gate.entered
    gate.open()
    const [first, second] = await Promise.all(answers)
    expect([calls, first?.['stamp']]).toEqual([1, second?.['stamp']])
  })

  it('is taken in memory where the store does not answer, over what is newest there', async () => {
    const store = memoryStore()
    const app = await start({ store })
    const socket = await open(app)
    store.fail(Number.POSITIVE_INFINITY)
    const { stamp, level } = await socket.set(['cart', 0, ['a'], 7])
    expect(level).toBe('memory')
    expect(await socket.set(['cart', 0, ['b'], 8])).toMatchObject({ code: 'conflict', stamp })
    store.fail(0)
  })

  it('is not stored for a connection that brought no cookie, as nothing of it is that a handler computes', async () => {
    const store = memoryStore()
    const app = await start({ store, identify: () => undefined } as never)
    app.io.on('connection', (socket) => {
      socket.on('add', async (done) => done(await socket.liveSession.update('division', (value) => Number(value) + 1)))
    })
    const socket = await app.visitor().connect()
    expect(await socket.set(['cart', 0, ['a'], 7])).toMatchObject({ ok: true })
    await socket.io.emitWithAck('add')
    await app.live.settled()
    expect(await store.sweep(Number.POSITIVE_INFINITY)).toBe(0)
  })
})
