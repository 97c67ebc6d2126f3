import { describe, expect, it } from '@jest/globals'
import { memoryStore, type TestClock } from 'koa-live-session/testing'
import type { Store } from '../../server/types/store.js'
import type { App } from '../support/app/app.js'
import { AuthStore } from '../support/app/auth.js'
import { Bus } from '../support/app/bus.js'
import { appOnly, liveOnly } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { set, signedInAs, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const start = (clock?: TestClock, options: object = {}, store?: AuthStore): Promise<App> =>
  startWithUsers({ ...(clock ? { clock } : {}), ...(store ? { store } : {}), options: options as never })

/** Signs ann in at home, with x in her cart. */
async function atHome(app: App): Promise<Visitor> {
  const home = await signedInAs(app)
  await set(home, { cart: ['x'] })
  return home
}

/** A guest whose cart has y in a ticket alone, not in a cookie. */
async function guest(app: App) {
  const home = await atHome(app)
  const visitor = app.visitor()
  await visitor.store()
  const socket = await visitor.connect()
  await socket.ticket()
  app.clock.advance(1)
  await socket.change('cart', ['y'])
  return { visitor, home, ticket: (await socket.ticket()).text }
}

const cart = async (visitor: Visitor): Promise<unknown> => (await values(visitor))['cart']

/** Returns a visitor for a late request, with the guest's cookie beside the current app session. */
const late = (app: App, guest: string, { cookie }: Visitor): Visitor => {
  const session = appOnly(cookie)
  return app.visitor([liveOnly(guest), ...session].join('; '))
}

/** Sends a ticket three times by POST and by socket, and expects refusals. */
async function bring(visitor: Visitor, ticket: string): Promise<void> {
  for (let time = 0; time < 3; time += 1) {
    const answer = await visitor.store({ tickets: [ticket] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'other_visitor', index: 0 } }])
    const socket = await visitor.connect()
    expect(await socket.sendTickets(ticket)).toMatchObject({ ok: false, code: 'other_visitor' })
  }
}

describe('threat 44: a former guest\u2019s ticket with an onLogin that joins', () => {
  it('fails after the sign-in', async () => {
    const app = await start()
    const { visitor, home, ticket } = await guest(app)
    expect(await values(visitor, '/login/now?user=ann')).toMatchObject({ cart: ['x', 'y'] })
    await bring(visitor, ticket)
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it('fails for parallel tabs right after the sign-in', async () => {
    const app = await start()
    const { visitor, home, ticket } = await guest(app)
    await visitor.fetch('/login/unused?user=ann')
    const answers = await Promise.all([1, 2, 3].map(() => visitor.store({ tickets: [ticket] })))
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403])
    await bring(visitor, ticket)
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it.each(['before the sign-in', 'after the sign-in'])('fails if the server restarts %s', async (when) => {
    const before = await start()
    const { visitor, home, ticket } = await guest(before)
    const isKnown = when === 'after the sign-in'
    if (isKnown) await visitor.fetch('/login/now?user=ann')
    await before.stop({ isCrash: true })
    const app = await start(before.clock)
    const [same, there] = [app.visitor(visitor.cookie), app.visitor(home.cookie)]
    await cart(there)
    await same.fetch('/login/now?user=ann')
    await bring(same, ticket)
    const expected = isKnown ? ['x', 'y'] : ['x']
    for (const browser of [same, there]) expect(await cart(browser)).toEqual(expected)
  })
})

describe('threat 44: a guest\u2019s cart with an onLogin that joins', () => {
  it('joins the account once in parallel and late requests', async () => {
    const app = await start()
    const home = await atHome(app)
    const visitor = app.visitor()
    await set(visitor, { cart: ['y'] })
    const { cookie } = visitor
    await visitor.fetch('/login?user=ann')
    const ways = ['/', '/login/now?user=ann', '/'].map((path) => values(late(app, cookie, visitor), path))
    for (const { cart } of await Promise.all(ways)) expect(cart).toEqual(['x', 'y'])
    expect(await cart(late(app, cookie, visitor))).toEqual(['x', 'y'])
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it.each([
    ['an adapter', true],
    ['a store alone', false],
  ])('joins the account once at two nodes with %s', async (_, isJoined) => {
    const [options, sessions] = [{ store: memoryStore() }, new AuthStore()]
    const one = await start(undefined, options, sessions)
    const two = await start(one.clock, options, sessions)
    const bus = new Bus()
    if (isJoined) for (const { io } of [one, two]) bus.join(io)
    const home = await atHome(one)
    const visitor = one.visitor()
    await set(visitor, { cart: ['y'] })
    const { cookie } = visitor
    await cart(two.visitor(cookie))
    expect(await values(visitor, '/login/now?user=ann')).toMatchObject({ cart: ['x', 'y'] })
    expect(await cart(late(two, cookie, visitor))).toEqual(['x', 'y'])
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it('joins the account even if another node wrote that cart', async () => {
    const [options, sessions] = [{ store: memoryStore() }, new AuthStore()]
    const one = await start(undefined, options, sessions)
    const two = await start(one.clock, options, sessions)
    const home = await atHome(one)
    const visitor = one.visitor()
    await visitor.store()
    await cart(visitor)
    await set(two.visitor(visitor.cookie), { cart: ['y'] })
    expect(await values(visitor, '/login/now?user=ann')).toMatchObject({ cart: ['x', 'y'] })
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })
})

describe('threat 88: parallel sign-ins of a guest at two nodes', () => {
  /** Returns ann's cart after each of three sign-ins of a guest, and at home; the second node loads some names late. */
  async function signInThrice(isJoined: boolean, isLate: (name: string) => boolean): Promise<readonly unknown[]> {
    const [store, sessions] = [memoryStore(), new AuthStore()]
    const gate = new Gate()
    let isHolding = false
    const second: Store = {
      ...store,
      load: async (name) => {
        if (isHolding && isLate(name)) await gate.pass()
        return store.load(name)
      },
    }
    const one = await start(undefined, { store }, sessions)
    const two = await start(one.clock, { store: second }, sessions)
    const bus = new Bus()
    if (isJoined) for (const { io } of [one, two]) bus.join(io)
    const home = await atHome(one)
    const visitor = one.visitor()
    await set(visitor, { cart: ['y'] })
    const signIn = async (app: App) => (await values(app.visitor(visitor.cookie), '/login/now?user=ann'))['cart']
    isHolding = true
    const others = [signIn(two), signIn(two)]
    await gate.entered
    const first = await signIn(one)
    gate.open()
    return [first, ...(await Promise.all(others)), await cart(home)]
  }

  const LATE = [
    ['the guest', (name: string) => name.startsWith('browser:')],
    ['the account', (name: string) => name.startsWith('user:')],
  ] as const
  const JOINED = [
    ['an adapter', true],
    ['a store alone', false],
  ] as const
  it.each(JOINED.flatMap(([by, isJoined]) => LATE.map(([what, isLate]) => ({ by, isJoined, what, isLate }))))(
    'join the cart once with $by, though one node loads $what late',
    async ({ isJoined, isLate }) => {
      expect(await signInThrice(isJoined, isLate)).toEqual([1, 2, 3, 4].map(() => ['x', 'y']))
    },
  )
})
