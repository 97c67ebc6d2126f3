import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, emptyCache, memorySession, memoryStore, testClient } from 'koa-live-session/testing'
import { z } from 'zod'
import { createLiveSession as createBrief } from '../../client/index.js'
import { App, type AppOptions } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import { awaited } from '../support/app/awaited.js'
import { DAY } from '../support/app/times.js'
import { set, startWithUsers, values } from '../support/app/users.js'

describe('lasting', () => {
  const fields = defineFields({
    division: { schema: z.number(), default: -1, client: 'write' },
    offer: { schema: z.string(), default: 'none', client: 'write', maxAge: 10 * DAY },
  })
  const routes: Koa.Middleware = async (ctx) => {
    if (ctx.path === '/set') await ctx.liveSession.setMany({ division: 3, offer: 'half' })
    ctx.body = ['division', 'offer'].map((key) => ctx.liveSession.get(key))
  }
  const start = () => App.start<typeof fields>({ fields, routes })

  describe('a value written once', () => {
    it('lasts while used, despite daily restarts', async () => {
      const app = await start()
      const visitor = app.visitor()
      await visitor.fetch('/set')
      for (let day = 1; day <= 100; day += 1) {
        app.clock.advance(DAY)
        emptyCache(app.live)
        const [division] = await (await visitor.fetch('/')).json()
        expect([day, division]).toEqual([day, 3])
      }
    })

    it('expires with a cookie unused for maxAge', async () => {
      const app = await start()
      const visitor = app.visitor()
      await visitor.fetch('/set')
      app.clock.advance(31 * DAY)
      expect(await (await visitor.fetch('/')).json()).toEqual([-1, 'none'])
    })

    it("expires after its field's maxAge, even if used", async () => {
      const app = await start()
      const visitor = app.visitor()
      await visitor.fetch('/set')
      const read: unknown[] = []
      for (let day = 1; day <= 11; day += 1) {
        app.clock.advance(DAY)
        read.push((await (await visitor.fetch('/')).json())[1])
      }
      expect(read).toEqual([...Array.from({ length: 9 }, () => 'half'), 'none', 'none'])
    })

    it('remains for a socket open for forty days', async () => {
      const app = await start()
      const seen: unknown[] = []
      app.io.on('connection', (socket) => {
        socket.on('look', (done) => done(seen.push(socket.liveSession.get('division'))))
      })
      const visitor = app.visitor(cookieFor(app.live, { values: { division: 3 } }))
      const socket = await visitor.connect()
      await socket.ticket()
      app.clock.advance(40 * DAY)
      await socket.io.emitWithAck('look')
      expect(seen).toEqual([3])
      const other = await visitor.connect().catch(() => undefined)
      expect((await other?.ticket())?.claims.changes).toEqual([])
      await socket.change('offer', 'x')
      expect((await socket.ticket()).claims.changes).toMatchObject([['offer', expect.any(Number), 'x']])
    })

    it('remains for a user whose other browser uses it', async () => {
      const app = await startWithUsers()
      const [desk, phone] = [app.visitor(), app.visitor()]
      await desk.fetch('/login/now?user=ann')
      await phone.fetch('/login/now?user=ann')
      await values(desk, '/set?values={"division":7}')
      for (let week = 1; week <= 10; week += 1) {
        app.clock.advance(7 * DAY)
        await phone.fetch('/login/now?user=ann')
        expect([week, (await values(phone))['division']]).toEqual([week, 7])
      }
      await desk.fetch('/login/now?user=ann')
      expect((await values(desk))['division']).toBe(7)
    })

    it('outside the cookie, stays in memory if used once per maxAge', async () => {
      const app = await App.start({
        options: { identify: () => 'ann' },
        routes: async (ctx) => {
          if (ctx.path === '/hide') await ctx.liveSession.set('secret', 'hush')
          ctx.body = ctx.liveSession.get('secret')
        },
      })
      await app.visitor().fetch('/hide')
      for (const days of [15, 30, 25]) {
        app.clock.advance(days * DAY)
        expect(await app.visitor().text('/')).toBe('hush')
      }
    })
  })

  describe('a key of another build', () => {
    it('leaves the cookie when maxAge has passed since its write', async () => {
      const old = defineFields({ ...fields, legacy: { schema: z.string(), default: '', client: 'write' } })
      const first = await App.start<typeof old>({ fields: old })
      const visitor = first.visitor(cookieFor(first.live, { values: { division: 3, legacy: 'x' } }))
      const { clock, port } = first
      await first.stop()
      const app = await App.start<typeof fields>({ fields, routes, clock, port })
      const carried: boolean[] = []
      for (const days of [20, 10, 2]) {
        clock.advance(days * DAY)
        await visitor.fetch('/set')
        carried.push(
          Buffer.from(visitor.cookie.replace(/^live=/, ''), 'base64')
            .toString()
            .includes('legacy'),
        )
      }
      expect(carried).toEqual([true, true, false])
      expect(await (await app.visitor(visitor.cookie).fetch('/')).json()).toEqual([3, 'half'])
    })
  })

  describe("a cookie of maxAge 'session'", () => {
    const options = { maxAge: 'session' } as const
    const ATTRIBUTES = ['path=/', 'samesite=lax', 'httponly']

    function attributes(answer: Response): readonly (readonly string[])[] {
      return answer.headers.getSetCookie().map((cookie) => cookie.split('; ').slice(1))
    }

    it('has neither Expires nor Max-Age, even when rewritten', async () => {
      const app = await App.start({ options, routes: pages })
      const visitor = app.visitor()
      expect(attributes(await visitor.fetch('/set?values={"division":3}'))).toEqual([ATTRIBUTES, ATTRIBUTES])
      expect(attributes(await visitor.store())).toEqual([ATTRIBUTES, ATTRIBUTES])
      app.clock.advance(16 * DAY)
      expect(attributes(await visitor.fetch('/'))).toEqual([ATTRIBUTES, ATTRIBUTES])
    })

    it('lasts 31 days after its last use', async () => {
      const app = await App.start({ options, routes: pages })
      const visitor = app.visitor()
      await set(visitor, { division: 3 })
      for (let count = 0; count < 3; count += 1) {
        app.clock.advance(30 * DAY)
        expect(await values(visitor)).toMatchObject({ division: 3 })
      }
      app.clock.advance(31 * DAY)
      expect(await values(visitor)).toMatchObject({ division: -1 })
    })

    it('lasts as long as tickets and retired ids', async () => {
      const app = await App.start({ options, routes: pages })
      const visitor = app.visitor()
      await set(visitor, { division: 3 })
      const { cookie } = visitor
      const { claims, text } = await (await visitor.connect()).ticket()
      expect(claims.exp - claims.iat).toBe((31 * DAY) / 1000)
      app.clock.advance(31 * DAY - 2000)
      expect((await app.visitor(cookie).store({ tickets: [text] })).status).toBe(200)
      await app.visitor(cookie).fetch('/leave')
      expect(await values(app.visitor(cookie))).toMatchObject({ division: -1 })
    })

    it('requires a store that keeps values as long as the cookie', async () => {
      const short = Object.assign(memoryStore(), { maxIdle: 30 * DAY })
      await expect(App.start({ options: { ...options, store: short } })).rejects.toThrow(
        `koa-live-session: store: expected one that keeps values for maxAge (${31 * DAY} ms) or longer, like redisStore(client, { maxIdle: ${31 * DAY} }), received ${30 * DAY}`,
      )
    })
  })

  describe('maxAge', () => {
    it.each(['Session', '31d', 0, Number.POSITIVE_INFINITY])('rejects %p, naming the valid values', async (maxAge) => {
      await expect(App.start({ options: { maxAge: maxAge as never } })).rejects.toThrow(
        `koa-live-session: maxAge: expected ms, more than 0 and at most 100 years, or 'session', received ${maxAge}`,
      )
    })
  })
})

