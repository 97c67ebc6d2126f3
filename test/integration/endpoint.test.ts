import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { MAX_BODY } from '../../shared/protocol.js'
import { App } from '../support/app/app.js'
import { Gate } from '../support/app/gate.js'
import type { RawAnswer } from '../support/app/raw-http.js'
import { readClaims } from '../support/app/socket.js'

const json = { 'content-type': 'application/json' }
const FIVE = '{"set":[["division",-1,"",5]]}'

const start = (given: Parameters<typeof App.start>[0] = {}): Promise<App> =>
  App.start({
    routes: (ctx) => {
      ctx.body = String(ctx.liveSession.get('division'))
    },
    ...(given as object),
  })

const show = (app: App, cookie: string): Promise<string> => app.visitor(cookie).text('/')

describe('POST /store_session', () => {
  it("saves a socket's ticket in the cookie, as the next POST confirms", async () => {
    const app = await App.start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.change('division', 7)
    const { text, claims } = await socket.ticket()
    const first = await visitor.store({ tickets: [text] })
    expect(first.status).toBe(200)
    expect(await first.json()).toMatchObject({ hasCookie: true, results: [], persisted: [] })
    expect(first.headers.getSetCookie()).toHaveLength(2)
    const persisted = [['division', claims.changes[0]?.[1]]]
    expect(await (await visitor.store()).json()).toMatchObject({ hasCookie: true, persisted })
  })

  it('sets values without a socket, and broadcasts them to sockets', async () => {
    const app = await App.start()
    const visitor = app.visitor()
    const set = [
      ['division', -1, '', 4],
      ['theme', -1, '', 'dark'],
    ]
    const answer = await (await visitor.store({ set })).json()
    const result = { stamp: app.clock.now(), level: 'memory' }
    expect(answer).toMatchObject({ results: [result, result], persisted: [] })
    expect(readClaims(answer.ticket).changes).toEqual([
      ['division', app.clock.now(), 4],
      ['theme', app.clock.now(), 'dark'],
    ])
    const socket = await visitor.connect()
    await socket.ticket()
    await visitor.store({ set: [['division', -1, '']] })
    expect((await socket.ticket()).claims.changes).toEqual([['division', app.clock.now() + 1]])
  })

  it.each([
    ['no JSON', 'not json', {}, 400, { code: 'malformed' }],
    ['no object', '[]', {}, 400, { code: 'malformed' }],
    ['null', 'null', {}, 400, { code: 'malformed' }],
    ['an unknown member', { ticket: 'x' }, {}, 400, { code: 'malformed' }],
    ['tickets that are no list', { tickets: 'x' }, {}, 400, { code: 'malformed' }],
    ['a ticket of another type', { tickets: [1] }, {}, 400, { code: 'malformed', index: 0 }],
    ['an unsigned ticket', { tickets: ['a.b.c'] }, {}, 403, { code: 'bad_ticket', index: 0 }],
    ['changes that are no list', { set: {} }, {}, 400, { code: 'malformed' }],
    ['a body over 64 kB', { tickets: ['x'.repeat(70_000)] }, {}, 413, { code: 'too_large' }],
    ['plain text', '{}', { 'content-type': 'text/plain' }, 415, { code: 'malformed' }],
    ['a form', '{}', { 'content-type': 'application/x-www-form-urlencoded' }, 415, { code: 'malformed' }],
    ['compressed JSON', '{}', { 'content-encoding': 'gzip' }, 415, { code: 'malformed' }],
  ])('refuses %s with a code, and writes no cookie', async (_, body, headers, status, error) => {
    const app = await App.start()
    const answer = await app.visitor(cookieFor(app.live, { values: { division: 1 } })).store(body, headers)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toMatch('application/json')
    expect((await answer.json()).error).toMatchObject(error)
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(app.errors).toEqual([])
  })

  it('after a refusal keeps the connection open, and sends no Retry-After', async () => {
    const app = await App.start()
    const { headers } = await app.visitor().store('not json')
    expect([headers.get('connection'), headers.get('retry-after')]).toEqual(['keep-alive', null])
  })

  it('accepts a body parsed by the app', async () => {
    const parser: Koa.Middleware = async (ctx, next) => {
      const body = await text(ctx.req)
      Object.assign(ctx.request, { body: body === '' ? {} : JSON.parse(body) })
      await next()
    }
    const app = await App.start({ before: () => [parser], attach: { handshake: [] } })
    expect((await app.visitor().store(FIVE)).status).toBe(200)
  })

  it("answers at the `endpoint` option's path; similar paths reach the app", async () => {
    const routes: Koa.Middleware = (ctx) => {
      ctx.body = 'the app'
    }
    const app = await App.start({ options: { endpoint: '/api/keep' }, routes })
    const post = { method: 'POST', headers: json, body: '{}' }
    expect((await app.visitor().fetch('/api/keep?x=1', post)).status).toBe(200)
    for (const path of ['/api/keep/', '/api/keeps', '/x/api/keep', '/?/api/keep'])
      expect(await (await app.visitor().fetch(path, post)).text()).toBe('the app')
  })
})

