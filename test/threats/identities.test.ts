import { describe, expect, it } from '@jest/globals'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'

describe('threat 26: user ids', () => {
  /** An app with a JSON user id in a header. */
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

  /** JSON in ASCII, for headers. */
  function asciiJson(value: unknown): string {
    return JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  }

  async function values(app: App, id: unknown, path = '/'): Promise<unknown> {
    return (await app.visitor().fetch(path, { headers: as(id) })).json()
  }

  it.each([
    [1, '1'],
    [0, '0'],
    ['ann', 's:ann'],
    ['ann', 'user:s:ann'],
    ['a:b', 'a'],
    [1, 'n:1'],
    ['browser:bbbbbbbbbbbbbbbbbbbbbb', 'bbbbbbbbbbbbbbbbbbbbbb'],
    ['__proto__', 'prototype'],
    ['constructor', 'toString'],
    ['ann', 'Ann'],
    ['ann', 'ann '],
    ['ann', 'ann\u0000'],
    ['\u00e9', 'e\u0301'],
    ['null', 'undefined'],
    ['\ud83d\ude00', '\ud83d\ude01'],
    ['x'.repeat(256), 'x'.repeat(255)],
    [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  ])('are distinct: %j and %j', async (one, other) => {
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

  it('give no access to a guest whose browser id they equal', async () => {
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
    ['an object with a toString member', { toString: 'ann' }],
    ['a fraction', 1.5],
    ['an unsafe integer', 2 ** 53],
    ['true', true],
    ['257 characters', 'x'.repeat(257)],
    // All lone surrogates would have the same bytes in UTF-8.
    ['a lone high surrogate', '\ud800'],
    ['a lone low surrogate', '\udfff'],
  ])('are refused without being quoted: %s', async (_, id) => {
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

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Symbol('ann'), 1n, () => 'ann'])('are refused: %p', async (id) => {
    const app = await App.start({
      options: { identify: () => id as never },
      attach: { handshake: [] },
    })
    expect((await app.visitor().fetch('/')).status).toBe(500)
    await expect(app.visitor().connect()).rejects.toThrow('handshake failed')
  })

  it('stand for a guest if null or undefined', async () => {
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
