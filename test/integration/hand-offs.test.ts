import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { bring, FIELD, open, told } from '../support/app/hand-offs.js'
import type { TestSocket } from '../support/app/socket.js'
import type { Visitor } from '../support/app/visitor.js'

const PURPOSE = 'note'

const schema = z.object({ text: z.string() })

type Take = (ctx: Koa.Context) => Promise<unknown>

/** An app whose sockets hand off what they are sent, as they are told to; its answers say what was taken. */
async function start(
  take: Take = (ctx) => ctx.liveSession.takeHandOff(PURPOSE, schema),
  before: Koa.Middleware[] = [],
) {
  const app = await App.start({
    attach: { handshake: [] },
    before: () => before,
    routes: async (ctx) => {
      ctx.body = { taken: (await take(ctx)) ?? null, body: Reflect.get(ctx.request, 'body') ?? null }
    },
  })
  app.io.on('connection', (socket) => {
    socket.on('hand-off', (purpose, payload, options, answer) => {
      socket.liveSession.handOff(purpose, payload, options).then(
        () => answer('sent'),
        (error) => answer(error.code ?? String(error)),
      )
    })
  })
  return app
}

const handOff = (
  socket: TestSocket,
  payload: unknown,
  to: unknown = '/',
  purpose: unknown = PURPOSE,
): Promise<unknown> => socket.io.emitWithAck('hand-off', purpose, payload, { to })

async function tokenOf(socket: TestSocket, payload: unknown = { text: 'hello' }): Promise<string> {
  const next = told(socket)
  expect(await handOff(socket, payload)).toBe('sent')
  return next
}

/** A visitor with the token of a hand-off. */
async function handed(take?: Take) {
  const app = await start(take)
  const { visitor, socket } = await open(app)
  return { app, visitor, socket, token: await tokenOf(socket) }
}

const post = (visitor: Visitor, body: string, type = 'application/x-www-form-urlencoded'): Promise<Response> =>
  visitor.fetch('/', { method: 'POST', headers: { origin: visitor.url, 'content-type': type }, body })

