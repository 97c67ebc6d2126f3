import { describe, expect, it } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { spaceForRegisters } from '../../server/cookie/size.js'
import { cookieBytes } from '../../shared/budget.js'
import type { JsonValue } from '../../shared/json.js'
import type { ChangeResult } from '../../shared/protocol.js'
import { App, appFields } from '../support/app/app.js'
import { Bus } from '../support/app/bus.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { COOKIE_OPTIONS } from '../support/app/cookie-options.js'
import type { ReceivedTicket, TestSocket } from '../support/app/socket.js'

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
async function compute(socket: TestSocket, id: string, over: number, value: JsonValue, ...tickets: readonly string[]) {
  const answer = await socket.exchange({ ...(tickets.length > 0 ? { tickets } : {}), set: [['cart', over, id, value]] })
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
    const again = { stamp: last?.stamp, level }
    expect(await send(socket, ...list)).toEqual([again, again, again])
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
    expect(await send(socket, ['', ['a']], ['', ['b']])).toMatchObject([{ code: 'superseded' }, { code: 'superseded' }])
  })
})
