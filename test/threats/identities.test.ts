import { describe, expect, it } from '@jest/globals'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { AuthStore } from '../support/app/auth.js'
import { liveOnly } from '../support/app/departures.js'
import { set, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const NOTHING = { division: -1, theme: 'light', cart: [], role: 'guest' }

/** A victim's browser with the cookie of an attacker's account, and the attacker's own browser. */
async function plantAccount(app: App): Promise<{ readonly victim: Visitor; readonly attacker: Visitor }> {
  const attacker = app.visitor()
  await attacker.fetch('/login/now?user=mallory')
  await set(attacker, { division: 66, cart: ['x'] })
  return { victim: app.visitor(liveOnly(attacker.cookie)), attacker }
}

describe('threat 8: login fixation', () => {
  it('brings nothing of an attacker\u2019s account to a user under whose hands its cookie was put', async () => {
    const app = await startWithUsers()
    const { victim, attacker } = await plantAccount(app)
    await victim.fetch('/login?user=ann')
    expect(await values(victim)).toEqual(NOTHING)
    await set(victim, { division: 8 })
    expect(await values(attacker)).toMatchObject({ division: 66 })
    expect((await app.live.user('mallory')).get('division')).toBe(66)
  })

  it('brings nothing of an attacker\u2019s account to a visitor who has not signed in', async () => {
    const app = await startWithUsers()
    const { victim, attacker } = await plantAccount(app)
    expect(await values(victim)).toEqual(NOTHING)
    await set(victim, { division: 8 })
    expect(await values(attacker)).toMatchObject({ division: 66 })
  })

  it('gives an attacker nothing who puts the cookie of a user beside a session of their own', async () => {
    const app = await startWithUsers()
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    await set(ann, { division: 8, cart: ['a'] })
    const thief = app.visitor(liveOnly(ann.cookie))
    expect(await values(thief)).toEqual(NOTHING)
    const mallory = app.visitor(liveOnly(ann.cookie))
    expect(await values(mallory, '/login/now?user=mallory')).toEqual(NOTHING)
    expect(await values(ann)).toMatchObject({ division: 8, cart: ['a'] })
  })
})

describe('threat 9: after logout', () => {
  /** Ann in a browser that has everything, with an open socket. */
  async function signedIn(app: App) {
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    await set(ann, { division: 3, theme: 'dark', cart: ['a'] })
    const socket = await ann.connect()
    for (let first = 0; first < 2; first += 1) await socket.ticket()
    await socket.change('division', 4)
    return { ann, socket }
  }

  const logouts = [['/logout/now'], ['/logout/leave'], ['/logout/forget'], ['/logout']] as const

  it.each(logouts)('%s closes the sockets, and they come back as a guest\u2019s', async (path) => {
    const app = await startWithUsers({ store: new AuthStore() })
    const { ann, socket } = await signedIn(app)
    await ann.fetch(path)
    await ann.fetch('/')
    await socket.closed
    expect(app.io.sockets.sockets.size).toBe(0)
    const changes = (await (await ann.connect()).ticket()).claims.changes
    expect(changes.map(([key]) => key)).toEqual(path === '/logout/forget' ? [] : ['theme'])
  })

  it('does not stop the user from coming back to all of it', async () => {
    const app = await startWithUsers({ store: new AuthStore() })
    const { ann } = await signedIn(app)
    await ann.fetch('/logout/leave')
    expect(await values(ann, '/login/now?user=ann')).toMatchObject({ division: 4, cart: ['a'] })
  })
})

describe('threat 26: confusion of user ids', () => {
  /** An app that takes each visitor for whom they say they are, in JSON. */
  function start(): Promise<App> {
    const options = { identify: (ctx: { get(name: string): string }) => JSON.parse(ctx.get('x-user')) }
    return App.start({
      options: options as AppOptions<AppFields>['options'] & object,
      attach: { handshake: [] },
      routes: (ctx) => {
        const { set } = ctx.query
        if (set !== undefined) void ctx.liveSession.setMany({ division: Number(set), secret: `secret ${set}` })
        ctx.body = [ctx.liveSession.get('division'), ctx.liveSession.get('secret')]
      },
    })
  }

  const as = (id: unknown): Record<string, string> => ({ 'x-user': asciiJson(id) })

  /** JSON that any header can carry. */
  function asciiJson(value: unknown): string {
    return JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  }

  async function values(app: App, id: unknown, path = '/'): Promise<unknown> {
    return (await app.visitor().fetch(path, { headers: as(id) })).json()
  }

  it.each([
    [1, '1'],
    [0, '0'],
    [0, 'n:0'],
    [-1, '-1'],
    ['ann', 's:ann'],
    ['ann', 'user:s:ann'],
    ['ann', ':ann'],
    ['a:b', 'a'],
    ['a:b', 'b'],
    [1, 'n:1'],
    [1, 's:1'],
    ['browser:bbbbbbbbbbbbbbbbbbbbbb', 'bbbbbbbbbbbbbbbbbbbbbb'],
    ['__proto__', 'ann'],
    ['__proto__', 'prototype'],
    ['constructor', 'toString'],
    ['hasOwnProperty', 'valueOf'],
    ['ann', 'Ann'],
    ['ann', 'ann '],
    ['ann', 'ann\u0000'],
    ['ann', 'ann\n'],
    ['\u00e9', 'e\u0301'],
    ['null', 'undefined'],
    ['[object Object]', 'object'],
    ['\ud83d\ude00', '\ud83d\ude01'],
    ['x'.repeat(256), 'x'.repeat(255)],
    [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  ])('keeps %j and %j apart, in requests, sockets, rooms and cookies', async (one, other) => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/?set=1', { headers: as(one) })
    expect(await values(app, one)).toEqual([1, 'secret 1'])
    expect(await values(app, other)).toEqual([-1, ''])
    const mine = await app.visitor().connect('/', as(one))
    const theirs = await app.visitor().connect('/', as(other))
    const [first, second] = [await mine.ticket(), await theirs.ticket()]
    expect(first.claims.sub).not.toBe(second.claims.sub)
    expect([first.claims.changes.length, second.claims.changes]).toEqual([1, []])
    await mine.change('division', 7)
    await theirs.change('cart', ['theirs'])
    await theirs.ticket()
    await theirs.ticket()
    expect(theirs.tickets.flatMap(({ claims }) => claims.changes.map(([key]) => key))).toEqual(['cart'])
    const stolen = await visitor.fetch('/', { headers: as(other) })
    expect(await stolen.json()).toEqual([-1, ''])
    expect(Object.prototype).not.toHaveProperty('division')
    expect(app.errors).toEqual([])
  })

  it('keeps a user apart from the browser whose id they bear', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/?set=1', { headers: as(null) })
    const { browser } = JSON.parse(Buffer.from(visitor.cookie.replace(/.*live=([^;]*).*/, '$1'), 'base64').toString())
    for (const id of [browser, `browser:${browser}`, `former:${browser}`])
      expect(await values(app, id)).toEqual([-1, ''])
  })

  it.each([
    ['an empty text', ''],
    ['a list', []],
    ['a list with an id', ['ann']],
    ['an object', {}],
    ['an object with an id', { id: 1 }],
    ['an object that reads as another\u2019s id', { toString: 'ann' }],
    ['a fraction', 1.5],
    ['a number past those that are exact', 2 ** 53],
    ['true', true],
    ['false', false],
    ['257 characters', 'x'.repeat(257)],
    // In UTF-8 both would have the same bytes.
    ['a high surrogate alone', '\ud800'],
    ['a low surrogate alone', '\udfff'],
    ['10 kB', 'x'.repeat(10_000)],
  ])('refuses %s, in requests and handshakes, without saying it', async (_, id) => {
    const app = await start()
    const answer = await app.visitor().fetch('/?set=1', { headers: as(id) })
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([500, []])
    const refused = app.visitor().connect('/', as(id))
    await expect(refused).rejects.toMatchObject({ message: 'handshake failed' })
    expect(app.errors).toHaveLength(2)
    for (const error of app.errors) {
      expect(String(error)).toMatch(/^TypeError: koa-live-session: identify: expected a string of 1 to 256 characters/)
      expect(String(error).length).toBeLessThan(200)
    }
    expect(await values(app, 'ann')).toEqual([-1, ''])
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Symbol('ann'), 1n, () => 'ann'])('refuses %p', async (id) => {
    const app = await App.start({
      options: { identify: () => id as never },
      attach: { handshake: [] },
    })
    expect((await app.visitor().fetch('/')).status).toBe(500)
    await expect(app.visitor().connect()).rejects.toThrow('handshake failed')
  })

  it('takes null and undefined for a guest', async () => {
    const app = await App.start({
      options: { identify: (ctx) => (ctx.path === '/null' ? null : undefined) },
      attach: { handshake: [] },
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    expect([await app.visitor().text('/null'), await app.visitor().text('/')]).toEqual(['-1', '-1'])
  })
})
