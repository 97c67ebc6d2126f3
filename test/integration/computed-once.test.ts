import { describe, expect, it } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import type { StoredRow } from '../../server/stores/store.js'
import type { JsonValue } from '../../shared/json.js'
import type { SyncAnswer } from '../../shared/protocol.js'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { Bus } from '../support/app/bus.js'
import type { TestSocket } from '../support/app/socket.js'

const MINUTE = 60 * 1000

/** Processes of one user, which share a clock and what they are given. */
function site(given: AppOptions<AppFields>['options'] = {}) {
  const clock = testClock()
  const options = { identify: () => 'ann', ...given } as never
  const start = async (bus?: Bus): Promise<App> => {
    const app = await App.start({
      clock,
      options,
      routes: async (ctx) => {
        ctx.body = ctx.liveSession.snapshot()
      },
    })
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

/** Sends a computed change, as a page does where it had no answer. */
async function compute(
  socket: TestSocket,
  id: string,
  over: number,
  value: JsonValue,
  tickets: readonly string[] = [],
) {
  const answer = await socket.sync({ ...(tickets.length > 0 ? { tickets } : {}), set: [['cart', over, id, value]] })
  if (!('results' in answer)) throw new Error(answer.code)
  return { ...(answer satisfies SyncAnswer), result: answer.results[0] }
}

describe('a computed change that is sent again', () => {
  it('was taken, and is not taken again', async () => {
    const { start } = site()
    const socket = await connect(await start())
    const { result } = await compute(socket, 'one', 0, ['a'])
    const other = await compute(socket, 'two', Number(result?.stamp), ['a', 'b'])
    expect((await compute(socket, 'one', 0, ['a'])).result).toEqual(result)
    expect((await compute(socket, 'two', Number(result?.stamp), ['a', 'b'])).result).toEqual(other.result)
  })

  it('was taken also where it was computed anew over what came after it', async () => {
    const { start } = site()
    const socket = await connect(await start())
    const { result } = await compute(socket, 'one', 0, ['a'])
    expect((await compute(socket, 'one', Number(result?.stamp), ['a', 'a'])).result).toEqual(result)
  })

  it('was taken also where a plain write, or a deletion, came after it', async () => {
    const { start } = site()
    const app = await start()
    const socket = await connect(app)
    const { result } = await compute(socket, 'one', 0, ['a'])
    const ann = await app.live.user('ann')
    await ann.set('cart', ['x'])
    expect((await compute(socket, 'one', 0, ['a'])).result).toEqual(result)
    await ann.delete('cart')
    expect((await compute(socket, 'one', 0, ['a'])).result).toEqual(result)
  })

  it('is refused with what stands two minutes later: nothing is known of it any more', async () => {
    const { start, clock } = site()
    const app = await start()
    const socket = await connect(app)
    await compute(socket, 'one', 0, ['a'])
    clock.advance(2 * MINUTE)
    await (await app.live.user('ann')).set('cart', ['x'])
    expect((await compute(socket, 'one', 0, ['a'])).result).toMatchObject({ code: 'conflict', value: ['x'] })
  })

  it('was taken by another process, which an adapter connects', async () => {
    const { start } = site()
    const bus = new Bus()
    const [one, two] = [await start(bus), await start(bus)]
    const [here, there] = [await connect(one), await connect(two)]
    const { result } = await compute(here, 'one', 0, ['a'])
    await there.ticket()
    expect((await compute(there, 'one', 0, ['a'])).result).toEqual(result)
  })

  it('is stored by a process that has heard of it from one that keeps it in memory alone', async () => {
    const store = memoryStore()
    const bus = new Bus()
    // As a process of an earlier build takes it while the store is silent.
    const one = await site().start(bus)
    const two = await site({ store } as never).start(bus)
    const [here, there] = [await connect(one), await connect(two)]
    const { result } = await compute(here, 'one', 0, ['a'])
    expect(result).toMatchObject({ level: 'memory' })
    await there.ticket()
    expect((await compute(there, 'one', 0, ['a'])).result).toEqual({ ...result, level: 'store' })
    expect(await store.load('user:s:ann')).toMatchObject([{ key: 'cart', value: ['a'] }])
  })

  it('was taken by a process that has been killed, as the ticket says that the browser brings', async () => {
    const { start } = site()
    const before = await start()
    const { result, ticket = '' } = await compute(await connect(before), 'one', 0, ['a'])
    await before.stop({ isCrash: true })
    const socket = await connect(await start())
    expect((await compute(socket, 'one', 0, ['a'], [ticket])).result).toEqual(result)
  })

  it('was taken by a process that has been killed, as the ticket says, also where the cookie had the value before', async () => {
    const { start } = site()
    const before = await start()
    const visitor = before.visitor()
    await visitor.fetch('/')
    const here = await visitor.connect()
    const { result, ticket = '' } = await compute(here, 'one', 0, ['a'])
    await visitor.store({ tickets: [ticket] })
    expect(visitor.cookie).toContain('live=')
    await before.stop({ isCrash: true })
    const socket = await (await start()).visitor(visitor.cookie).connect()
    expect((await compute(socket, 'two', 0, ['b'])).result).toMatchObject({ code: 'conflict', value: ['a'] })
    expect((await compute(socket, 'one', 0, ['a'], [ticket])).result).toEqual(result)
  })

  it('was taken by a process that has been killed, as the store says', async () => {
    const { start } = site({ store: memoryStore() } as never)
    const before = await start()
    const { result } = await compute(await connect(before), 'one', 0, ['a'])
    expect(result).toMatchObject({ level: 'store' })
    await before.stop({ isCrash: true })
    const socket = await connect(await start())
    expect((await compute(socket, 'one', 0, ['a'])).result).toEqual(result)
  })

  it('is known to the process alone, where the store keeps no ids', async () => {
    const store = memoryStore()
    const plain = ({ key, stamp, value }: StoredRow): StoredRow => ({ key, stamp, value })
    const forgetful = {
      ...store,
      compareAndSet: (...[name, row, expected]: Parameters<typeof store.compareAndSet>) =>
        store.compareAndSet(name, plain(row), expected),
      merge: (...[name, rows]: Parameters<typeof store.merge>) => store.merge(name, rows.map(plain)),
    }
    const { start } = site({ store: forgetful } as never)
    const before = await start()
    const here = await connect(before)
    const { result } = await compute(here, 'one', 0, ['a'])
    expect((await compute(here, 'one', 0, ['a'])).result).toEqual(result)
    await before.stop()
    const socket = await connect(await start())
    expect((await compute(socket, 'one', 0, ['a'])).result).toMatchObject({ code: 'conflict', value: ['a'] })
  })
})

describe('the ids of computed changes', () => {
  it('are in the tickets of those fields, and in no cookie', async () => {
    const { start } = site()
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/')
    const socket = await visitor.connect()
    const { result, ticket = '' } = await compute(socket, 'one', 0, ['a'])
    await visitor.store({ tickets: [ticket] })
    const other = await visitor.connect()
    await other.greeted
    const { claims } = await other.ticket()
    expect(claims.ids).toEqual({ cart: [['one', result?.stamp]] })
    const { r = [] } = JSON.parse(Buffer.from(/live=([^;]*)/.exec(visitor.cookie)?.[1] ?? '', 'base64').toString())
    expect(r).toEqual([['cart', result?.stamp, ['a']]])
  })
})

describe('several changes of one key', () => {
  const taken = { stamp: expect.any(Number), level: 'memory' }
  const conflict = (value: JsonValue) => ({ code: 'conflict', stamp: expect.any(Number), value })

  /** Sends a list of changes, as a page does that was left with them. */
  async function send(socket: TestSocket, ...list: readonly (readonly [id: string, value: JsonValue])[]) {
    const answer = await socket.sync({ set: list.map(([id, value]) => ['cart', 0, id, value]) })
    return 'results' in answer ? answer.results : answer
  }

  const [A, AB, ABC] = [
    ['one', ['a']],
    ['two', ['a', 'b']],
    ['three', ['a', 'b', 'c']],
  ] as const

  it.each(['nowhere', 'in a store'])('are a list, each computed over the one before it: kept %s', async (place) => {
    const { start } = site(place === 'nowhere' ? {} : { store: memoryStore() })
    const app = await start()
    const socket = await connect(app)
    const level = place === 'nowhere' ? 'memory' : 'store'
    expect(await send(socket, A, AB, ABC)).toEqual([1, 2, 3].map(() => ({ ...taken, level })))
    expect((await app.live.user('ann')).get('cart')).toEqual(['a', 'b', 'c'])
  })

  it.each(['nowhere', 'in a store'])(
    'count once each, however many of them had arrived before: kept %s',
    async (place) => {
      const { start } = site(place === 'nowhere' ? {} : { store: memoryStore() })
      const app = await start()
      const socket = await connect(app)
      const [first] = (await send(socket, A)) as readonly unknown[]
      const all = (await send(socket, A, AB, ABC)) as readonly unknown[]
      expect(all[0]).toEqual(first)
      expect(await send(socket, A, AB, ABC)).toEqual(all)
      expect(await send(socket, AB)).toEqual([all[1]])
      expect((await app.live.user('ann')).get('cart')).toEqual(['a', 'b', 'c'])
    },
  )

  it('go over nothing that another has written, before, between or after them', async () => {
    const { start } = site()
    const app = await start()
    const ann = await app.live.user('ann')
    const socket = await connect(app)
    await ann.set('cart', ['x'])
    expect(await send(socket, A, AB)).toEqual([conflict(['x']), conflict(['x'])])
    const { result } = await compute(socket, 'one', (await ann.set('cart', [])).stamp, ['a'])
    await ann.set('cart', ['a', 'y'])
    expect(await send(socket, A, AB)).toEqual([result, conflict(['a', 'y'])])
  })

  it('go over nothing that the page has computed in another way since', async () => {
    const { start } = site()
    const app = await start()
    const ann = await app.live.user('ann')
    const socket = await connect(app)
    const { stamp } = await ann.set('cart', ['x'])
    // The page itself has computed the first anew; another one still has what it was before.
    const { result } = await compute(socket, 'one', stamp, ['x', 'a'])
    expect(await send(socket, A, AB)).toEqual([result, conflict(['x', 'a'])])
  })

  it('are not taken without the one before them', async () => {
    const { start } = site()
    const socket = await connect(await start())
    const results = await send(socket, ['one', 7 as never], AB)
    expect(results).toEqual([{ code: 'invalid_value' }, { code: 'conflict', stamp: 0 }])
  })

  it('are plain ones too, of which the last stands', async () => {
    const { start } = site()
    const app = await start()
    const socket = await connect(app)
    await send(socket, ['', ['a']])
    expect(await send(socket, ['', ['a']], ['', ['b']])).toEqual([taken, taken])
    expect((await app.live.user('ann')).get('cart')).toEqual(['b'])
    await (await app.live.user('ann')).set('cart', ['x'])
    expect(await send(socket, ['', ['a']], ['', ['b']])).toMatchObject([{ code: 'superseded' }, { code: 'superseded' }])
  })
})

describe('a computed change that another process has taken', () => {
  it('is known by the store, where a cookie has brought its value before the other process has told', async () => {
    const store = memoryStore()
    const { start } = site({ store })
    const [one, two] = [await start(), await start()]
    const there = two.visitor()
    await there.fetch('/')
    const late = await there.connect()
    // The second process has asked the store before the first one takes the change, and hears of it by the cookie alone.
    const here = one.visitor(there.cookie)
    const { result, ticket = '' } = await compute(await here.connect(), 'one', 0, ['a'])
    await here.store({ tickets: [ticket] })
    await two.visitor(here.cookie).fetch('/')
    expect((await compute(late, 'one', 0, ['a'])).result).toEqual(result)
  })
})
