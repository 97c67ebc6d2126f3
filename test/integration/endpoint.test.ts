import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { MAX_BODY } from '../../shared/protocol.js'
import { App } from '../support/app/app.js'
import type { RawAnswer } from '../support/app/raw-http.js'
import { readClaims } from '../support/app/socket.js'

/** A page of a visitor who has just set something over the socket. */
async function changed(app: App, cookie = cookieFor(app.live, {})) {
  const visitor = app.visitor(cookie)
  const socket = await visitor.connect()
  await socket.ticket()
  await socket.change('division', 7)
  return { visitor, socket, ticket: (await socket.ticket()).text }
}

describe('POST /store_session', () => {
  it('answers a ticket with the cookie, and the next POST with what that cookie held', async () => {
    const app = await App.start()
    const { visitor, ticket } = await changed(app)
    const first = await visitor.store({ tickets: [ticket] })
    expect(first.status).toBe(200)
    expect(await first.json()).toMatchObject({ kept: true, results: [], held: [] })
    expect(first.headers.getSetCookie()).toHaveLength(2)
    const stamp = readClaims(ticket).changes[0]?.[1]
    expect(await (await visitor.store()).json()).toMatchObject({ kept: true, held: [['division', stamp]] })
  })

  it('sets values where there is no socket, tells the sockets there are, and answers with stamp and ticket', async () => {
    const app = await App.start()
    const visitor = app.visitor()
    const answer = await (
      await visitor.store({
        set: [
          ['division', -1, '', 4],
          ['theme', -1, '', 'dark'],
        ],
      })
    ).json()
    const result = { stamp: app.clock.now(), level: 'memory' }
    expect(answer).toMatchObject({ results: [result, result], held: [] })
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
    ['a ticket that is no text', { tickets: [1] }, {}, 400, { code: 'malformed', index: 0 }],
    ['a ticket that is not signed', { tickets: ['a.b.c'] }, {}, 403, { code: 'bad_ticket', index: 0 }],
    ['changes that are no list', { set: {} }, {}, 400, { code: 'malformed' }],
    ['a body over 64 kB', { tickets: ['x'.repeat(70_000)] }, {}, 413, { code: 'too_large' }],
    ['text', '{}', { 'content-type': 'text/plain' }, 415, { code: 'malformed' }],
    ['a form', '{}', { 'content-type': 'application/x-www-form-urlencoded' }, 415, { code: 'malformed' }],
    ['compressed JSON', '{}', { 'content-encoding': 'gzip' }, 415, { code: 'malformed' }],
  ])('refuses %s with a code, without a cookie', async (_, body, headers, status, error) => {
    const app = await App.start()
    const answer = await app.visitor(cookieFor(app.live, { values: { division: 1 } })).store(body, headers)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toMatch('application/json')
    expect((await answer.json()).error).toMatchObject(error)
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(app.errors).toEqual([])
  })

  it('closes no connection, and names no time to wait, with a refusal for good of what it has read', async () => {
    const app = await App.start()
    const { headers } = await app.visitor().store('not json')
    expect([headers.get('connection'), headers.get('retry-after')]).toEqual(['keep-alive', null])
  })

  it('takes a body that the app has parsed already', async () => {
    const app = await App.start({
      before: () => [
        async (ctx, next) => {
          let text = ''
          for await (const chunk of ctx.req) text += chunk
          Object.assign(ctx.request, { body: text === '' ? {} : JSON.parse(text) })
          await next()
        },
      ],
      attach: { handshake: [] },
    })
    expect((await app.visitor().store({ set: [['division', -1, '', 5]] })).status).toBe(200)
  })

  it('is found under a path of its own, below a sub-path too, and takes no other', async () => {
    const app = await App.start({
      options: { endpoint: '/api/keep' },
      routes: (ctx) => {
        ctx.body = 'the app'
      },
    })
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }
    expect((await app.visitor().fetch('/api/keep?x=1', post)).status).toBe(200)
    for (const path of ['/api/keep/', '/api/keeps', '/x/api/keep', '/?/api/keep']) {
      expect(await (await app.visitor().fetch(path, post)).text()).toBe('the app')
    }
  })
})

