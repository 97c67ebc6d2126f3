import { describe, expect, it } from '@jest/globals'
import { memoryStore, type TestClock } from 'koa-live-session/testing'
import type { Store } from '../../server/stores/store.js'
import type { App } from '../support/app/app.js'
import { AuthStore } from '../support/app/auth.js'
import { Bus } from '../support/app/bus.js'
import { liveOnly } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { set, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const start = (clock?: TestClock, options: object = {}, store?: AuthStore): Promise<App> =>
  startWithUsers({ ...(clock ? { clock } : {}), ...(store ? { store } : {}), options: options as never })

/** Ann has x in the cart, at home. */
async function atHome(app: App): Promise<Visitor> {
  const home = app.visitor()
  await home.fetch('/login/now?user=ann')
  await set(home, { cart: ['x'] })
  return home
}

/** A guest with y in the cart, as a ticket says that is still in the hands of a page, and no cookie. */
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

/** The cookie of a guest with the session of the app's own that a browser has now: as a late request, or after an answer that was lost. */
const late = (app: App, guest: string, { cookie }: Visitor): Visitor => {
  const session = cookie.split('; ').filter((pair) => pair.startsWith('app'))
  return app.visitor([liveOnly(guest), ...session].join('; '))
}

/** Posts a ticket and sends it over a socket, three times. */
async function bring(visitor: Visitor, ticket: string): Promise<void> {
  for (let time = 0; time < 3; time += 1) {
    const answer = await visitor.store({ tickets: [ticket] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'other_subject', index: 0 } }])
    const socket = await visitor.connect()
    expect(await socket.sendTickets(ticket)).toMatchObject({ ok: false, code: 'other_subject' })
  }
}

describe('threat 44: a ticket of the former guest, where the app adds one cart to the other', () => {
  it('is refused: what it says has come along at the sign-in', async () => {
    const app = await start()
    const { visitor, home, ticket } = await guest(app)
    expect(await values(visitor, '/login/now?user=ann')).toMatchObject({ cart: ['x', 'y'] })
    await bring(visitor, ticket)
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it('is refused where two tabs bring it at once, as the first to come after the sign-in', async () => {
    const app = await start()
    const { visitor, home, ticket } = await guest(app)
    await visitor.fetch('/login/unused?user=ann')
    const answers = await Promise.all([1, 2, 3].map(() => visitor.store({ tickets: [ticket] })))
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403])
    await bring(visitor, ticket)
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it.each(['before the sign-in, which knows nothing of it', 'after the sign-in'])(
    'is refused after a restart %s, and nothing of it reaches the account',
    async (when) => {
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
    },
  )

  it('is refused to a request that still has the guest\u2019s cookie', async () => {
    const app = await start()
    const { visitor, home, ticket } = await guest(app)
    const { cookie } = visitor
    await visitor.fetch('/login/now?user=ann')
    const answer = await late(app, cookie, visitor).store({ tickets: [ticket] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'other_subject' } }])
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it.each(['/logout/leave', '/login/now?user=bob'])(
    'is refused after %s, and to ann when she is back',
    async (path) => {
      const app = await start()
      const { visitor, ticket } = await guest(app)
      await visitor.fetch('/login/now?user=ann')
      await visitor.fetch(path)
      await bring(visitor, ticket)
      await visitor.fetch('/login/now?user=ann')
      await bring(visitor, ticket)
      expect(await cart(visitor)).toEqual(['x', 'y'])
    },
  )
})

describe('threat 44: what a guest has chosen, where the app adds one cart to the other', () => {
  it('comes along once with requests that are under way together, and with those that come later', async () => {
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
  ])('comes along once where the guest\u2019s cookie comes to another node, joined by %s', async (_, isJoined) => {
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

  it('comes along from another node of the same store, which has taken it after this one has looked', async () => {
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

describe('threat 88: sign-ins at once of one guest, at two nodes, where the app adds one cart to the other', () => {
  /** What a guest with y in the cart has brought to ann, who has x: the second node hears last of what is chosen by `isLate`. */
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
    ['of the guest last', (name: string) => name.startsWith('browser:')],
    ['of the account last', (name: string) => name.startsWith('user:')],
  ] as const
  const JOINED = [
    ['an adapter', true],
    ['a store alone', false],
  ] as const
  it.each(JOINED.flatMap(([by, isJoined]) => LATE.map(([what, isLate]) => ({ by, isJoined, what, isLate }))))(
    'bring what the guest has chosen once, joined by $by, where the second node hears $what',
    async ({ isJoined, isLate }) => {
      expect(await signInThrice(isJoined, isLate)).toEqual([1, 2, 3, 4].map(() => ['x', 'y']))
    },
  )
})