describe('optional members', () => {
  const CLEARED = { division: 3, team: undefined, deep: [{ from: 'a', to: undefined }] }
  /** The JSON of `CLEARED` without undefined members; `toEqual` would ignore the difference. */
  const KEPT = '{"division":3,"deep":[{"from":"a"}]}'

  const schema = z.object({
    division: z.number(),
    team: z.string().optional(),
    deep: z.array(z.object({ from: z.string(), to: z.string().optional() })),
  })
  const fallback = { division: 1, deep: [] }
  const fields = defineFields({ filter: { schema, default: fallback, client: 'write' } })
  type OwnFields = typeof fields

  /** A session of any kind; the tests register no fields. */
  interface AnySession {
    get(key: 'filter'): unknown
    set(key: 'filter', value: unknown): Promise<unknown>
    setMany(values: { readonly filter: unknown }): Promise<unknown>
    update(key: 'filter', next: (now: object) => unknown): Promise<unknown>
  }
  type Act = (session: AnySession) => Promise<unknown>

  function any(session: unknown): AnySession {
    return session as AnySession
  }

  const CHANGES: readonly (readonly [string, (value: unknown) => Act])[] = [
    ['set', (value) => (session) => session.set('filter', value)],
    ['setMany', (value) => (session) => session.setMany({ filter: value })],
    ['update', (value) => (session) => session.update('filter', () => value)],
  ]

  /** Starts an app whose routes act on the session and answer with the value. */
  function start(act: Act, options: AppOptions<OwnFields>['options'] = {}): Promise<App<OwnFields>> {
    const routes: Koa.Middleware = async (ctx) => {
      if (ctx.path === '/act') await act(any(ctx.liveSession))
      ctx.body = ctx.path === '/snapshot' ? ctx.liveSession.snapshot() : any(ctx.liveSession).get('filter')
    }
    return App.start({ fields, routes, options })
  }

  async function onPage(act: Act, hasSocket: boolean): Promise<unknown> {
    const visitor = (await start(act)).visitor()
    const { live } = await visitor.open({ path: '/snapshot', hasSocket })
    await act(any(live))
    const value = any(live).get('filter')
    expect(await (await visitor.fetch('/')).json()).toEqual(value)
    return value
  }

  /** Places to set a value; each returns the value read afterwards. */
  const PLACES: Readonly<Record<string, (act: Act) => Promise<unknown>>> = {
    'a route': async (act) => {
      const visitor = (await start(act)).visitor()
      await visitor.fetch('/act')
      return (await visitor.fetch('/')).json()
    },
    'a socket handler': async (act) => {
      const app = await start(act)
      const done = new Promise<unknown>((resolve, reject) => {
        app.io.on('connection', ({ liveSession }) => {
          act(any(liveSession)).then(() => resolve(any(liveSession).get('filter')), reject)
        })
      })
      await app.visitor(cookieFor(app.live, {})).connect()
      return awaited('the handler', done)
    },
    'a job, with a store': async (act) => {
      const session = any(await (await start(act, { store: memoryStore() })).live.user('ann'))
      await act(session)
      return session.get('filter')
    },
    'a page with a socket': (act) => onPage(act, true),
    'a page without a socket': (act) => onPage(act, false),
    'a page in production': async (act) => {
      const live = createBrief({ initial: { values: {}, defaults: { filter: fallback }, stamps: {} } as never })
      void act(any(live))
      const value = any(live).get('filter')
      live.close()
      return value
    },
  }

  describe.each(Object.entries(PLACES))('an undefined member, set in %s', (_, place) => {
    it.each(CHANGES)('is omitted by %s', async (__, change) => {
      const value = await place(change(CLEARED))
      expect([JSON.stringify(value), Object.keys(Object(value))]).toEqual([KEPT, ['division', 'deep']])
    })
  })

  describe.each(Object.entries(PLACES))('-0 and a symbol key, set in %s', (_, place) => {
    it.each(CHANGES)('are 0 and omitted, as in JSON, by %s', async (__, change) => {
      const value = await place(change({ division: -0, deep: [], [Symbol('x')]: 1 }))
      expect(value).toStrictEqual({ division: 0, deep: [] })
    })
  })

  describe('an undefined element or value', () => {
    beforeEach(() => void jest.spyOn(console, 'error').mockReturnValue())

    const bare = z.any()
    const any1 = defineFields({ filter: { schema: bare, default: null, client: 'write' } })

    it.each([
      [[1, undefined], 'received undefined at $[1]. Use null, or leave the element out.'],
      [{ list: [{ a: [undefined] }] }, 'received undefined at $.list[0].a[0]. Use null, or leave the element out.'],
      [undefined, 'received undefined at $. To remove the value, use delete.'],
    ])('is refused with its path: %j', async (value, message) => {
      for (const session of [any(memorySession(any1)), any(testClient(any1))])
        for (const [, change] of CHANGES)
          await expect(change(value)(session)).rejects.toMatchObject({
            code: 'invalid_value',
            message: `koa-live-session: set("filter"): expected a JSON value, ${message}`,
          })
      const live = createBrief({ initial: { values: {}, defaults: { filter: 1 }, stamps: {} } as never })
      for (const [, change] of CHANGES)
        await expect(change(value)(any(live))).rejects.toMatchObject({ code: 'invalid_value' })
      live.close()
    })
  })

  describe('values differing only by undefined members', () => {
    it('are equal: no listener runs, and get returns the same object', async () => {
      for (const session of [memorySession(fields), testClient(fields)]) {
        await any(session).set('filter', JSON.parse(KEPT))
        const before = any(session).get('filter')
        const changes: unknown[] = []
        session.onChange((change) => changes.push(change))
        await any(session).set('filter', CLEARED)
        expect(changes).toEqual([])
        if ('flush' in session) expect(any(session).get('filter')).toBe(before)
      }
    })
  })

  describe('an undefined member of an update', () => {
    const read = (field: object): unknown => {
      const declared = defineFields({ filter: { schema, default: fallback, client: 'write', ...field } } as never)
      return any(memorySession(declared)).get('filter')
    }

    it('is omitted from a default and a schema default', () => {
      expect(JSON.stringify(read({ default: CLEARED }))).toBe(KEPT)
      expect(JSON.stringify(read({ schema: schema.default(CLEARED), default: undefined }))).toBe(KEPT)
    })

    it('is omitted from the output of a schema', async () => {
      const made = z.any().transform(() => CLEARED)
      const session = any(memorySession(defineFields({ filter: { schema: made, default: null } } as never)))
      await session.set('filter', {})
      expect(JSON.stringify(session.get('filter'))).toBe(KEPT)
    })

    it('is omitted from the result of migrate', async () => {
      const app = await App.start({ fields: defineFields({ filter: { schema: z.string(), default: '' } }) })
      const cookie = cookieFor(app.live, { values: { filter: 'of before' } })
      const next = await App.start({
        fields: defineFields({ filter: { schema, default: fallback, migrate: () => CLEARED } }),
        routes: (ctx) => {
          ctx.body = any(ctx.liveSession).get('filter')
        },
      })
      expect(await next.visitor(cookie).text('/')).toBe(KEPT)
    })

    it('is omitted from the result of onLogin', async () => {
      let user: string | undefined
      const app = await App.start({
        fields: defineFields({ filter: { schema, default: fallback, client: 'write', onLogin: () => CLEARED } }),
        options: { identify: () => user },
        attach: { handshake: [] },
        routes: async (ctx) => {
          user = 'ann'
          await ctx.liveSession.identify()
          ctx.body = any(ctx.liveSession).get('filter')
        },
      })
      expect(await app.visitor(cookieFor(app.live, { values: { filter: fallback } })).text('/')).toBe(KEPT)
    })

    it('is omitted from a flash message', async () => {
      const app = await App.start({
        routes: async (ctx) => {
          if (ctx.path === '/say') await ctx.liveSession.flash({ text: 'Saved.', undo: undefined })
          ctx.body = ctx.path === '/say' ? '' : await ctx.liveSession.takeFlash()
        },
      })
      const visitor = app.visitor()
      await visitor.fetch('/say')
      expect(await visitor.text('/')).toBe('[{"text":"Saved."}]')
    })
  })
})
