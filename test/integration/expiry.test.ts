import { describe, expect, it } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { readTicket } from '../../client/ticket.js'
import { App, type AppOptions, appFields } from '../support/app/app.js'
import { longTimers } from '../support/app/long-timers.js'
import type { Visitor } from '../support/app/visitor.js'
import type { Page } from '../support/page/page.js'

const HOUR = 60 * 60_000
const fields = { ...appFields, cart: { ...appFields.cart, maxAge: HOUR } }
const timers = longTimers()

function add(item: string): (cart: readonly string[]) => readonly string[] {
  return (cart) => [...cart, item]
}

/** One user's app, whose carts last for an hour. */
function start(given: AppOptions<typeof fields> = {}): Promise<App<typeof fields>> {
  return App.start({
    fields,
    routes: async (ctx) => {
      if (ctx.query['cart'] !== undefined) await ctx.liveSession.set('cart', [String(ctx.query['cart'])])
      ctx.body = ctx.liveSession.embed()
    },
    options: { identify: () => 'ann' } as never,
    ...given,
  })
}

async function open(visitor: Visitor): Promise<Page> {
  const page = await visitor.open({ path: '/' })
  await page.connected()
  return page
}

/** An app with a cart that was written at `stamp`, and an open page of it. */
async function begin(given?: AppOptions<typeof fields>) {
  const app = await start(given)
  const ann = app.visitor()
  await ann.fetch('/?cart=a')
  const page = await open(ann)
  const stamp = app.clock.now()
  return { app, ann, page, stamp }
}

/** What becomes of one change in a POST. */
async function result(visitor: Visitor, change: readonly unknown[]): Promise<unknown> {
  return (await (await visitor.store({ set: [change] })).json()).results[0]
}

describe('a value past its field’s own `maxAge`', () => {
  it('is the default in an open page, as in a new one', async () => {
    const { app, ann, page } = await begin()
    const heard: unknown[] = []
    page.live.onChange(({ key, value, source }) => heard.push([key, value, source]))
    app.clock.advance(HOUR - 1)
    expect([page.live.get('cart'), (await open(ann)).live.get('cart')]).toEqual([['a'], ['a']])
    app.clock.advance(1)
    timers.end()
    expect([page.live.get('cart'), page.live.has('cart'), page.live.status('cart').status]).toEqual([
      [],
      false,
      'saved',
    ])
    expect(heard).toEqual([['cart', [], 'ticket']])
    const next = await open(ann)
    expect([next.live.get('cart'), next.live.has('cart'), next.live.status('cart').status]).toEqual([
      [],
      false,
      'saved',
    ])
    expect([page.posts, next.posts]).toEqual([[], []])
  })

  it('is the default in a page whose timers stood still, once it is greeted', async () => {
    const { app, page } = await begin()
    app.clock.advance(HOUR)
    page.socket.disconnect()
    await page.comeBack()
    expect([page.live.get('cart'), page.live.status('cart').status, page.posts]).toEqual([[], 'saved', []])
  })

  it('does not come back with what a page computes that has not heard of its end', async () => {
    const { app, ann, page } = await begin()
    const other = await open(ann)
    app.clock.advance(HOUR)
    const shown = other.shows('cart', ['b'])
    await page.live.update('cart', add('b') as never)
    await shown
    expect([page.live.get('cart'), (await open(ann)).live.get('cart')]).toEqual([['b'], ['b']])
  })

  it('does not come back without a socket either, nor from a store', async () => {
    const { app, ann } = await begin({ options: { identify: () => 'ann', store: memoryStore() } as never })
    const page = await ann.open({ path: '/', hasSocket: false })
    app.clock.advance(HOUR)
    await page.live.update('cart', add('b') as never)
    expect([page.live.get('cart'), (await open(ann)).live.get('cart')]).toEqual([['b'], ['b']])
  })

  it('does not stand in the way of a value that is set, also in a POST that may have been lost', async () => {
    const { app, ann, stamp } = await begin()
    app.clock.advance(HOUR)
    expect(await result(ann, ['cart', stamp, '', ['c']])).toMatchObject({ stamp: app.clock.now() })
  })
})

