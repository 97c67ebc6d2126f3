import { describe, expect, it } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import type { StoredRow } from '../../server/stores/store.js'
import type { JsonValue } from '../../shared/json.js'
import type { SyncAnswer } from '../../shared/protocol.js'
import { App, type AppFields, type AppOptions } from '../support/app.js'
import { Bus } from '../support/bus.js'
import type { TestSocket } from '../support/socket.js'

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
