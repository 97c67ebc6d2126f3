import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields, type JsonValue } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { auth, identify } from '../support/app/auth.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { expectNoCrashes } from '../support/app/no-crashes.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { turns } from '../support/app/within.js'

describe('inputs', () => {
  const fields = defineFields({
    division: { schema: z.number().int(), default: -1, client: 'write' },
    /** Accepts any JSON, so that refusals are the library's. */
    bag: { schema: z.custom<JsonValue>(() => true), default: null, client: 'write' },
    role: { schema: z.string(), default: 'guest' },
    secret: { schema: z.string(), default: '', client: 'hidden' },
  })
  const prototype = (): string => JSON.stringify(Reflect.ownKeys(Object.prototype).map(String))

  async function start() {
    const app = await App.start<typeof fields>({
      fields,
      routes: (ctx) => {
        const { liveSession } = ctx
        ctx.body = Object.fromEntries(['division', 'bag', 'role', 'secret'].map((key) => [key, liveSession.get(key)]))
      },
    })
    const stamp = app.clock.now()
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 1, bag: 'mine', role: 'user' } }))
    const { cookie } = visitor
    const socket = await RawSocket.enter(app.url, cookie)
    /** Expects unchanged memory and cookie. */
    const isUnchanged = async (): Promise<void> => {
      expect(visitor.cookie).toBe(cookie)
      const answer = await visitor.fetch('/')
      expect(await answer.json()).toEqual({ division: 1, bag: 'mine', role: 'user', secret: '' })
      expect(answer.headers.getSetCookie()).toEqual([])
      await visitor.store({ set: [['division', -1, '', 2]] })
      expect(cookieContent(visitor).r).toEqual([
        ['division', stamp + 1, 2],
        ['bag', stamp, 'mine'],
        ['role', stamp, 'user'],
      ])
      expect(app.errors).toEqual([])
      socket.hangUp()
    }
    return { app, visitor, socket, isUnchanged }
  }

  describe('threat 10: an undeclared key', () => {
    it.each<[string, unknown, string]>([
      ['another name', 'nope', 'undeclared_key'],
      ['__proto__', '__proto__', 'undeclared_key'],
      ['constructor', 'constructor', 'undeclared_key'],
      ['prototype', 'prototype', 'undeclared_key'],
      ['the register $epoch', '$epoch', 'undeclared_key'],
      ['a method of every object', 'hasOwnProperty', 'undeclared_key'],
      ['an empty key', '', 'undeclared_key'],
      ['other capitals', 'Division', 'undeclared_key'],
      ['a space behind it', 'division ', 'undeclared_key'],
      ['a zero byte behind it', 'division\0', 'undeclared_key'],
      ['a look-alike from Cyrillic', 'divisi\u043en', 'undeclared_key'],
      ['a look-alike from full-width', '\uff44ivision', 'undeclared_key'],
      ['a path', 'division.__proto__', 'undeclared_key'],
      ['10,000 characters', 'x'.repeat(10_000), 'undeclared_key'],
      ['a line break', 'x\r\nSet-Cookie: live=x', 'undeclared_key'],
      ['an array', ['division'], 'malformed'],
      ['an object', { toString: 'division' }, 'malformed'],
      ['null', null, 'malformed'],
      ['a number', 0, 'malformed'],
    ])('fails: %s', async (_, key, code) => {
      const before = prototype()
      const { visitor, socket, isUnchanged } = await start()
      const set = [[key, -1, '', { polluted: true }]]
      const answer = await visitor.store({ set })
      const said = [
        answer.status,
        await answer.json(),
        await socket.ask('live_session:exchange', JSON.stringify({ set })),
      ]
      expect(said).toMatchObject(
        code === 'malformed'
          ? [400, { error: { code, index: 0 } }, { ok: false, code, index: 0 }]
          : [200, { results: [{ code }] }, { results: [{ code }] }],
      )
      await isUnchanged()
      expect(prototype()).toBe(before)
      expect({}).not.toHaveProperty('polluted')
    })

    it.each([
      ['beside the known members', '{"__proto__":{"tickets":[]},"set":[]}'],
      ['instead of the known members', '{"constructor":{"prototype":{"polluted":true}}}'],
      ['in place of the list', '{"set":{"__proto__":{"length":1},"0":["division",-1,"",66]}}'],
      ['in place of a change', '{"set":[{"0":"division","1":-1,"2":"","3":66,"length":4}]}'],
    ])('fails as a member of the body, %s', async (_, body) => {
      const { visitor, isUnchanged } = await start()
      const answer = await visitor.store(body)
      expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 'malformed' } }])
      await isUnchanged()
      expect({}).not.toHaveProperty('polluted')
    })
  })

  describe('threat 11: a field that is not writable', () => {
    it.each<[string, string, readonly unknown[]]>([
      ['set if read-only', 'not_writable', ['role', -1, '', 'admin']],
      ['deleted if read-only', 'not_writable', ['role', -1, '']],
      ['resent if read-only', 'not_writable', ['role', 0, '', 'user']],
      ['updated if read-only', 'not_writable', ['role', 0, 'id', 'admin']],
      ['set if hidden', 'undeclared_key', ['secret', -1, '', 'x']],
      ['deleted if hidden', 'undeclared_key', ['secret', -1, '']],
    ])('cannot be %s', async (_, code, change) => {
      const { visitor, socket, isUnchanged } = await start()
      const set = [change]
      const answer = await visitor.store({ set })
      expect([answer.status, (await answer.json()).results]).toEqual([200, [{ code }]])
      expect(await socket.ask('live_session:exchange', JSON.stringify({ set }))).toMatchObject({ results: [{ code }] })
      await isUnchanged()
    })
  })

  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
  const list = (length: number): string => `[${'1,'.repeat(length - 1)}1]`

  describe('threat 13: an unacceptable value', () => {
    it.each([
      ['another type', 'division', '"x"', 'invalid_value'],
      ['a fraction', 'division', '1.5', 'invalid_value'],
      ['null', 'division', 'null', 'invalid_value'],
      ['an unsafe integer', 'division', '9007199254740993', 'invalid_value'],
      ['infinity', 'bag', '1e999', 'invalid_value'],
      ['a lone high surrogate', 'bag', '"\\ud800"', 'invalid_value'],
      ['surrogates the wrong way round', 'bag', '"\\udc00\\ud800"', 'invalid_value'],
      ['a lone surrogate as a name', 'bag', '{"\\ud800":1}', 'invalid_value'],
      ['__proto__ as a name', 'bag', '{"__proto__":{"polluted":true}}', 'invalid_value'],
      ['__proto__ deep within', 'bag', '{"a":[{"__proto__":1}]}', 'invalid_value'],
      ['33 levels', 'bag', nested(33), 'invalid_value'],
      ['10,000 levels', 'bag', nested(10_000), 'invalid_value'],
      ['10,001 members', 'bag', list(10_001), 'invalid_value'],
      ['more than its share of the cookie', 'bag', `"${'x'.repeat(5000)}"`, 'too_large'],
      ['more than its share, in few characters', 'bag', `"${'\u{1f600}'.repeat(500)}"`, 'too_large'],
    ])('fails: %s', async (_, key, json, code) => {
      const { visitor, socket, isUnchanged } = await start()
      const body = `{"set":[["${key}",-1,"",${json}]]}`
      const answer = await visitor.store(body)
      expect([answer.status, (await answer.json()).results]).toEqual([200, [{ code }]])
      expect(await socket.ask('live_session:exchange', body)).toMatchObject({ results: [{ code }] })
      await isUnchanged()
      expect({}).not.toHaveProperty('polluted')
    })
  })

  describe('threat 33: an invalid value set without await', () => {
    expectNoCrashes()

    it('reaches onError from a socket handler', async () => {
      const app = await App.start<typeof fields>({ fields })
      app.io.on('connection', (socket) => {
        socket.on('choose', (values, done) => {
          void socket.liveSession.setMany(values)
          setImmediate(() => setImmediate(done))
        })
      })
      const { io } = await app.visitor().connect()
      for (const values of [{ division: 'x' }, { nope: 1 }, { bag: 'x'.repeat(5000) }, { division: 4 }]) {
        await io.emitWithAck('choose', values)
      }
      expect(app.errors).toMatchObject([
        { code: 'invalid_value', key: 'division' },
        { code: 'undeclared_key', key: 'nope' },
        { code: 'too_large', key: 'bag' },
      ])
    })
  })
})

