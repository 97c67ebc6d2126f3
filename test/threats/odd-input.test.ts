import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app.js'

describe('user ids', () => {
  it('that are not well-formed text are refused or kept apart', async () => {
    const app = await App.start({
      options: { identify: () => 'ann\ufffd' },
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    let cookie: string
    try {
      cookie = cookieFor(app.live, { userId: 'ann\ud800', values: { division: 42 } })
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError)
      return
    }
    expect(await app.visitor(cookie).text('/')).toBe('-1')
  })
})

describe('a key that came from outside', () => {
  it('is answered without the names of hidden fields', async () => {
    const app = await App.start({
      routes: async (ctx) => {
        await ctx.liveSession.set(String(ctx.query['key']) as 'division', 1)
      },
    })
    const answer = await app.visitor().fetch('/?key=nope')
    expect(answer.status).toBe(400)
    expect(await answer.text()).not.toMatch('secret')
  })

  it('puts no line of its own into the log', async () => {
    const app = await App.start({
      routes: (ctx) => {
        void ctx.liveSession.set(String(ctx.query['key']) as 'division', 1)
        ctx.body = ''
      },
    })
    await app.visitor().fetch(`/?key=${encodeURIComponent('x\n2026-01-01 admin signed in')}`)
    await new Promise((resolve) => setImmediate(resolve))
    expect(app.errors).toHaveLength(1)
    expect((app.errors[0] as Error).message).not.toMatch('\n')
  })
})

describe('POST /store_session', () => {
  it('refuses a body over 64 kB also where the app has parsed it already', async () => {
    const app = await App.start({
      before: () => [
        async (ctx, next) => {
          let text = ''
          for await (const chunk of ctx.req) text += chunk
          if (text !== '') Object.assign(ctx.request, { body: JSON.parse(text) })
          await next()
        },
      ],
      attach: { handshake: [] },
    })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    const { text } = await socket.ticket()
    const tickets = Array.from({ length: Math.ceil(2_000_000 / text.length) }, () => text)
    expect((await visitor.store({ tickets })).status).toBe(413)
  })
})

describe('options', () => {
  it('take a maxAge that is no whole number of ms, or refuse it', async () => {
    const start = () =>
      App.start({
        options: { maxAge: 30.4375 * 24 * 60 * 60 * 1000 + 0.5 },
        routes: async (ctx) => {
          if (ctx.path === '/set') await ctx.liveSession.set('division', 5)
          ctx.body = String(ctx.liveSession.get('division'))
        },
      })
    const app = await start().catch((error: unknown) => error)
    if (!(app instanceof App)) {
      expect(app).toBeInstanceOf(TypeError)
      return
    }
    const visitor = app.visitor()
    await visitor.text('/set')
    expect(await visitor.text('/')).toBe('5')
  })
})

describe('tickets of a connection', () => {
  it('do not put a default over what the user\u2019s stored value reads as', async () => {
    const fields = defineFields({
      plan: { schema: z.string(), default: 'free', client: 'write', migrate: (stored) => `plan ${String(stored)}` },
      theme: { schema: z.string(), default: 'light', client: 'write', scope: 'browser' },
    })
    const older = defineFields({
      plan: { schema: z.number(), default: 0, client: 'write' },
      theme: { schema: z.string(), default: 'light', client: 'write', scope: 'browser' },
    })
    const former = await App.start<typeof older>({ fields: older })
    const cookie = cookieFor(former.live, { userId: 'ann', values: { plan: 7 } })
    const app = await App.start<typeof fields>({
      fields,
      clock: former.clock,
      options: { identify: () => 'ann' } as never,
    })
    const page = await app.visitor(cookie).connect()
    const tickets = [await page.ticket(), await page.ticket()]
    const shown = Object.assign({}, ...tickets.map(({ claims }) => claims.defaults))
    expect(shown).toMatchObject({ plan: 'plan 7' })
  })
})
