import { describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { emptyCache, memoryStore, testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import { spaceForRegisters } from '../../server/cookie/size.js'
import type { Store } from '../../server/types/store.js'
import { cookieBytes } from '../../shared/budget.js'
import type { JsonValue } from '../../shared/json.js'
import type { ChangeResult } from '../../shared/protocol.js'
import { App, appFields } from '../support/app/app.js'
import { Bus } from '../support/app/bus.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { COOKIE_OPTIONS } from '../support/app/cookie-options.js'
import { Gate } from '../support/app/gate.js'
import { HeldStore } from '../support/app/held-store.js'
import { losingStore } from '../support/app/losing-store.js'
import type { ReceivedTicket, TestSocket } from '../support/app/socket.js'
import type { Visitor } from '../support/app/visitor.js'

describe('page changes', () => {
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
})

describe('updates once', () => {
  /** Processes of a user's app, with the same clock and options. */
  function site(given: object = {}) {
    const clock = testClock()
    const options = { identify: () => 'ann', ...given } as never
    const start = async (bus?: Bus): Promise<App> => {
      const app = await App.start({ clock, options, routes: (ctx) => void ctx.liveSession.get('cart') })
      bus?.join(app.io)
      return app
    }
    return { clock, start }
  }

  async function connect(app: App): Promise<TestSocket> {
    const socket = await app.visitor().connect()
    await socket.greeted
    return socket
  }

  /** Sends an update of the cart. */
  async function compute(
    socket: TestSocket,
    id: string,
    over: number,
    value: JsonValue,
    ...tickets: readonly string[]
  ) {
    const answer = await socket.exchange({
      ...(tickets.length > 0 ? { tickets } : {}),
      set: [['cart', over, id, value]],
    })
    if (!('results' in answer)) throw new Error(answer.code)
    return { ...answer, result: answer.results[0] }
  }

  /** Sends the first update again, as a page does if no answer came. */
  const resend = async (socket: TestSocket, ...tickets: readonly string[]): Promise<ChangeResult | undefined> =>
    (await compute(socket, 'one', 0, ['a'], ...tickets)).result

  /** A process with a page, and the result of the page's first update. */
  async function begin(given: object = {}) {
    const { clock, start } = site(given)
    const app = await start()
    const socket = await connect(app)
    const { result, ticket = '' } = await compute(socket, 'one', 0, ['a'])
    return { clock, start, app, socket, result, ticket, ann: await app.live.user('ann') }
  }

  describe('a resent update', () => {
    it('gets its first result even after another update or a rebase', async () => {
      const { socket, result } = await begin()
      const stamp = Number(result?.stamp)
      const other = await compute(socket, 'two', stamp, ['a', 'b'])
      expect(await resend(socket)).toEqual(result)
      expect((await compute(socket, 'one', stamp, ['a', 'a'])).result).toEqual(result)
      expect((await compute(socket, 'two', stamp, ['a', 'b'])).result).toEqual(other.result)
    })

    it('gets its first result after a set and a deletion', async () => {
      const { socket, result, ann } = await begin()
      await ann.set('cart', ['x'])
      expect(await resend(socket)).toEqual(result)
      await ann.delete('cart')
      expect(await resend(socket)).toEqual(result)
    })

    it('conflicts after two minutes, when its id has expired', async () => {
      const { clock, socket, ann } = await begin()
      clock.advance(2 * 60 * 1000)
      await ann.set('cart', ['x'])
      expect(await resend(socket)).toMatchObject({ code: 'conflict', value: ['x'] })
    })

    it('gets its first result from another node', async () => {
      const { start } = site()
      const bus = new Bus()
      const [one, two] = [await start(bus), await start(bus)]
      const [here, there] = [await connect(one), await connect(two)]
      const { result } = await compute(here, 'one', 0, ['a'])
      await there.ticket()
      expect(await resend(there)).toEqual(result)
    })

    it('gets its first result after a crash, from the ticket', async () => {
      const { clock, start, app, result, ticket } = await begin()
      await app.stop({ isCrash: true })
      clock.advance(1000)
      expect(await resend(await connect(await start()), ticket)).toEqual(result)
    })

    it('gets its first result after a crash, from the store', async () => {
      const { clock, start, app, result } = await begin({ store: memoryStore() })
      expect(result).toMatchObject({ level: 'store' })
      await app.stop({ isCrash: true })
      clock.advance(1000)
      expect(await resend(await connect(await start()))).toEqual(result)
    })
  })

  describe('an update saved in the cookie by another tab', () => {
    async function save(given: object = {}) {
      const { clock, start } = site(given)
      const app = await start()
      const visitor = app.visitor()
      await visitor.store()
      const { result, ticket = '' } = await compute(await visitor.connect(), 'one', 0, ['a'])
      await visitor.store({ tickets: [ticket] })
      return { clock, start, app, visitor, result }
    }

    it('applies once if resent after a crash', async () => {
      const { clock, start, app, visitor, result } = await save()
      await app.stop({ isCrash: true })
      clock.advance(1000)
      const socket = await (await start()).visitor(visitor.cookie).connect()
      expect(await resend(socket)).toEqual(result)
    })

    it('has its id in tickets and in the cookie', async () => {
      const { visitor, result } = await save()
      const ids = { cart: [['one', result?.stamp]] }
      expect((await (await visitor.connect()).ticket()).claims.ids).toEqual(ids)
      expect(cookieContent(visitor)).toMatchObject({ r: [['cart', result?.stamp, ['a']]], ids })
    })

    it('has no id in a full cookie', async () => {
      const cookieBudget = spaceForRegisters(COOKIE_OPTIONS)
      const app = await App.start({ fields: { cart: appFields.cart }, options: { cookieBudget } })
      const visitor = app.visitor()
      await visitor.store()
      const full = ['x'.repeat(((cookieBudget - cookieBytes('cart', [''])) * 3) / 4)]
      const { result, ticket = '' } = await compute(await visitor.connect(), 'one', 0, full)
      await visitor.store({ tickets: [ticket] })
      const content = cookieContent(visitor)
      expect(content.r).toEqual([['cart', result?.stamp, full]])
      expect(content).not.toHaveProperty('ids')
    })

    it('has no id in the cookie with a store', async () => {
      const { visitor } = await save({ store: memoryStore() })
      expect(cookieContent(visitor)).not.toHaveProperty('ids')
    })
  })

  describe('several changes of a key', () => {
    const accepted = { stamp: expect.any(Number), level: 'memory' }
    const conflict = (value: JsonValue) => ({ code: 'conflict', stamp: expect.any(Number), value })

    const [A, AB, ABC] = [
      ['one', ['a']],
      ['two', ['a', 'b']],
      ['three', ['a', 'b', 'c']],
    ] as const

    /** Sends a list of changes, as after a reload. */
    async function send(socket: TestSocket, ...list: readonly (readonly [id: string, value: JsonValue])[]) {
      const answer = await socket.exchange({ set: list.map(([id, value]) => ['cart', 0, id, value]) })
      if (!('results' in answer)) throw new Error(answer.code)
      return answer.results
    }

    /** Resolves with the ticket that lists this id for the cart. */
    async function ticketWith(socket: TestSocket, id: string): Promise<ReceivedTicket> {
      for (;;) {
        const ticket = await socket.ticket()
        if (ticket.claims.ids?.['cart']?.some(([one]) => one === id)) return ticket
      }
    }

    async function open(given: object = {}) {
      const app = await site(given).start()
      return { socket: await connect(app), ann: await app.live.user('ann') }
    }

    it.each([
      ['memory', () => ({})],
      ['store', () => ({ store: memoryStore() })],
    ])('build on each other, and apply once: %s', async (level, optionsOf) => {
      const { socket, ann } = await open(optionsOf())
      const [first] = await send(socket, A)
      const all = await send(socket, A, AB, ABC)
      expect(all).toEqual([first, { ...accepted, level }, { ...accepted, level }])
      expect(await send(socket, A, AB, ABC)).toEqual(all)
      expect(await send(socket, AB)).toEqual([all[1]])
      expect(ann.get('cart')).toEqual(['a', 'b', 'c'])
    })

    it.each([
      ['memory', () => ({})],
      ['store', () => ({ store: memoryStore() })],
    ])('store only the last numbered id, and apply once: %s', async (level, optionsOf) => {
      const { socket, ann } = await open(optionsOf())
      const list = ['a', 'b', 'c'].map((_, at, all) => [`page-${at + 1}`, all.slice(0, at + 1)] as const)
      const last = (await send(socket, ...list)).at(-1)
      const before = { stamp: (last?.stamp ?? 0) - 1, level }
      expect(await send(socket, ...list)).toEqual([before, before, last])
      expect(ann.get('cart')).toEqual(['a', 'b', 'c'])
      expect((await ticketWith(socket, 'page-3')).claims.ids).toEqual({ cart: [['page-3', last?.stamp]] })
    })

    it("conflict with another writer's value", async () => {
      const { socket, ann } = await open()
      await ann.set('cart', ['x'])
      expect(await send(socket, A, AB)).toEqual([conflict(['x']), conflict(['x'])])
      const { result } = await compute(socket, 'one', (await ann.set('cart', [])).stamp, ['a'])
      await ann.set('cart', ['a', 'y'])
      expect(await send(socket, A, AB)).toEqual([result, conflict(['a', 'y'])])
    })

    it('conflict if the previous change was rebased to another value', async () => {
      const { socket, ann } = await open()
      const { result } = await compute(socket, 'one', (await ann.set('cart', ['x'])).stamp, ['x', 'a'])
      expect(await send(socket, A, AB)).toEqual([result, conflict(['x', 'a'])])
    })

    it('conflict after a refused change', async () => {
      const { socket } = await open()
      const results = await send(socket, ['one', 7 as never], AB)
      expect(results).toEqual([{ code: 'invalid_value' }, { code: 'conflict', stamp: 0 }])
    })

    it('apply in order as sets; the last value wins', async () => {
      const { socket, ann } = await open()
      await send(socket, ['', ['a']])
      expect(await send(socket, ['', ['a']], ['', ['b']])).toEqual([accepted, accepted])
      expect(ann.get('cart')).toEqual(['b'])
      await ann.set('cart', ['x'])
      expect(await send(socket, ['', ['a']], ['', ['b']])).toMatchObject([
        { code: 'superseded' },
        { code: 'superseded' },
      ])
    })
  })
})

it.each(['socket', 'post'] as const)(
  'a schema that throws is reported once, and refuses the change (%s)',
  async (way) => {
    const bug = new Error('the schema is wrong')
    const schema = z.number().refine((division) => {
      if (division === 7) throw bug
      return true
    })
    const fields = defineFields({ division: { schema, default: -1, client: 'write' } })
    const app = await App.start<typeof fields>({ fields })
    const visitor = app.visitor()
    await visitor.store()
    const socket = way === 'socket' ? await visitor.connect() : undefined
    const set = async (value: number): Promise<unknown> => {
      const change = ['division', -1, '', value] as const
      const answer = await (socket?.set(change) ?? (await visitor.store({ set: [change] })).json())
      return (answer as { results: readonly { code?: string }[] }).results[0]?.code
    }
    expect([await set(7), await set(7), await set(8)]).toEqual(['invalid_value', 'invalid_value', undefined])
    expect(app.errors).toEqual([bug])
  },
)