describe('promises', () => {
  expectNoCrashes()

  const failing = (): Promise<never> => Promise.reject(new Error('the database is away'))
  const thenable = {
    // biome-ignore lint/suspicious/noThenProperty: it tests a thenable
    then: (_: unknown, reject: (error: Error) => void) => reject(new Error('the database is away')),
  }
  const EXPECTED = 'expected a value, received a promise'

  const acts: readonly (readonly [string, (session: Koa.Context['liveSession']) => unknown])[] = [
    ['update("cart")', (session) => session.update('cart', failing as never)],
    ['set("cart")', (session) => session.set('cart', failing() as never)],
    ['setMany("cart")', (session) => session.setMany({ division: 1, cart: failing() as never })],
    ['update("cart")', (session) => session.update('cart', () => thenable as never)],
    ['update("secret")', (session) => session.update('secret', failing as never)],
  ]

  describe('threat 52: a promise in place of a value', () => {
    it.each(acts)('makes %s reject with a TypeError', async (call, act) => {
      const caught: unknown[] = []
      const app = await App.start({
        routes: async (ctx) => {
          await Promise.resolve(act(ctx.liveSession)).catch((error: unknown) => caught.push(error))
          ctx.body = [ctx.liveSession.get('cart'), ctx.liveSession.get('division')]
        },
      })
      expect(await (await app.visitor().fetch('/')).json()).toEqual([[], -1])
      await turns(3)
      expect(caught).toEqual([expect.any(TypeError)])
      expect(String(caught[0])).toContain(`${call}: ${EXPECTED}`)
      expect(String(caught[0])).toContain('Await it first')
    })

    it('is reported to onError if the app does not await', async () => {
      const app = await App.start({
        routes: (ctx) => {
          void ctx.liveSession.update('cart', failing as never)
          ctx.body = ''
        },
      })
      await app.visitor().fetch('/')
      await turns(3)
      expect(app.errors).toEqual([expect.any(TypeError)])
    })
  })

  describe('threat 52: a rule that returns a promise', () => {
    it('in onLogin is reported to onError, and loses no value', async () => {
      const fields = defineFields({
        cart: { schema: z.array(z.string()), default: [], client: 'write', onLogin: (() => failing()) as never },
      })
      const app = await App.start<typeof fields>({
        fields,
        before: (koa) => [auth(koa)],
        options: { identify } as never,
        routes: async (ctx) => {
          if (ctx.path === '/set') await ctx.liveSession.set('cart', ['a'])
          if (ctx.path === '/login') ctx['session'].user = 'ann'
          if (ctx.path === '/login') await ctx.liveSession.identify()
          ctx.body = ctx.liveSession.get('cart')
        },
      })
      const visitor = app.visitor()
      await visitor.fetch('/set')
      expect(await (await visitor.fetch('/login')).json()).toEqual(['a'])
      await turns(3)
      expect(app.errors).toEqual([expect.any(TypeError)])
      expect(String(app.errors[0])).toContain(`fields.cart.onLogin: ${EXPECTED}`)
    })

    it('in migrate is reported to onError once; the default stays', async () => {
      const migrate = (() => failing()) as never
      const old = defineFields({ cart: { schema: z.string(), default: '', client: 'write' } })
      const young = defineFields({ cart: { schema: z.array(z.string()), default: ['new'], client: 'write', migrate } })
      const first = await App.start<typeof old>({
        fields: old,
        routes: async (ctx) => {
          ctx.body = await ctx.liveSession.set('cart', 'a')
        },
      })
      const visitor = first.visitor()
      await visitor.fetch('/')
      const { port } = first
      await first.stop()
      const app = await App.start<typeof young>({
        fields: young,
        port,
        routes: (ctx) => {
          ctx.body = ctx.liveSession.get('cart')
        },
      })
      expect(await (await visitor.fetch('/')).json()).toEqual(['new'])
      expect(await (await visitor.fetch('/')).json()).toEqual(['new'])
      await turns(3)
      expect(app.errors).toEqual([expect.any(TypeError)])
      expect(String(app.errors[0])).toContain(`fields.cart.migrate: ${EXPECTED}`)
    })

    it.each(['onLogin', 'migrate'])('fails at start in an async %s', (option) => {
      const spec = { schema: z.number(), default: 1, client: 'write', [option]: async () => 1 }
      expect(() => defineFields({ cart: spec } as never)).toThrow(
        `koa-live-session: fields.cart.${option}: expected a function that answers at once, received an async function`,
      )
    })
  })
})

