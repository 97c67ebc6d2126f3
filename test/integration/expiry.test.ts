import { describe, expect, it } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { readTicket } from '../../client/core/tickets.js'
import { App, type AppOptions, appFields } from '../support/app/app.js'
import { longTimers } from '../support/app/long-timers.js'
import { HOUR, MINUTE } from '../support/app/times.js'
import type { Visitor } from '../support/app/visitor.js'
import type { Page } from '../support/page/page.js'

const fields = { ...appFields, cart: { ...appFields.cart, maxAge: HOUR } }
const timers = longTimers()

/** A user's app with carts lasting an hour. */
function start({ options, ...given }: AppOptions<typeof fields> = {}): Promise<App<typeof fields>> {
  return App.start({
    fields,
    routes: async (ctx) => {
      if (ctx.query['cart'] !== undefined) await ctx.liveSession.set('cart', [String(ctx.query['cart'])])
      ctx.body = ctx.liveSession.embed()
    },
    options: { identify: () => 'ann', ...options } as never,
    ...given,
  })
}

async function open(visitor: Visitor): Promise<Page> {
  const page = await visitor.open({ path: '/' })
  await page.connected()
  return page
}

/** An app with a cart written at `stamp`. */
async function begin(given?: AppOptions<typeof fields>) {
  const app = await start(given)
  const ann = app.visitor()
  await ann.fetch('/?cart=a')
  return { app, ann, stamp: app.clock.now() }
}

/** POSTs a change, and returns the result. */
async function result(visitor: Visitor, change: readonly unknown[]): Promise<unknown> {
  return (await (await visitor.store({ set: [change] })).json()).results[0]
}

const shown = ({ live }: Page): unknown[] => [live.get('cart'), live.has('cart'), live.status('cart').status]
const addB = (cart: readonly string[]) => [...cart, 'b']

describe('an expired value', () => {
  it('becomes the default in open and new pages', async () => {
    const { app, ann } = await begin()
    const page = await open(ann)
    const heard: unknown[] = []
    page.live.onChange(({ key, value, source }) => heard.push([key, value, source]))
    // A page's timers of a minute are held.
    app.clock.advance(HOUR - MINUTE)
    for (const each of [page, await open(ann)]) expect(shown(each)).toEqual([['a'], true, 'saved'])
    app.clock.advance(MINUTE)
    timers.end()
    expect(heard).toEqual([['cart', [], 'ticket']])
    for (const each of [page, await open(ann)]) {
      expect(shown(each)).toEqual([[], false, 'saved'])
      expect(each.posts).toEqual([])
    }
  })

  it("does not return with a stale page's update", async () => {
    const { app, ann } = await begin()
    const [page, other] = [await open(ann), await open(ann)]
    app.clock.advance(HOUR)
    const updated = other.shows('cart', ['b'])
    await page.live.update('cart', addB)
    await updated
    expect([page.live.get('cart'), (await open(ann)).live.get('cart')]).toEqual([['b'], ['b']])
  })

  it('does not return with a POSTed update, despite a store', async () => {
    const { app, ann } = await begin({ options: { store: memoryStore() } })
    const page = await ann.open({ path: '/', hasSocket: false })
    app.clock.advance(HOUR)
    await page.live.update('cart', addB)
    expect([page.live.get('cart'), (await open(ann)).live.get('cart')]).toEqual([['b'], ['b']])
  })

  it('does not supersede a resent set', async () => {
    const { app, ann, stamp } = await begin()
    app.clock.advance(HOUR)
    expect(await result(ann, ['cart', stamp, '', ['c']])).toMatchObject({ stamp: app.clock.now() })
  })
})

describe('an update of an expired value', () => {
  it("conflicts with the expiry, then succeeds over the expiry's stamp", async () => {
    const { app, ann, stamp } = await begin()
    app.clock.advance(HOUR)
    expect(await result(ann, ['cart', stamp, 'one', ['a', 'b']])).toEqual({ code: 'conflict', stamp: stamp + 0.5 })
    for (const _ of ['first', 'resent'])
      expect(await result(ann, ['cart', stamp + 0.5, 'one', ['b']])).toMatchObject({ stamp: app.clock.now() })
  })

  it('conflicts even in a process without the value', async () => {
    const { app, stamp } = await begin()
    app.clock.advance(HOUR)
    const ann = (await start({ clock: app.clock })).visitor()
    expect(await result(ann, ['cart', stamp, 'one', ['a', 'b']])).toEqual({ code: 'conflict', stamp: stamp + 0.5 })
    expect(await result(ann, ['cart', stamp + 0.5, 'one', ['b']])).toMatchObject({ stamp: app.clock.now() })
    expect(await result(ann, ['cart', 0, 'two', ['b']])).toMatchObject({ code: 'conflict', value: ['b'] })
  })

  it('is accepted over an old deletion', async () => {
    const { app, ann, stamp } = await begin()
    expect(await result(ann, ['cart', stamp, ''])).toMatchObject({ stamp: stamp + 1 })
    app.clock.advance(HOUR)
    expect(await result(ann, ['cart', stamp + 1, 'one', ['b']])).toMatchObject({ stamp: app.clock.now() })
  })

  it.each([HOUR, 1])('is accepted by a node whose clock is %d ms behind', async (behind) => {
    const { app, stamp, ann } = await begin()
    const there = (await start({ clock: testClock(stamp - behind) })).visitor(ann.cookie)
    app.clock.advance(HOUR)
    expect(await result(there, ['cart', stamp + 0.5, 'one', ['b']])).toMatchObject({ stamp: stamp + 1 })
  })

  it('is malformed if `base` is no stamp', async () => {
    const { ann, stamp } = await begin()
    for (const over of [stamp + 0.25, -0.5, Number.MAX_VALUE, '5', null])
      expect((await ann.store({ set: [['cart', over, 'one', []]] })).status).toBe(400)
  })
})

describe('the expiry of a value', () => {
  it('is in tickets and pages, with the remaining ms', async () => {
    const { app, ann, stamp } = await begin()
    const socket = await ann.connect()
    const endsIn = async (): Promise<unknown> => {
      const { greeting = [] } = (await socket.exchange({ who: 'nobody' })) as { greeting?: readonly string[] }
      return greeting.map(readTicket).flatMap(({ expiries: ends }) => ends)
    }
    expect((await socket.ticket()).claims.expiries).toEqual([['cart', stamp + 0.5, HOUR]])
    app.clock.advance(HOUR - 1)
    expect(await endsIn()).toEqual([['cart', stamp + 0.5, 1]])
    app.clock.advance(1)
    expect(await endsIn()).toEqual([['cart', stamp + 0.5, 0]])
    const html = await ann.text('/')
    expect([html.includes(`"stamps":{"cart":${stamp + 0.5}}`), html.includes('"unsaved"')]).toEqual([true, false])
  })

  it('is in the answer to a ticket with the expired value', async () => {
    const { app, ann, stamp } = await begin()
    const { text } = await (await ann.connect()).ticket()
    app.clock.advance(HOUR)
    const { ticket } = await (await ann.store({ tickets: [text] })).json()
    expect(readTicket(ticket)).toMatchObject({ changes: [], expiries: [['cart', stamp + 0.5, 0]] })
    // The server accepts such a ticket, although it has no changes.
    expect((await ann.store({ tickets: [ticket] })).status).toBe(200)
  })
})
