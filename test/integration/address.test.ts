import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { send } from '../support/app/raw-http.js'
import type { Visitor } from '../support/app/visitor.js'

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write', url: 'd' },
  view: { schema: z.string().max(10), default: 'all', client: 'write', url: 'view' },
  tags: { schema: z.array(z.string()), default: [], client: 'write', url: 'tags', scope: 'browser', maxMembers: 2 },
  open: { schema: z.boolean(), default: false, client: 'write', url: 'open' },
  note: { schema: z.string().optional(), client: 'write', url: 'note' },
  choice: { schema: z.number().nullable(), default: 0, client: 'write', url: 'choice' },
  cart: { schema: z.array(z.string()), default: [], client: 'write' },
})
type AddressFields = typeof fields

function start(options: object = {}): Promise<App<AddressFields>> {
  return App.start({
    fields,
    routes: (ctx) => {
      ctx.body = ctx.liveSession.snapshot()
    },
    options: options as never,
  })
}

/** The headers of a navigation without https. */
const VISIT = { accept: 'text/html,application/xhtml+xml', 'upgrade-insecure-requests': '1' }
const DOCUMENT = { 'sec-fetch-dest': 'document', ...VISIT }

/** Visits an address, and returns the page's snapshot. */
const visit = async (visitor: Visitor, path: string, headers: Record<string, string> = VISIT) =>
  (await visitor.fetch(path, { headers })).json()