describe('a POST', () => {
  it('is told what neither the cookie nor a store keeps', async () => {
    const fields = defineFields({ note: { schema: z.string(), default: '', client: 'write', cookie: false } })
    const app = await App.start<typeof fields>({ fields })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    await socket.ticket()
    expect(await (await visitor.store()).json()).not.toHaveProperty('unsaved')
    await socket.change('note', 'x')
    expect(await (await visitor.store()).json()).toMatchObject({ held: [], unsaved: ['note'] })
  })
})

const json = { 'content-type': 'application/json' }

const five = '{"set":[["division",-1,"",5]]}'

const show = (app: App, cookie: string): Promise<string> => app.visitor(cookie).text('/')

const start = (): Promise<App> =>
  App.start({
    routes: (ctx) => {
      ctx.body = String(ctx.liveSession.get('division'))
    },
  })

/** A body that does not say how long it is, and ends only where it is told to. */
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
  it.each([
    ['and says so', 'content-length'],
    ['and does not say how long it is', 'transfer-encoding'],
  ])('is taken where it has just 64 kB %s', async (_, header) => {
    const app = await start()
    const cookie = cookieFor(app.live, {})
    const body = five.padStart(MAX_BODY)
    const status =
      header === 'content-length'
        ? (await app.visitor(cookie).store(body)).status
        : (await pour(app, cookie, body, { ends: true })).status
    expect([status, await show(app, cookie)]).toEqual([200, '5'])
  })

  it('is refused where it says that it has a byte more than 64 kB', async () => {
    const app = await start()
    const answer = await app.visitor().store(five.padEnd(MAX_BODY + 1))
    expect([answer.status, (await answer.json()).error.code]).toEqual([413, 'too_large'])
  })

  it('is refused as soon as it has a byte more than 64 kB, though it goes on, and so ends the connection', async () => {
    const app = await start()
    const cookie = cookieFor(app.live, {})
    const answer = await pour(app, cookie, five.padEnd(MAX_BODY + 1), { ends: false })
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([413, { error: { code: 'too_large' } }])
    expect(answer.headers.connection).toBe('close')
    expect(await show(app, cookie)).toBe('-1')
  })

  it('leaves the app a request that can still say whose it is, where it was too long to be read', async () => {
    const senders: string[] = []
    const app = await App.start({
      before: () => [async (ctx, next) => next().then(() => void senders.push(ctx.ip))],
      attach: { handshake: [] },
    })
    await pour(app, cookieFor(app.live, {}), five.padEnd(MAX_BODY + 1), { ends: false })
    expect(senders).toEqual(['127.0.0.1'])
  })

  it('is refused where its text is no UTF-8, rather than stored as another text', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const body = Buffer.from('{"set":[["cart",-1,"",["\xff"]]]}', 'latin1')
    const answer = await visitor.fetch('/store_session', { method: 'POST', headers: json, body })
    expect([answer.status, (await answer.json()).error.code]).toEqual([400, 'malformed'])
  })

  it('sets nothing where it breaks off, also where what has arrived is JSON by itself', async () => {
    let [breakOff, end] = [(): void => undefined, (): void => undefined]
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    const app = await App.start({
      before: () => [
        async (ctx, next) => {
          if (ctx.method === 'POST') ctx.req.once('readable', () => breakOff())
          await next().finally(() => ctx.method === 'POST' && end())
        },
      ],
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
      attach: { handshake: [] },
    })
    const cookie = cookieFor(app.live, {})
    const headers = { ...json, cookie, 'content-length': '100' }
    const req = request(`${app.url}/store_session`, { method: 'POST', headers })
    req.on('error', () => undefined)
    breakOff = () => void req.destroy()
    req.write(five)
    await ended
    expect(await show(app, cookie)).toBe('-1')
  })
})
