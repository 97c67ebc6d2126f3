import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { once } from '../support/app/awaited.js'
import { bring, FIELD, open, told } from '../support/app/hand-offs.js'
import type { TestSocket } from '../support/app/socket.js'
import type { Visitor } from '../support/app/visitor.js'

const PURPOSE = 'note'
const schema = z.object({ text: z.string() })
const TAKEN = { taken: { text: 'hello' } }

type Take = (ctx: Koa.Context) => Promise<unknown>

/** An app whose sockets hand off a page's payloads, and whose responses contain the taken payload. */
async function start(
  take: Take = (ctx) => ctx.liveSession.takeHandOff(PURPOSE, schema),
  before: Koa.Middleware[] = [],
): Promise<App> {
  const app = await App.start({
    attach: { handshake: [] },
    before: () => before,
    routes: async (ctx) => {
      ctx.body = { taken: (await take(ctx)) ?? null, body: Reflect.get(ctx.request, 'body') ?? null }
    },
  })
  app.io.on('connection', (socket) => {
    socket.on('hand-off', (payload, to, answer) => {
      socket.liveSession.handOff(PURPOSE, payload, { to }).then(
        () => answer('sent'),
        (error) => answer(error.code ?? String(error)),
      )
    })
  })
  return app
}

const handOff = ({ io }: TestSocket, payload: unknown, to: unknown = '/'): Promise<unknown> =>
  io.emitWithAck('hand-off', payload, to)

/** A visitor with the token of a hand-off. */
async function handed(take?: Take, before?: Koa.Middleware[], payload: unknown = { text: 'hello' }) {
  const app = await start(take, before)
  const { visitor, socket } = await open(app)
  const next = told(socket)
  expect(await handOff(socket, payload)).toBe('sent')
  return { app, visitor, token: await next }
}

const post = (visitor: Visitor, body: string, type = 'application/x-www-form-urlencoded'): Promise<Response> =>
  visitor.fetch('/', { method: 'POST', headers: { origin: visitor.url, 'content-type': type }, body })