describe('a visit with a parameter', () => {
  it('sets and persists the field before the HTML renders', async () => {
    const visitor = (await start()).visitor()
    expect((await visit(visitor, '/?d=3')).values).toMatchObject({ division: 3 })
    expect((await visit(visitor, '/')).values).toMatchObject({ division: 3 })
  })

  it.each([
    ['d=3', 'division', -1],
    ['view=open', 'view', ''],
    ['tags=%5B%22a%22%5D', 'tags', []],
    ['open=true', 'open', false],
    ['choice=3', 'choice', 0],
  ])("is cleared after ?%s by a form's empty parameter", async (query, key, value) => {
    const visitor = (await start()).visitor()
    await visit(visitor, `/?${query}`)
    const [name] = query.split('=')
    expect((await visit(visitor, `/?${name}=`)).values).toMatchObject({ [key]: value })
  })

  it.each([
    ['d=3', 'division', 3],
    ['d=-1', 'division', -1],
    ['view=3', 'view', '3'],
    ['view=open%20%26', 'view', 'open &'],
    ['tags=%5B%22a%22%5D', 'tags', ['a']],
    ['open=true', 'open', true],
    ['note=x', 'note', 'x'],
    ['note=3', 'note', '3'],
    ['note=%223%22', 'note', '3'],
    ['choice=null', 'choice', null],
    ['d=-0', 'division', 0],
    ['%64=3', 'division', 3],
    ['q=%FF&d=3', 'division', 3],
    ['tags=a&tags=b', 'tags', ['a', 'b']],
    ['tags=3', 'tags', ['3']],
    ['open=false&open=true', 'open', true],
    ['d=1&d=2', 'division', 2],
  ])("parses ?%s by the field's type", async (query, key, value) => {
    const app = await start()
    expect((await visit(app.visitor(), `/?${query}`)).values).toMatchObject({ [key]: value })
  })

  it.each([
    ...['d=x', 'd=1.5', 'd=1&d=x', 'd[a]=1', 'view=12345678901', 'open=yes', 'cart=["a"]', 'division=3'],
    ...['d=%00', 'd=%FF', 'd=1e400', 'tags={"__proto__":1}', 'tags=[%22%5Cud800%22]', 'tags=["a","b","c"]'],
    ...[`d=${'3'.repeat(3000)}`, `tags=${'['.repeat(900)}${']'.repeat(900)}`],
  ])('ignores ?%.24s, and logs no value', async (query) => {
    const app = await start()
    const visitor = app.visitor()
    await visit(visitor, '/?d=7')
    const { values } = await visit(visitor, `/?${query}`)
    expect(values).toMatchObject({ division: 7, view: 'all', open: false, cart: [] })
    for (const warning of app.warnings)
      expect(warning).toMatch(
        /: an address has \?\w+=\.\.\. which does not set "\w+": (invalid_value|too_large|malformed): [\w,' -]+$/,
      )
    expect(app.errors).toEqual([])
  })

  it("warns no guest's link of a field for users, however wrong", async () => {
    const own = defineFields({
      plan: { schema: z.number(), default: 0, client: 'write', guests: 'read', url: 'plan' },
    })
    const app = await App.start<typeof own>({
      fields: own,
      routes: (ctx) => {
        ctx.body = ctx.liveSession.snapshot()
      },
    })
    await visit(app.visitor(), '/?plan=x')
    expect(app.warnings).toEqual([])
  })

  it('causes no second warning after another wrong link', async () => {
    const app = await start()
    for (const text of ['x', 'y', 'z']) await visit(app.visitor(), `/?d=${text}`)
    expect(app.warnings).toHaveLength(1)
  })

  it('writes nothing if the field already has the value', async () => {
    const app = await start()
    const visitor = app.visitor()
    const { stamps } = await visit(visitor, '/?d=3')
    app.clock.advance(1000)
    expect((await visit(visitor, '/?d=3')).stamps).toEqual(stamps)
    expect((await visit(app.visitor(), '/?d=-1')).stamps).toEqual({})
  })

  it('sends the value to open pages', async () => {
    const visitor = (await start()).visitor()
    await visit(visitor, '/')
    const socket = await visitor.connect()
    await socket.ticket()
    await visit(visitor, '/?d=3')
    expect((await socket.ticket()).claims.changes).toMatchObject([['division', expect.any(Number), 3]])
  })

  it('counts against changesPerVisitor; above the limit, the page sets the field', async () => {
    const app = await start({ limits: { changesPerVisitor: 5 } })
    const visitor = app.visitor()
    const answers = []
    for (let division = 0; division < 30; division += 1) answers.push(await visit(visitor, `/?d=${division}`))
    expect(answers[0]).not.toHaveProperty('unapplied')
    expect(answers[29]).toMatchObject({ values: { division: 10 }, unapplied: { division: 29 } })
    expect(app.warnings).toEqual([])
  })

  it('without a cookie shares a limit with other such visits', async () => {
    const app = await start({ limits: { changesPerVisitor: 5 } })
    for (let division = 0; division < 30; division += 1) await visit(app.visitor(), `/?d=${division}`)
    expect(await visit(app.visitor(), '/?d=3')).toMatchObject({ values: { division: -1 }, unapplied: { division: 3 } })
  })

  it('sets valid fields beside an invalid field', async () => {
    const app = await start()
    const { values } = await visit(app.visitor(), '/?d=3&view=mine&open=perhaps')
    expect(values).toMatchObject({ division: 3, view: 'mine', open: false })
  })

  it('gets a no-store response for a change, otherwise a private response', async () => {
    const app = await App.start({
      fields,
      routes: (ctx) => {
        ctx.set('Cache-Control', 'public, max-age=60')
        ctx.body = 'the same for all'
      },
    })
    const visitor = app.visitor()
    const first = await visitor.fetch('/?d=3', { headers: VISIT })
    expect([first.headers.get('cache-control'), first.headers.get('vary')]).toEqual(['no-store', 'Cookie'])
    const second = await visitor.fetch('/?d=3', { headers: VISIT })
    expect([second.headers.get('cache-control'), second.headers.get('vary')]).toEqual(['private, max-age=60', 'Cookie'])
    const plain = await visitor.fetch('/?q=3', { headers: VISIT })
    expect(plain.headers.get('cache-control')).toBe('public, max-age=60')
  })

  it('without consent leaves its value unapplied', async () => {
    const app = await start({ consent: () => false })
    const answer = await app.visitor().fetch('/?d=3&view=all&open=perhaps&tags=a&tags=b', { headers: VISIT })
    expect(answer.headers.getSetCookie()).toEqual([])
    const { values, unapplied, texts } = await answer.json()
    expect(values).toMatchObject({ division: 3, tags: ['a', 'b'] })
    expect(unapplied).toEqual({ division: 3, tags: ['a', 'b'] })
    expect(texts).toEqual({ division: ['3'], tags: ['a', 'b'] })
  })

  it('without consent omits a replaced value', async () => {
    const app = await App.start({
      fields,
      routes: async (ctx) => {
        await ctx.liveSession.set('division', 5)
        ctx.body = ctx.liveSession.snapshot()
      },
      options: { consent: () => false },
    })
    const snapshot = await visit(app.visitor(), '/?d=3&view=mine')
    expect(snapshot).toMatchObject({ values: { division: 5, view: 'mine' }, unapplied: { view: 'mine' } })
    expect(snapshot.unapplied).not.toHaveProperty('division')
  })

  it('without consent sets the value in the account of a user', async () => {
    const app = await start({ consent: () => false, identify: () => 'ann' })
    expect(await visit(app.visitor(), '/?d=3')).not.toHaveProperty('unapplied')
    expect((await visit(app.visitor(), '/')).values).toMatchObject({ division: 3 })
  })
})

describe('a request other than a visit', () => {
  it.each<[string, Record<string, string>, string?]>([
    ['an image', { 'sec-fetch-dest': 'image', accept: 'image/avif,*/*' }],
    ['a frame', { 'sec-fetch-dest': 'iframe', ...VISIT }],
    ['an object', { 'sec-fetch-dest': 'object', ...VISIT }],
    ["a script's fetch", { 'sec-fetch-dest': 'empty', accept: '*/*' }],
    ["a script's fetch of a page", { 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'cors', ...VISIT }],
    ['a subresource without Sec-Fetch headers', { accept: 'image/*,*/*;q=0.8' }],
    ['a fetch of a page without Sec-Fetch headers', { accept: 'text/html' }],
    ['a POST of a form', DOCUMENT, 'POST'],
    ['a HEAD', DOCUMENT, 'HEAD'],
  ])('ignores its parameter: %s', async (_, headers, method = 'GET') => {
    const app = await start()
    const visitor = app.visitor()
    const text = await (await visitor.fetch('/?d=3', { method, headers })).text()
    if (method !== 'HEAD') expect(JSON.parse(text)).toMatchObject({ values: { division: -1 } })
    expect(text).not.toContain('unapplied')
    expect((await visit(visitor, '/')).values.division).toBe(-1)
  })

  it.each<[string, Record<string, string>]>([
    ['prefetched', { ...DOCUMENT, 'sec-purpose': 'prefetch' }],
    ['prerendered', { ...DOCUMENT, 'sec-purpose': 'prefetch;prerender' }],
    ['prefetched for an unknown destination', { ...DOCUMENT, 'sec-fetch-dest': 'empty', 'sec-purpose': 'prefetch' }],
    ['prefetched by an older browser', { ...VISIT, purpose: 'prefetch' }],
  ])('leaves its parameter to the page if %s', async (_, headers) => {
    const app = await start()
    const visitor = app.visitor()
    const answer = await visit(visitor, '/?d=3&view=12345678901&open=false', headers)
    expect(answer).toMatchObject({ values: { division: -1 }, urls: { division: 'd', view: 'view' } })
    expect(answer.unapplied).toEqual({ division: 3 })
    expect((await visit(visitor, '/')).values.division).toBe(-1)
  })

  it('from a service worker leaves its parameter to the page', async () => {
    const app = await start()
    const headers = { ...VISIT, 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'navigate' }
    const { text } = await send(`${app.url}/?d=3`, { headers })
    expect(JSON.parse(text)).toMatchObject({
      urls: { division: 'd' },
      values: { division: -1 },
      unapplied: { division: 3 },
    })
  })

  it('for a frame or script gets a snapshot without parameter names', async () => {
    const app = await start()
    for (const destination of ['iframe', 'empty'])
      expect(await visit(app.visitor(), '/', { ...VISIT, 'sec-fetch-dest': destination })).not.toHaveProperty('urls')
    expect(await visit(app.visitor(), '/', DOCUMENT)).toHaveProperty('urls.division', 'd')
  })
})

describe('defineFields', () => {
  const field = { schema: z.number(), default: 0, client: 'write', url: 'd' } as const
  it.each([
    [{ a: { ...field, url: '' } }, 'fields.a.url: expected at most 64 of A-Z a-z 0-9 _ . -, received ""'],
    [{ a: { ...field, url: 'a b' } }, 'fields.a.url: expected at most 64'],
    [{ a: { ...field, url: 3 } }, 'fields.a.url: expected at most 64 of A-Z a-z 0-9 _ . -, received 3'],
    [{ a: { ...field, client: 'hidden' } }, 'fields.a.url: expected it only where client is \'write\', received "d"'],
    [
      { a: { schema: z.number(), default: 0, url: 'd' } },
      'fields.a.url: expected it only where client is \'write\', received "d"',
    ],
    [{ a: { ...field, client: 'read' } }, 'fields.a.url: expected it only where client is \'write\', received "d"'],
    [
      { a: field, b: field },
      'fields.b.url: expected a parameter that no other field has, received "d", which is that of a',
    ],
  ])('throws for an invalid `url`: %#', (declared, message) => {
    expect(() => defineFields(declared as never)).toThrow(message)
  })
})