describe('a hand-off', () => {
  it('tells the page a token that has nothing of the payload to read, and leads where it was handed to', async () => {
    const { visitor, socket } = await open(await start())
    const next = told(socket)
    await handOff(socket, { text: 'a canary of a payload' }, '/take?from=hére')
    const token = await next
    const answer = await bring(visitor, token, {}, '/store_session')
    const { headers } = answer
    expect(headers.get('cache-control')).toBe('no-store')
    expect([answer.status, headers.get('location')]).toEqual([307, '/take?from=h%C3%A9re'])
    expect(Buffer.from(token.split('.').join(''), 'base64url').toString('latin1')).not.toMatch(/canary/)
  })

  it('gives the request what the schema puts out, dates and all', async () => {
    const dated = z.object({ at: z.iso.datetime().transform((text) => new Date(text)) })
    const app = await start(async (ctx) => {
      const taken = await ctx.liveSession.takeHandOff(PURPOSE, dated)
      return taken?.at.getTime()
    })
    const { visitor, socket } = await open(app)
    const token = await tokenOf(socket, { at: '2026-01-01T00:00:00Z' })
    expect(await (await bring(visitor, token, {}, '/')).json()).toMatchObject({ taken: Date.UTC(2026, 0, 1) })
  })

  it('comes with the other fields of its form, where parsers of bodies leave them', async () => {
    const { visitor, token } = await handed()
    const answer = await post(visitor, `user=ann&tag=a&tag=b&__proto__=x&${FIELD}=${token}`)
    expect(await answer.json()).toMatchObject({ taken: { text: 'hello' }, body: { user: 'ann', tag: ['a', 'b'] } })
  })

  it.each([
    ['a form', (token: string) => ({ [FIELD]: token })],
    ['JSON', (token: string) => JSON.parse(JSON.stringify({ [FIELD]: token }))],
  ])('is taken from what the app’s own parser has made of %s', async (_, made) => {
    let token = ''
    const parser: Koa.Middleware = (ctx, next) => {
      if (ctx.method === 'POST') Object.assign(ctx.request, { body: made(token) })
      return next()
    }
    const { visitor, socket } = await open(await start(undefined, [parser]))
    token = await tokenOf(socket)
    expect(await (await post(visitor, '')).json()).toMatchObject({ taken: { text: 'hello' } })
  })

  it.each<[string, (token: string) => string, string | undefined]>([
    ['a form without it', () => 'user=ann', undefined],
    ['a form with two', (token) => `${FIELD}=${token}&${FIELD}=${token}`, undefined],
    ['an empty form', () => '', undefined],
    ['text', (token) => `${FIELD}=${token}`, 'text/plain'],
    ['JSON that no parser has read', (token) => JSON.stringify({ [FIELD]: token }), 'application/json'],
  ])('is none in %s', async (_, body, type) => {
    const { visitor, token } = await handed()
    const answer = await post(visitor, body(token), type)
    expect([answer.status, await answer.json()]).toMatchObject([200, { taken: null }])
  })

  it('is found by the one of several that ask for it at once whose purpose it has', async () => {
    const app = await start((ctx) => {
      const purposes = ['upload', PURPOSE, 'payment']
      return Promise.all(purposes.map((purpose) => ctx.liveSession.takeHandOff(purpose, schema)))
    })
    const { visitor, socket } = await open(app)
    const answer = await bring(visitor, await tokenOf(socket), {}, '/')
    expect(await answer.json()).toMatchObject({ taken: [null, { text: 'hello' }, null] })
  })

  it('is refused to all that ask at once where its form is too large', async () => {
    const codes: unknown[] = []
    const app = await start(async (ctx) => {
      const take = (): Promise<unknown> => ctx.liveSession.takeHandOff(PURPOSE, schema).catch(({ code }) => code)
      codes.push(...(await Promise.all([take(), take()])), await take())
    })
    const { visitor } = await open(app)
    await post(visitor, `${FIELD}=${'x'.repeat(70_000)}`)
    expect(codes).toEqual(['too_large', 'too_large', 'too_large'])
  })

  it('is none in a URL', async () => {
    const { visitor, token } = await handed()
    for (const method of ['GET', 'POST']) {
      const answer = await visitor.fetch(`/?${FIELD}=${token}`, { method, headers: { origin: visitor.url } })
      expect(await answer.json()).toMatchObject({ taken: null })
    }
    expect(await (await bring(visitor, token, {}, '/')).json()).toMatchObject({ taken: { text: 'hello' } })
  })

  it('is refused with a form of over 64 kB, and the server goes on', async () => {
    const { visitor, token } = await handed()
    expect((await post(visitor, `${FIELD}=${token}&x=${'x'.repeat(70_000)}`)).status).toBe(413)
    expect(await (await bring(visitor, token, {}, '/')).json()).toMatchObject({ taken: { text: 'hello' } })
  })

  it('says what is missing where the app has read the body and kept it', async () => {
    const reader: Koa.Middleware = async (ctx, next) => {
      for await (const _ of ctx.req);
      return next()
    }
    const app = await start(undefined, [reader])
    const { visitor, socket } = await open(app)
    expect((await bring(visitor, await tokenOf(socket), {}, '/')).status).toBe(500)
    expect(String(app.errors)).toMatch(/takeHandOff: the body .* was read already: expected it in ctx.request.body/)
  })

  it('that the schema refuses is refused without a word of what it is, and is not spent', async () => {
    const strict = z.object({ text: z.enum(['another']) })
    let wanted: typeof schema | typeof strict = strict
    const { visitor, token } = await handed((ctx) => ctx.liveSession.takeHandOff(PURPOSE, wanted))
    const answer = await bring(visitor, token, {}, '/')
    expect([answer.status, await answer.text()]).toEqual([
      400,
      'koa-live-session: takeHandOff("note"): not what the schema accepts',
    ])
    wanted = schema
    expect(await (await bring(visitor, token, {}, '/')).json()).toMatchObject({ taken: { text: 'hello' } })
  })

  it('has its answer kept from shared caches', async () => {
    const { visitor, socket } = await open(await start())
    const { headers } = await bring(visitor, await tokenOf(socket), {}, '/')
    expect([headers.get('vary'), headers.get('cache-control')]).toEqual(['Cookie', expect.stringMatching(/^private/)])
  })

  it.each([
    ['another site', 'https://evil.example/', 'malformed'],
    ['no path', null, 'malformed'],
  ])('to %s is refused, and not sent', async (_, to, code) => {
    const app = await start()
    const { socket } = await open(app)
    socket.io.on('live_session:hand_off', (...told) => app.errors.push(told))
    expect(await handOff(socket, 'x', to)).toBe(code)
    expect(await socket.change('division', 1)).toHaveProperty('stamp')
    expect(app.errors).toEqual([])
  })

  it.each([
    ['16 kB', 'x'.repeat(16 * 1024 - 2), 'sent'],
    ['more than 16 kB', 'x'.repeat(16 * 1024 - 1), 'too_large'],
    ['more than 16 kB in other scripts', 'ü'.repeat(9 * 1024), 'too_large'],
    ['what JSON would change', { a: ['\ud800'] }, 'invalid_value'],
    ['many levels', JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`), 'invalid_value'],
    ['null', null, 'sent'],
  ])('of %s is %3$s', async (_, payload, outcome) => {
    const { socket } = await open(await start())
    expect(await handOff(socket, payload)).toBe(outcome)
  })

  it.each(['a socket that is not open yet', 'a socket that is open no more', 'a closed plugin'])(
    'over %s is refused as closed',
    async (which) => {
      let late = async (): Promise<unknown> => undefined
      const app = await start()
      app.io.use((socket, next) => {
        late = () => socket.liveSession.handOff(PURPOSE, 1, { to: '/' }).catch(({ code }) => code)
        if (!which.endsWith('yet')) return next()
        const early = late()
        late = () => early
        early.finally(next)
      })
      const { socket } = await open(app)
      if (which.endsWith('no more'))
        await new Promise((resolve) => {
          for (const one of app.io.sockets.sockets.values()) one.once('disconnect', resolve)
          socket.io.disconnect()
        })
      if (which.endsWith('plugin')) await app.live.close()
      expect(await late()).toBe('closed')
    },
  )

  it('that no code awaits is told to onError where it is refused', async () => {
    const app = await App.start()
    app.io.on('connection', ({ liveSession }) => {
      void liveSession.handOff(PURPOSE, Number.NaN, { to: '/' })
      void liveSession.handOff('a b\u2028', 1, { to: '/' })
    })
    await open(app)
    await new Promise((resolve) => setImmediate(resolve))
    expect(app.errors.map(String)).toEqual([
      'LiveSessionError: koa-live-session: handOff("note"): expected a JSON value, received NaN at $',
      expect.stringMatching(/^TypeError: koa-live-session: handOff: expected a purpose .*, received "a b\\u2028"$/),
    ])
  })

  it.each([
    ['no purpose', undefined, schema, /takeHandOff: expected a purpose/],
    ['no schema', PURPOSE, undefined, /takeHandOff: expected a Standard Schema/],
  ])('asked for with %s is a mistake that is told', async (_, purpose, wanted, message) => {
    const app = await start((ctx) => ctx.liveSession.takeHandOff(purpose as never, wanted as never))
    expect((await app.visitor().fetch('/')).status).toBe(500)
    expect(String(app.errors)).toMatch(message)
  })

  it('with connection state recovery is told to no socket that has joined the room of another’s id', async () => {
    const app = await App.start({ io: { connectionStateRecovery: { skipMiddlewares: false } } })
    app.io.on('connection', (socket) => {
      socket.on('join', (room, answer) => answer(socket.join(room)))
      socket.on('go', () => void socket.liveSession.handOff(PURPOSE, 1, { to: '/' }))
    })
    const [mine, eve] = [await open(app), await open(app)]
    eve.socket.io.on('live_session:hand_off', () => app.errors.push('heard'))
    await eve.socket.io.emitWithAck('join', mine.socket.io.id)
    const next = told(mine.socket)
    mine.socket.io.emit('go')
    expect(await next).toEqual(expect.any(String))
    await eve.socket.change('division', 1)
    expect(app.errors).toEqual([])
  })

  it('leads a client nowhere that is in no page, and the client goes on', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const page = await visitor.open()
    await page.connected()
    const heard = new Promise((resolve) => page.socket.once('live_session:hand_off', resolve))
    expect(await page.socket.emitWithAck('hand-off', PURPOSE, 1, { to: '/' })).toBe('sent')
    expect(await heard).toEqual(expect.any(String))
    await page.live.set('division', 3)
    expect(page.live.status('division')).toEqual({ status: 'saved' })
  })
})
