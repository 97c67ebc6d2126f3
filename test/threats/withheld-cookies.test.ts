import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { account, auth, identify } from '../support/app/auth.js'
import { flashPages, say, takeFlash } from '../support/app/flash-pages.js'
import { as, startWithHeaders } from '../support/app/kinds-of-cookies.js'
import { atScale } from '../support/app/scale.js'
import { set, signedInAs, startWithUsers, values as valuesOf } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const FOREIGN = 'https://bank.example'
const LISTED = 'https://partner.example'
const CROSS = { origin: FOREIGN, 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' }
/** Safe and unsafe methods, because each kind has a rule of its own. */
const METHODS = atScale(['GET', 'POST'], ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'])
const STORES = [
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
] as const

/** Sends a request without the live cookie, and stores the response's cookies, as browsers do. */
async function withhold(
  visitor: Visitor,
  path: string,
  headers: Record<string, string> = CROSS,
  method = 'POST',
): Promise<Response> {
  const response = await fetch(visitor.url + path, { method, headers, redirect: 'manual' })
  for (const cookie of response.headers.getSetCookie()) visitor.jar.setCookieSync(cookie, visitor.url)
  return response
}

/** Returns a visitor with values of the account and of the browser. */
async function visitorOf(app: App, user: string | undefined): Promise<Visitor> {
  const visitor = app.visitor()
  await visitor.fetch('/set/dark', { headers: as(user) })
  return visitor
}

const values = async (visitor: Visitor, user?: string, path = '/'): Promise<unknown> =>
  (await visitor.fetch(path, { headers: as(user) })).json()

describe.each(STORES)('threat 96: a request whose cookie the browser withholds, %s', (_, options) => {
  it.each([
    ['lax', undefined],
    ['lax', 'ann'],
    ['strict', undefined],
    ['strict', 'ann'],
    ['none', undefined],
    ['none', 'ann'],
  ] as const)('gets no cookie, unlike a first request: sameSite %s, user %s', async (sameSite, user) => {
    const app = await startWithHeaders({
      options: { sameSite, origins: [LISTED], ...(sameSite === 'none' ? { secure: true } : {}), ...options() } as never,
    })
    const visitor = app.visitor()
    const wrong: unknown[] = []
    for (const method of METHODS)
      for (const site of ['', 'cross-site', 'same-site', 'same-origin', 'none', 'unknown'])
        for (const origin of ['', FOREIGN, 'null', LISTED, visitor.url]) {
          const headers = {
            ...as(user),
            ...(site === '' ? {} : { 'sec-fetch-site': site }),
            ...(origin === '' ? {} : { origin }),
          }
          const isForeign = site === '' ? [FOREIGN, 'null'].includes(origin) : ['cross-site', 'unknown'].includes(site)
          const isSent = sameSite === 'none' || (sameSite === 'lax' && ['GET', 'HEAD'].includes(method))
          const { headers: answered } = await fetch(`${visitor.url}/snapshot`, { method, headers })
          const isSet = answered.getSetCookie().length > 0
          if (isSet === (isForeign && !isSent)) wrong.push({ method, site, origin, isSet })
        }
    expect(wrong).toEqual([])
  })

  it.each([
    ['a guest', undefined],
    ['a user', 'ann'],
  ])('keeps the cookie, values and sockets of %s', async (_, user) => {
    const app = await startWithHeaders({ options: options() as never })
    const visitor = await visitorOf(app, user)
    const { cookie } = visitor
    const socket = await visitor.connect('/', as(user))
    // Browsers may withhold the app's own session too, so the request may name no user.
    for (const path of ['/', '/embed', '/set', '/dark', '/identify', '/leave', '/leave/embed', '/forget', '/leave/set'])
      for (const named of [undefined, 'ann', 'eve']) {
        const answer = await withhold(visitor, path, { ...CROSS, ...as(named) })
        expect([path, answer.headers.getSetCookie()]).toEqual([path, []])
      }
    expect(visitor.cookie).toBe(cookie)
    expect(await values(visitor, user)).toEqual({ division: 5, theme: 'dark' })
    expect(socket.io.connected).toBe(true)
  })

  it('keeps a cookie with sameSite strict after a link', async () => {
    const app = await startWithHeaders({ options: { sameSite: 'strict', ...options() } as never })
    const visitor = await visitorOf(app, undefined)
    const { cookie } = visitor
    const { origin: _, ...link } = CROSS
    expect(await (await withhold(visitor, '/embed', link, 'GET')).json()).toEqual({ division: -1, theme: 'light' })
    expect(visitor.cookie).toBe(cookie)
    expect(await values(visitor)).toEqual({ division: 5, theme: 'dark' })
  })
})

describe.each(STORES)('threat 96: a sign-in by cross-site POST, %s', (_, options) => {
  it.each(['/login/now?user=ann', '/login?user=ann'])('moves the cart at the next request: %s', async (path) => {
    const app = await startWithUsers({ options: options() as never })
    const visitor = app.visitor()
    await set(visitor, { cart: ['milk', 'tea'], theme: 'dark' })
    const { cookie } = visitor
    const answer = await withhold(visitor, path)
    expect(await answer.json()).toMatchObject({ cart: [], theme: 'light' })
    // Only the app's session cookie is new.
    expect(answer.headers.getSetCookie().filter((one) => one.startsWith('live'))).toEqual([])
    expect(visitor.cookie).toContain(cookie)
    expect(await valuesOf(visitor)).toMatchObject({ cart: ['milk', 'tea'], theme: 'dark' })
    expect(await valuesOf(app.visitor(visitor.cookie))).toMatchObject({ cart: ['milk', 'tea'] })
  })
})

describe.each(STORES)('threat 96: a write in a cross-site request, %s', (_, options) => {
  it('fails for guests and for the browser\u2019s own values', async () => {
    const app = await startWithHeaders({ options: options() as never })
    const visitor = await visitorOf(app, 'ann')
    const answers = [
      await withhold(visitor, '/set'),
      await withhold(visitor, '/dark', { ...CROSS, ...as('ann') }),
      await withhold(visitor, '/identify/dark', { ...CROSS, ...as('ann') }),
      await withhold(visitor, '/leave/set', { ...CROSS, ...as('ann') }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403])
    expect(await answers[0]?.text()).toContain('this request comes from another site')
  })

  it('reaches the account that identify names', async () => {
    const app = await startWithHeaders({ options: options() as never })
    const visitor = app.visitor()
    await visitor.fetch('/embed', { headers: as('ann') })
    expect((await withhold(visitor, '/set', { ...CROSS, ...as('ann') })).status).toBe(200)
    expect(await values(visitor, 'ann')).toMatchObject({ division: 5 })
  })

  it('neither takes nor adds flash messages', async () => {
    const app = await startWithUsers({ routes: flashPages, options: options() as never })
    const visitor = await signedInAs(app)
    await say(visitor, 'saved')
    expect(await (await withhold(visitor, '/flash/take')).json()).toEqual({ taken: [] })
    expect((await withhold(visitor, '/flash/say?what=lure')).status).toBe(403)
    expect(await takeFlash(visitor)).toEqual(['saved'])
  })
})

describe('threat 96: the page of a cross-site request', () => {
  const routes: Koa.Middleware = (ctx) => {
    ctx.body = ctx.liveSession.snapshot()
  }

  it.each([undefined, 'ann'])('names no visitor: user %s', async (user) => {
    const app = await startWithHeaders({ routes })
    const visitor = await visitorOf(app, user)
    const snapshot = await (await withhold(visitor, '/', { ...CROSS, ...as(user) })).json()
    for (const name of ['who', 'guest', 'user', 'held']) expect(snapshot).not.toHaveProperty(name)
  })

  it('hands url values to its script as unapplied, under sameSite strict', async () => {
    const fields = defineFields({ year: { schema: z.number(), default: 0, client: 'write', url: 'year' } })
    const app = await App.start({ fields, routes, options: { sameSite: 'strict' } })
    const { origin: _, ...link } = { ...CROSS, accept: 'text/html' }
    const answer = await withhold(app.visitor(), '/?year=2026', link, 'GET')
    expect(await answer.json()).toMatchObject({
      values: { year: 0 },
      unapplied: { year: 2026 },
      urls: { year: 'year' },
    })
    expect(app.errors).toEqual([])
  })
})

const note = { schema: z.string(), default: '', client: 'write', guests: 'read' } as const

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  theme: { ...note, scope: 'browser' },
  cart: { ...note, url: 'note', onLogin: 'newest' },
  role: { schema: z.string(), default: 'guest' },
})

