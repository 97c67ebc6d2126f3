import { describe, expect, it } from '@jest/globals'
import { emptyCache, type TestClock } from 'koa-live-session/testing'
import type { App } from '../support/app.js'
import { liveOnly } from '../support/departures.js'
import { cookieContent, nameOf, set, startWithUsers, values } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

const HOUR = 60 * 60 * 1000

const start = (clock?: TestClock, options: object = {}): Promise<App> =>
  startWithUsers({ ...(clock ? { clock } : {}), options: options as never })

/** A guest with y in the cart, as a ticket says that is still in the hands of a page. Ann has x. */
async function guest(app: App) {
  const home = app.visitor()
  await home.fetch('/login/now?user=ann')
  await set(home, { cart: ['x'] })
  const visitor = app.visitor()
  await visitor.store()
  const socket = await visitor.connect()
  await socket.ticket()
  app.clock.advance(1)
  await socket.set(['cart', -1, ['y']])
  return { visitor, home, ticket: (await socket.ticket()).text }
}

/** The same, once ann has signed in there. */
async function signedIn(app: App) {
  const given = await guest(app)
  expect(await values(given.visitor, '/login/now?user=ann')).toMatchObject({ cart: ['x', 'y'] })
  return given
}

const post = async (visitor: Visitor, ...tickets: string[]): Promise<number> =>
  (await visitor.store({ tickets })).status
const cart = async (visitor: Visitor): Promise<unknown> => (await values(visitor))['cart']

describe('threat 44: a ticket of the former guest, where the app adds one cart to the other', () => {
  it('crosses once, however often it is posted, by POST and over a socket', async () => {
    const app = await start()
    const { visitor, home, ticket } = await signedIn(app)
    for (let time = 0; time < 3; time += 1) {
      expect(await post(visitor, ticket, ticket)).toBe(200)
      const socket = await visitor.connect()
      expect(await socket.sendTickets(ticket, ticket)).toEqual({ ok: true })
    }
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it('crosses once where two tabs bring it at once, as the first to come after the sign-in', async () => {
    const app = await start()
    const { visitor, home, ticket } = await guest(app)
    await visitor.fetch('/login/unused?user=ann')
    expect(await Promise.all([post(visitor, ticket), post(visitor, ticket), post(visitor, ticket)])).toEqual(
      Array(3).fill(200),
    )
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it.each(['a restart', 'another node with the same keys'])('has crossed before %s', async (what) => {
    const app = await start()
    const { visitor, home, ticket } = await signedIn(app)
    if (what === 'a restart') await app.stop({ isCrash: true })
    const other = await start(app.clock)
    const [same, there] = [other.visitor(visitor.cookie), other.visitor(home.cookie)]
    expect(await post(same, ticket)).toBe(200)
    const socket = await same.connect()
    expect(await socket.sendTickets(ticket)).toEqual({ ok: true })
    for (const browser of [same, there, same]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it('crosses after a restart where nothing knew of it at the sign-in, and once more nowhere', async () => {
    const before = await start()
    const { visitor, home, ticket } = await guest(before)
    await before.stop({ isCrash: true })
    const app = await start(before.clock)
    const [same, there] = [app.visitor(visitor.cookie), app.visitor(home.cookie)]
    await cart(there)
    expect(await values(same, '/login/now?user=ann')).toMatchObject({ cart: ['x'] })
    expect(cookieContent(same).former).toEqual([nameOf(visitor), 0, expect.any(Number)])
    expect(await post(same, ticket)).toBe(200)
    expect(cookieContent(same).former).toEqual([nameOf(visitor), before.clock.now(), expect.any(Number)])
    const last = await start(before.clock)
    const again = last.visitor(same.cookie)
    expect(await post(again, ticket)).toBe(200)
    for (const browser of [again, last.visitor(there.cookie), same, there])
      expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it('is refused after two idle hours', async () => {
    const app = await start()
    const { visitor, home, ticket } = await signedIn(app)
    const open = await visitor.connect()
    app.clock.advance(2 * HOUR)
    expect(await post(visitor, ticket)).toBe(403)
    for (const socket of [open, await visitor.connect()])
      expect(await socket.sendTickets(ticket)).toEqual({ ok: false, code: 'other_subject' })
    await visitor.store()
    expect(cookieContent(visitor)).not.toHaveProperty('former')
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it('is refused after two hours also to a request that still has the guest\u2019s cookie', async () => {
    const app = await start()
    const { visitor, home, ticket } = await guest(app)
    const old = liveOnly(visitor.cookie)
    await visitor.fetch('/login/now?user=ann')
    const session = visitor.cookie.split('; ').filter((pair) => pair.startsWith('app'))
    app.clock.advance(2 * HOUR)
    for (const body of [{}, { tickets: [ticket] }, { set: [['division', -1, 1]] }, { tickets: [ticket] }]) {
      const late = app.visitor([old, ...session].join('; '))
      expect((await late.store(body)).status).toBe('tickets' in body ? 403 : 200)
      expect(await post(late, ticket)).toBe(403)
    }
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it('has crossed before memory forgets it', async () => {
    const app = await start(undefined, { cache: { maxSubjects: 10 } })
    const { visitor, home, ticket } = await signedIn(app)
    for (let i = 0; i < 40; i += 1) {
      const other = app.visitor()
      await set(other, { cart: [`${i}`] })
      await other.fetch(`/login/now?user=${i}`)
    }
    emptyCache(app.live)
    expect(await post(visitor, ticket)).toBe(200)
    for (const browser of [visitor, home]) expect(await cart(browser)).toEqual(['x', 'y'])
  })

  it('is worth nothing once the user has signed out, and in again', async () => {
    const app = await start()
    const { visitor, ticket } = await signedIn(app)
    await visitor.fetch('/logout/leave')
    expect(await post(visitor, ticket)).toBe(403)
    await visitor.fetch('/login/now?user=ann')
    expect(await post(visitor, ticket)).toBe(403)
    expect(await cart(visitor)).toEqual(['x', 'y'])
  })
})