describe('injection', () => {
  const fields = defineFields({
    note: { schema: z.string(), default: '', client: 'write' },
    counts: { schema: z.record(z.string(), z.number()), default: {}, client: 'write' },
  })
  type InjectionFields = typeof fields

  /** Starts an app that sets the values of a header without awaiting, and responds with a value. */
  function start(options: object = {}): Promise<App<InjectionFields>> {
    return App.start<InjectionFields>({
      fields,
      options,
      attach: { handshake: [] },
      routes: async (ctx) => {
        const text = Buffer.from(ctx.get('x-set'), 'base64url').toString()
        const values: Record<string, JsonValue> = text === '' ? {} : JSON.parse(text)
        for (const [key, value] of Object.entries(values)) void ctx.liveSession.set(key, value)
        ctx.body = { note: ctx.liveSession.get('note') }
      },
    })
  }

  const setting = (values: object): RequestInit => ({
    headers: { 'x-set': Buffer.from(JSON.stringify(values)).toString('base64url') },
  })

  const HOSTILE = [
    ['a header of its own', 'x\r\nSet-Cookie: admin=1'],
    ['a line of its own', 'x\n2026-01-01 INFO admin signed in'],
    ['an attribute of its own', 'x; Domain=example.com; Path=/admin'],
    ['another cookie', 'x, live=evil'],
    ['control characters', '\u0000\u001b[2J\u007f\u009b1m'],
    ['separators of lines', '\u2028\u2029\u0085'],
    ['quotes', '"\'`\\'],
    ['other scripts', '\u00fc\u6f22\ud83d\ude00'],
  ] as const

  /** Ends of lines, and control characters of terminals. */
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for control characters
  const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

  describe('threat 22: header injection', () => {
    it.each(HOSTILE)('fails through a value: %s', async (_, value) => {
      const app = await start()
      const visitor = app.visitor()
      const answer = await visitor.fetch('/', setting({ note: value }))
      const cookies = answer.headers.getSetCookie()
      expect(cookies).toHaveLength(2)
      for (const cookie of cookies) {
        expect(cookie).toMatch(/^live(\.sig)?=[\w+/=-]+; path=\/; expires=[^;]+; samesite=lax; httponly$/)
      }
      expect([...answer.headers.keys()].sort()).toEqual(
        [...(await app.visitor().fetch('/', setting({ note: 'x' }))).headers.keys()].sort(),
      )
      expect(await (await visitor.fetch('/')).json()).toEqual({ note: value })
    })

    it.each(HOSTILE)('fails through a key: %s', async (_, text) => {
      const app = await start()
      for (const key of [text, `note${text}`]) {
        const posted = await app.visitor().store({ set: [[key, -1, '', 'x']] })
        expect([posted.status, (await posted.json()).results]).toEqual([200, [{ code: 'undeclared_key' }]])
        for (const cookie of posted.headers.getSetCookie())
          expect(cookie).toMatch(/^live(\.sig)?=[\w+/=-]+; path=\/; expires=[^;]+; samesite=lax; httponly$/)
        const socket = await app.visitor().connect()
        expect(await socket.change(key, 'x')).toEqual({ code: 'undeclared_key' })
        const answer = await app.visitor().fetch('/', setting({ [key]: 'x' }))
        expect([answer.status, answer.headers.getSetCookie()]).toEqual([200, []])
      }
      expect(app.warnings).toEqual([])
    })

    it.each(HOSTILE)('fails through a user id: %s', async (_, id) => {
      const app = await start({ identify: () => id })
      const answer = await app.visitor().fetch('/', setting({ note: 'x' }))
      expect(answer.status).toBe(200)
      for (const cookie of answer.headers.getSetCookie()) expect(cookie).toMatch(/^live(\.sig)?=[\w+/=-]+; path=\//)
      const socket = await app.visitor().connect()
      expect((await socket.ticket()).text).toMatch(/^[\w.-]+$/)
      expect([app.errors, app.warnings]).toEqual([[], []])
    })
  })

  describe('threat 22: log injection', () => {
    it.each([
      ['a path', 'http://evil.example/x y z'],
      ['an escape of a terminal', 'http://evil.example/\u009b2J'],
      ['an end of line', 'http://evil.example/\u0085INFO admin signed in'],
      ['quotes', '"http://evil.example"'],
      ['7 kB', `http://${'x'.repeat(7000)}.example`],
    ])('fails through a foreign origin and host: %s', async (_, text) => {
      const app = await start()
      app.koa.proxy = true
      for (const headers of [{ origin: text }, { origin: 'http://evil.example', 'x-forwarded-host': text }]) {
        expect((await app.visitor().store({}, headers)).status).toBe(403)
        await expect(app.visitor().connect('/', headers)).rejects.toMatchObject({ data: { code: 'bad_origin' } })
      }
      expect(app.warnings.length).toBeGreaterThan(1)
      for (const warning of app.warnings) {
        expect(warning).toMatch(/^koa-live-session: 403 bad_origin: the browser says /)
        expect(warning).not.toMatch(CONTROL)
        expect(warning.length).toBeLessThan(700)
      }
    })

    it.each(HOSTILE)('fails through keys: %s', async (_, key) => {
      const app = await start()
      await app.visitor().fetch('/', setting({ [key]: 'x' }))
      await app.visitor().fetch('/', setting({ counts: { [key]: 'no number' } }))
      expect(app.errors).toMatchObject([{ code: 'undeclared_key' }, { code: 'invalid_value', key: 'counts' }])
      for (const error of app.errors) expect(String(error)).not.toMatch(CONTROL)
    })
  })
})