describe('what a page computed over an expired value', () => {
  it('is refused with the end of that value, and is taken over that', async () => {
    const { app, ann, stamp } = await begin()
    app.clock.advance(HOUR)
    expect(await result(ann, ['cart', stamp, 'one', ['a', 'b']])).toEqual({ code: 'conflict', stamp: stamp + 0.5 })
    expect(await result(ann, ['cart', stamp + 0.5, 'one', ['b']])).toMatchObject({ stamp: app.clock.now() })
    expect(await result(ann, ['cart', stamp + 0.5, 'one', ['b']])).toMatchObject({ stamp: app.clock.now() })
  })

  it('is refused also where the process has never heard of that value', async () => {
    const { app, stamp } = await begin()
    app.clock.advance(HOUR)
    const next = await start({ clock: app.clock })
    const ann = next.visitor()
    expect(await result(ann, ['cart', stamp, 'one', ['a', 'b']])).toEqual({ code: 'conflict', stamp: stamp + 0.5 })
    expect(await result(ann, ['cart', stamp + 0.5, 'one', ['b']])).toMatchObject({ stamp: app.clock.now() })
    expect(await result(ann, ['cart', 0, 'two', ['b']])).toMatchObject({ code: 'conflict', value: ['b'] })
  })

  it('is taken over its deletion, however long ago that was', async () => {
    const { app, ann, stamp } = await begin()
    expect(await result(ann, ['cart', stamp, ''])).toMatchObject({ stamp: stamp + 1 })
    app.clock.advance(HOUR)
    expect(await result(ann, ['cart', stamp + 1, 'one', ['b']])).toMatchObject({ stamp: app.clock.now() })
  })

  it.each([HOUR, 1])(
    'is taken by a node whose clock is %d ms behind, over the end that it has not seen',
    async (behind) => {
      const { app, stamp, ann } = await begin()
      const clock = testClock(stamp - behind)
      const two = await start({ clock })
      const there = two.visitor(ann.cookie)
      app.clock.advance(HOUR)
      expect(await result(there, ['cart', stamp + 0.5, 'one', ['b']])).toMatchObject({ stamp: stamp + 1 })
    },
  )

  it('is malformed where `over` is no stamp', async () => {
    const { ann, stamp } = await begin()
    for (const over of [stamp + 0.25, -0.5, Number.MAX_VALUE, '5', null])
      expect((await ann.store({ set: [['cart', over, 'one', []]] })).status).toBe(400)
  })
})

describe('the end of a value', () => {
  it('is in tickets and pages, with the ms until then', async () => {
    const { app, ann, stamp } = await begin()
    const socket = await ann.connect()
    const endsIn = async (): Promise<unknown> => {
      const { greeting = [] } = (await socket.sync({ who: 'nobody' })) as { greeting?: readonly string[] }
      return greeting.map(readTicket).flatMap(({ ends }) => ends)
    }
    expect((await socket.ticket()).claims.ends).toEqual([['cart', stamp + 0.5, HOUR]])
    app.clock.advance(HOUR - 1)
    expect(await endsIn()).toEqual([['cart', stamp + 0.5, 1]])
    app.clock.advance(1)
    expect(await endsIn()).toEqual([['cart', stamp + 0.5, 0]])
    const html = await ann.text('/')
    expect([html.includes(`"stamps":{"cart":${stamp + 0.5}}`), html.includes('"unsaved"')]).toEqual([true, false])
  })

  it('is told of a ticket that a page brings after it', async () => {
    const { app, ann, stamp } = await begin()
    const socket = await ann.connect()
    const { text } = await socket.ticket()
    app.clock.advance(HOUR)
    const { ticket } = await (await ann.store({ tickets: [text] })).json()
    expect(readTicket(ticket)).toMatchObject({ changes: [], ends: [['cart', stamp + 0.5, 0]] })
    // Such a ticket is good, although it brings nothing.
    expect((await ann.store({ tickets: [ticket] })).status).toBe(200)
  })
})