const start = () =>
  App.start<typeof fields>({
    fields,
    before: (koa) => [auth(koa)],
    options: { identify } as never,
    routes: account as never,
  })

const KEYS = ['cart', 'theme'] as const

describe('threat 81: a field that guests may only read', () => {
  it.each(KEYS)('rejects changes of guests\u2019 pages: %s', async (key) => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.store()
    const page = await visitor.connect()
    expect(await page.change(key, 'planted')).toMatchObject({ code: 'users_only' })
    expect(await page.set([key, 0, 'id-of-an-update', 'planted'])).toMatchObject({ results: [{ code: 'users_only' }] })
    const posted = await visitor.store({
      set: [
        [key, -1, '', 'planted'],
        [key, -1, ''],
      ],
    })
    expect(await posted.json()).toMatchObject({ results: [{ code: 'users_only' }, { code: 'users_only' }] })
    expect(await valuesOf(visitor)).toMatchObject({ [key]: '' })
  })

  it('accepts changes of users\u2019 pages', async () => {
    const app = await start()
    const visitor = await signedInAs(app)
    const page = await visitor.connect()
    for (const key of KEYS) expect(await page.change(key, 'chosen')).toMatchObject({ level: 'memory' })
    expect(await valuesOf(visitor)).toMatchObject({ cart: 'chosen', theme: 'chosen' })
  })

  it('follows the links of users, not of guests', async () => {
    const app = await start()
    const visitor = app.visitor()
    const follow = async () =>
      (await visitor.fetch('/?note=linked', { headers: { 'sec-fetch-dest': 'document' } })).json()
    expect(await follow()).toMatchObject({ cart: '' })
    expect(app.warnings).toEqual(expect.not.arrayContaining([expect.stringContaining('an address')]))
    await visitor.fetch('/login/now?user=ann')
    expect(await follow()).toMatchObject({ cart: 'linked' })
  })

  it('does not move to the account at sign-in, unlike other fields', async () => {
    const app = await start()
    const cookie = cookieFor(app.live, { values: { cart: 'planted', theme: 'planted', division: 4 } } as never)
    const visitor = app.visitor(cookie)
    expect(await valuesOf(visitor)).toMatchObject({ cart: 'planted', theme: 'planted', division: 4 })
    expect(await valuesOf(visitor, '/login/now?user=ann')).toMatchObject({ cart: '', theme: '', division: 4 })
    expect((await app.live.user('ann')).get('cart')).toBe('')
  })

  it('accepts the app\u2019s own changes for guests', async () => {
    const app = await start()
    const visitor = app.visitor()
    expect(await valuesOf(visitor, `/set?values=${encodeURIComponent('{"cart":"welcome"}')}`)).toMatchObject({
      cart: 'welcome',
    })
  })
})
