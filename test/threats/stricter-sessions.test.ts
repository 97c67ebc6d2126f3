import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import type { App } from '../support/app/app.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { liveOnly } from '../support/app/departures.js'
import { as, browserOf, isRetired, startWithHeaders } from '../support/app/kinds-of-cookies.js'
import type { Visitor } from '../support/app/visitor.js'

const FOREIGN = 'https://evil.example'
const LISTED = 'https://partner.example'
const STORES = [
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
] as const

/** What browsers send with the live cookie when another site has caused the request. */
const OTHER_SITES = {
  'a link': { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' },
  'an image': { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'image' },
  'a form': { 'sec-fetch-site': 'cross-site', origin: FOREIGN },
  'a form of an older browser': { origin: FOREIGN },
} as const

const PATHS = ['/', '/embed', '/set', '/dark', '/identify', '/leave', '/leave/embed', '/forget', '/leave/set']

/** Starts an app whose session, the header of `as`, may be missing beside the live cookie. */
function start(options: object = {}, routes?: Koa.Middleware): Promise<App> {
  return startWithHeaders({ options: { origins: [LISTED], ...options } as never, ...(routes && { routes }) })
}

/** Returns ann's browser, with values of the account and of the browser. */
async function annIn(app: App): Promise<Visitor> {
  const visitor = app.visitor(liveOnly(cookieFor(app.live, { userId: 'ann', values: { division: 5, theme: 'dark' } })))
  await visitor.fetch('/', { headers: as('ann') })
  return visitor
}

const isEnded = (app: App, visitor: Visitor): boolean => isRetired(app, browserOf(visitor))

const values = async (visitor: Visitor): Promise<unknown> => (await visitor.fetch('/', { headers: as('ann') })).json()

describe.each(STORES)('threat 105: a request of another site without the app’s session, %s', (_, options) => {
  it.each(Object.entries(OTHER_SITES))('keeps the cookie, values and sockets of a user: %s', async (_, headers) => {
    const app = await start(options())
    const visitor = await annIn(app)
    const socket = await visitor.connect('/', as('ann'))
    for (const path of PATHS) {
      const answer = await visitor.fetch(path, { headers })
      expect([path, answer.headers.getSetCookie()]).toEqual([path, []])
    }
    expect(isEnded(app, visitor)).toBe(false)
    expect(socket.io.connected).toBe(true)
    expect(await values(visitor)).toEqual({ division: 5, theme: 'dark' })
    expect(app.errors.map((error) => (error as { code?: string }).code)).not.toContain('superseded')
  })

  it('keeps a cookie with sameSite none after an unseen image', async () => {
    const app = await start({ sameSite: 'none', secure: true, ...options() })
    const cookie = cookieFor(app.live, { userId: 'ann' })
    const headers = { cookie, ...OTHER_SITES['an image'] }
    expect((await fetch(`${app.url}/embed`, { headers })).headers.getSetCookie()).toEqual([])
    const own = await fetch(`${app.url}/snapshot`, { headers: { cookie, ...as('ann') } })
    expect(own.headers.getSetCookie()).toEqual([])
  })

  it('keeps them beside a planted cookie of another user', async () => {
    const app = await start(options())
    const visitor = await annIn(app)
    const planted = liveOnly(cookieFor(app.live, { userId: 'eve' }))
    const both = { cookie: `${planted}; ${visitor.cookie}`, ...OTHER_SITES['a link'] }
    expect((await fetch(`${app.url}/embed`, { headers: both })).headers.getSetCookie()).toEqual([])
    expect(isEnded(app, visitor)).toBe(false)
  })

  it('ends the cookie after a request of an own or listed page', async () => {
    for (const headers of [
      {},
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'cross-site', origin: LISTED },
    ]) {
      const app = await start(options())
      const visitor = await annIn(app)
      const { cookie } = visitor
      await visitor.fetch('/embed', { headers })
      expect(isEnded(app, app.visitor(cookie))).toBe(true)
      expect(cookieContent(visitor).user).toBeUndefined()
    }
  })

  it('serves a page that names no visitor', async () => {
    const app = await start(options(), (ctx) => {
      ctx.body = ctx.liveSession.snapshot()
    })
    const visitor = await annIn(app)
    const snapshot = await (await visitor.fetch('/', { headers: OTHER_SITES['a link'] })).json()
    expect(snapshot).toMatchObject({ values: { division: -1, theme: 'light' } })
    for (const name of ['who', 'guest', 'user', 'persisted']) expect(snapshot).not.toHaveProperty(name)
  })
})

describe.each(STORES)('threat 105: a sign-in in a request of another site, %s', (_, options) => {
  /** The return from a provider, which names the user in the route. */
  const callback: Koa.Middleware = async (ctx) => {
    const { user } = ctx.query
    if (user !== undefined) {
      ctx.req.headers['x-user'] = String(user)
      await ctx.liveSession.identify()
      await ctx.liveSession.flash('signed in')
    }
    ctx.body = { division: ctx.liveSession.get('division'), theme: ctx.liveSession.get('theme') }
  }

  it('of the cookie’s own user continues with her cookie', async () => {
    const app = await start(options(), callback)
    const visitor = await annIn(app)
    const before = browserOf(visitor)
    const answer = await visitor.fetch('/?user=ann', { headers: OTHER_SITES['a link'] })
    expect(await answer.json()).toEqual({ division: 5, theme: 'dark' })
    expect(browserOf(visitor)).toBe(before)
    expect(isEnded(app, visitor)).toBe(false)
  })

  it('of another user ends the cookie', async () => {
    const app = await start(options(), callback)
    const visitor = await annIn(app)
    const { cookie } = visitor
    const answer = await visitor.fetch('/?user=eve', { headers: OTHER_SITES['a link'] })
    expect(await answer.json()).toEqual({ division: -1, theme: 'dark' })
    expect(isEnded(app, app.visitor(cookie))).toBe(true)
    expect(cookieContent(visitor).user).not.toBe(cookieContent(app.visitor(cookie)).user)
  })
})