describe('a hand-off', () => {
  it("gives the page an encrypted token, and redirects the page's POST", async () => {
    const { visitor, socket } = await open(await start())
    const next = told(socket)
    await handOff(socket, { text: 'a canary of a payload' }, '/take?from=hére')
    const token = await next
    const { status, headers } = await bring(visitor, token, {}, '/store_session')
    expect(headers.get('cache-control')).toBe('no-store')
    expect([status, headers.get('location')]).toEqual([307, '/take?from=h%C3%A9re'])
    expect(Buffer.from(token.split('.').join(''), 'base64url').toString('latin1')).not.toMatch(/canary/)
  })

  it("gives the request the schema's output, in a private response", async () => {
    const dated = z.object({ at: z.iso.datetime().transform((text) => new Date(text)) })
    const take: Take = async (ctx) => (await ctx.liveSession.takeHandOff(PURPOSE, dated))?.at.getTime()
    const { visitor, token } = await handed(take, [], { at: '2026-01-01T00:00:00Z' })
    const answer = await bring(visitor, token, {}, '/')
    expect(await answer.json()).toMatchObject({ taken: Date.UTC(2026, 0, 1) })
    expect([answer.headers.get('vary'), answer.headers.get('cache-control')]).toEqual([
      'Cookie',
      expect.stringMatching(/^private/),
    ])
  })

  it('leaves the other form fields in ctx.request.body', async () => {
    const { visitor, token } = await handed()
    const answer = await post(visitor, `user=ann&tag=a&tag=b&__proto__=x&${FIELD}=${token}`)
    expect(await answer.json()).toMatchObject({ ...TAKEN, body: { user: 'ann', tag: ['a', 'b'] } })
  })

  it.each([
    ['a form', (token: string) => ({ [FIELD]: token })],
    ['JSON', (token: string) => JSON.parse(JSON.stringify({ [FIELD]: token }))],
  ])("is found after the app's parser has read %s", async (_, parsed) => {
    let token = ''
    const parser: Koa.Middleware = (ctx, next) => {
      if (ctx.method === 'POST') Object.assign(ctx.request, { body: parsed(token) })
      return next()
    }
    const given = await handed(undefined, [parser])
    token = given.token
    expect(await (await post(given.visitor, '')).json()).toMatchObject(TAKEN)
  })

  it.each<[string, (token: string) => string, string | undefined]>([
    ['a form without a token', () => 'user=ann', undefined],
    ['a form with two tokens', (token) => `${FIELD}=${token}&${FIELD}=${token}`, undefined],
    ['an empty form', () => '', undefined],
    ['text', (token) => `${FIELD}=${token}`, 'text/plain'],
    ['unparsed JSON', (token) => JSON.stringify({ [FIELD]: token }), 'application/json'],
  ])('is not found in %s', async (_, body, type) => {
    const { visitor, token } = await handed()
    const answer = await post(visitor, body(token), type)
    expect([answer.status, await answer.json()]).toMatchObject([200, { taken: null }])
  })

  it('is not found in a URL, and stays valid', async () => {
    const { visitor, token } = await handed()
    for (const method of ['GET', 'POST']) {
      const answer = await visitor.fetch(`/?${FIELD}=${token}`, { method, headers: { origin: visitor.url } })
      expect(await answer.json()).toMatchObject({ taken: null })
    }
    expect(await (await bring(visitor, token, {}, '/')).json()).toMatchObject(TAKEN)
  })

  it('rejects every takeHandOff of a form over 64 kB, and stays valid', async () => {
    const codes: unknown[] = []
    const take: Take = (ctx) => {
      const one = (): Promise<unknown> => ctx.liveSession.takeHandOff(PURPOSE, schema)
      return Promise.all([one(), one().catch(({ code }) => codes.push(code))]).then(([taken]) => taken)
    }
    const { visitor, token } = await handed(take)
    expect((await post(visitor, `${FIELD}=${token}&x=${'x'.repeat(70_000)}`)).status).toBe(413)
    expect(codes).toEqual(['too_large'])
    expect(await (await bring(visitor, token, {}, '/')).json()).toMatchObject(TAKEN)
  })

  it('explains the error if the app has consumed the body', async () => {
    const reader: Koa.Middleware = async (ctx, next) => {
      for await (const _ of ctx.req);
      return next()
    }
    const { app, visitor, token } = await handed(undefined, [reader])
    expect((await bring(visitor, token, {}, '/')).status).toBe(500)
    expect(String(app.errors)).toMatch(/takeHandOff: the body .* was read already, but is not in ctx.request.body/)
  })

  it('stays valid, and leaks nothing, if the schema rejects its payload', async () => {
    const strict = z.object({ text: z.enum(['another']) })
    let wanted: typeof schema | typeof strict = strict
    const { visitor, token } = await handed((ctx) => ctx.liveSession.takeHandOff(PURPOSE, wanted))
    const answer = await bring(visitor, token, {}, '/')
    expect([answer.status, await answer.text()]).toEqual([
      400,
      'koa-live-session: takeHandOff("note"): not what the schema accepts',
    ])
    wanted = schema
    expect(await (await bring(visitor, token, {}, '/')).json()).toMatchObject(TAKEN)
  })

  it.each([
    ['to another site is malformed', 'x', 'https://evil.example/', 'malformed'],
    ['without a target is malformed', 'x', null, 'malformed'],
    ['of 16 kB is sent', 'x'.repeat(16 * 1024 - 2), '/', 'sent'],
    ['of more than 16 kB is too large', 'x'.repeat(16 * 1024 - 1), '/', 'too_large'],
    ['of more than 16 kB in UTF-8 is too large', 'ü'.repeat(9 * 1024), '/', 'too_large'],
    ['of a lone surrogate is invalid', { a: ['\ud800'] }, '/', 'invalid_value'],
    ['of many levels is invalid', JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`), '/', 'invalid_value'],
    ['of null is sent', null, '/', 'sent'],
  ])('%s', async (_, payload, to, outcome) => {
    const { socket } = await open(await start())
    const tokens: unknown[] = []
    socket.io.on('live_session:hand_off', (token) => tokens.push(token))
    expect(await handOff(socket, payload, to)).toBe(outcome)
    await socket.change('division', 1)
    expect(tokens).toHaveLength(outcome === 'sent' ? 1 : 0)
  })

  it.each(['a socket that is not open yet', 'a closed socket', 'a closed plugin'])(
    'over %s is rejected with the code closed',
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
      if (which === 'a closed socket') {
        const gone = Array.from(app.io.sockets.sockets.values(), (one) => once(one, 'disconnect'))
        socket.io.disconnect()
        await Promise.race(gone)
      }
      if (which === 'a closed plugin') await app.live.close()
      expect(await late()).toBe('closed')
    },
  )

  it('reports an unawaited rejection to onError', async () => {
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
    ['purpose', undefined, schema, /takeHandOff: expected a purpose/],
    ['schema', PURPOSE, undefined, /takeHandOff: expected a Standard Schema/],
  ])('cannot be taken without a %s', async (_, purpose, wanted, message) => {
    const app = await start((ctx) => ctx.liveSession.takeHandOff(purpose as never, wanted as never))
    expect((await app.visitor().fetch('/')).status).toBe(500)
    expect(String(app.errors)).toMatch(message)
  })

  it('reaches only its own socket, not a room named like the socket', async () => {
    const app = await App.start()
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
})