/** POSTs a chunked body; without `ends`, the request stays open. */
function pour(app: App, cookie: string, body: string, { ends }: { readonly ends: boolean }): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { ...json, cookie, 'transfer-encoding': 'chunked' }
    const req = request(`${app.url}/store_session`, { method: 'POST', headers }, async (res) => {
      resolve({ status: res.statusCode ?? 0, headers: res.headers, text: await text(res) })
      req.destroy()
    })
    req.on('error', reject)
    req.write(body)
    if (ends) req.end()
  })
}

describe('a body', () => {
  it.each(['content-length', 'transfer-encoding'])('of exactly 64 kB is accepted with %s', async (header) => {
    const app = await start()
    const cookie = cookieFor(app.live, {})
    const body = FIVE.padStart(MAX_BODY)
    const { status } = await (header === 'content-length'
      ? app.visitor(cookie).store(body)
      : pour(app, cookie, body, { ends: true }))
    expect([status, await show(app, cookie)]).toEqual([200, '5'])
  })

  it('with a declared length over 64 kB is refused', async () => {
    const app = await start()
    const answer = await app.visitor().store(FIVE.padEnd(MAX_BODY + 1))
    expect([answer.status, (await answer.json()).error.code]).toEqual([413, 'too_large'])
  })

  it('streamed beyond 64 kB is refused, and closes the connection', async () => {
    const senders: string[] = []
    const note: Koa.Middleware = async (ctx, next) => next().then(() => void senders.push(ctx.ip))
    const app = await start({ before: () => [note], attach: { handshake: [] } })
    const cookie = cookieFor(app.live, {})
    const answer = await pour(app, cookie, FIVE.padEnd(MAX_BODY + 1), { ends: false })
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([413, { error: { code: 'too_large' } }])
    expect(answer.headers.connection).toBe('close')
    // The app can still log the sender's address.
    expect(senders).toEqual(['127.0.0.1'])
    expect(await show(app, cookie)).toBe('-1')
  })

  it('of invalid UTF-8 is refused', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const body = Buffer.from('{"set":[["cart",-1,"",["\xff"]]]}', 'latin1')
    const answer = await visitor.fetch('/store_session', { method: 'POST', headers: json, body })
    expect([answer.status, (await answer.json()).error.code]).toEqual([400, 'malformed'])
  })

  it('cut off after valid JSON sets nothing', async () => {
    const [arrived, ended] = [new Gate(), new Gate()]
    const note: Koa.Middleware = async (ctx, next) => {
      if (ctx.method === 'POST') ctx.req.once('readable', () => void arrived.pass())
      await next().finally(() => ctx.method === 'POST' && void ended.pass())
    }
    const app = await start({ before: () => [note], attach: { handshake: [] } })
    const cookie = cookieFor(app.live, {})
    const headers = { ...json, cookie, 'content-length': '100' }
    const req = request(`${app.url}/store_session`, { method: 'POST', headers })
    req.on('error', () => undefined)
    req.write(FIVE)
    await arrived.entered
    req.destroy()
    await ended.entered
    expect(await show(app, cookie)).toBe('-1')
  })
})
