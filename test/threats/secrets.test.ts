import { inspect } from 'node:util'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import Koa from 'koa'
import { LiveSessionError, liveSession, type SocketSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, emptyCache, memoryStore } from 'koa-live-session/testing'
import * as v from 'valibot'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { auth, identify } from '../support/app/auth.js'
import { bring, open, told } from '../support/app/hand-offs.js'
import { present } from '../support/app/present.js'
import { Visitor } from '../support/app/visitor.js'
import { WireTap } from './wire-tap.js'

describe('secrets', () => {
  const KEYS = ['canary-key-that-signs-and-is-long-enough', 'canary-key-that-is-retired-and-long-enough']
  const HIDDEN = 'canary-hidden-value'
  const PAYLOAD = 'canary-of-what-is-handed-off'

  const fields = defineFields({
    division: { schema: z.number().int(), default: -1, client: 'write' },
    role: { schema: z.string(), default: 'guest' },
    pin: { schema: z.string().regex(/^\S*$/), default: '', client: 'hidden' },
  })

  const METHODS = ['debug', 'dir', 'error', 'info', 'log', 'table', 'trace', 'warn'] as const

  /** Records the whole log. */
  function captureLog(): string[] {
    const lines: string[] = []
    for (const method of METHODS) {
      jest.spyOn(console, method).mockImplementation((...args: unknown[]) => void lines.push(args.map(show).join(' ')))
    }
    return lines
  }

  /** All that a log could show of a value. */
  function show(thing: unknown): string {
    const message = thing instanceof Error ? `${thing.message} ${thing.stack} ${show(thing.cause)}` : ''
    return `${message} ${inspect(thing, { depth: null, showHidden: true, maxStringLength: null })}`
  }

  /** A secret in plain text and in encodings. */
  function forms(secret: string): readonly string[] {
    const bytes = Buffer.from(secret)
    return [secret, bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url'), bytes.toString('hex')]
  }

  /** Removes the tickets of a response. */
  function besidesTickets(answer: string): string {
    return answer.replaceAll(/"(greeting|ticket)":(\[[^\]]*\]|"[^"]*")/g, '')
  }

  describe('threat 23: secrets', () => {
    it('appear in no log, error, response or acknowledgement', async () => {
      const app = await App.start({
        fields,
        keys: KEYS,
        options: { identify: (ctx) => (ctx.get('x-user') === '' ? undefined : ctx.get('x-user')) },
        attach: { handshake: [] },
        routes: async (ctx) => {
          const { liveSession } = ctx
          if (ctx.path === '/pin') await liveSession.set('pin', HIDDEN)
          if (ctx.path === '/blank') void liveSession.set('pin', `${HIDDEN} x`)
          if (ctx.path === '/long') await liveSession.set('pin', HIDDEN.repeat(10_000))
          if (ctx.path === '/wrong')
            void liveSession.set('role', { pin: liveSession.get('pin'), at: new Date(0) } as never)
          if (ctx.path === '/undeclared') liveSession.get('pni')
          if (ctx.path === '/update') {
            void liveSession.update('pin', () => {
              throw new Error('the app failed')
            })
          }
          ctx.body = show([liveSession, app.live])
        },
      })
      const log = captureLog()
      const heard: string[] = []
      app.io.on('connection', (socket) => {
        log.push(show(socket.liveSession))
        socket.liveSession.onChange(() => {
          throw new Error('a listener failed')
        })
      })
      const as = (user: string): Record<string, string> => ({ 'x-user': user })
      const ann = app.visitor()
      await ann.fetch('/pin', { headers: as('ann') })
      const socket = await ann.connect('/', as('ann'))
      await socket.change('division', 1)
      const tickets = socket.tickets.map(({ text }) => text)
      const eve = cookieFor(app.live, { values: { division: 66 } })
      const cookies = [...ann.cookie.split('; '), ...eve.split('; ')].map((pair) => pair.replace(/^[^=]*=/, ''))
      const [ticket = ''] = tickets

      const hear = async (answer: Response): Promise<void> => {
        const headers = [...answer.headers].filter(([name]) => name !== 'set-cookie')
        heard.push(`${answer.status} ${JSON.stringify(headers)} ${besidesTickets(await answer.text())}`)
      }
      for (const path of ['/blank', '/long', '/wrong', '/undeclared', '/update', '/pin', '/none']) {
        await hear(await ann.fetch(path, { headers: as('ann') }))
      }
      // Another character, in any case: the last one may carry unused bits.
      const forged = `${ticket.slice(0, -3)}${ticket.at(-3) === 'A' ? 'B' : 'A'}${ticket.slice(-2)}`
      const acks = [
        await socket.sendTickets(forged),
        await socket.sendTickets(ticket, 1 as never),
        await socket.change('pin', 'guess'),
        await socket.change(ticket, 1),
        await socket.set(['division', 0, '', 5]),
        await socket.io.emitWithAck('live_session:exchange', { pin: 1 }),
        await (await app.visitor().connect('/', as('bob'))).sendTickets(ticket),
      ]
      heard.push(...acks.map((ack) => besidesTickets(JSON.stringify(ack))))
      const posts: [unknown, Record<string, string>][] = [
        [{ tickets: [ticket] }, as('bob')],
        [{ tickets: [forged] }, as('ann')],
        [{ tickets: [`${ticket}.x`, 'x'] }, as('ann')],
        [{ set: [['pin', -1, '', 'guess']] }, as('ann')],
        [{ set: [['pin', -1, '']] }, as('ann')],
        [{ set: [['division', -1, '', 'x']] }, as('ann')],
        [{ set: [[ticket, -1, '', 1]] }, as('ann')],
        [{ who: ticket, set: [['pin', -1, '', 'guess']] }, as('ann')],
        [`{"set":${ticket}`, as('ann')],
        [{ secret: ticket }, as('ann')],
        [{ tickets: ['x'.repeat(70_000)] }, as('ann')],
        [{}, { ...as('ann'), origin: 'http://evil.example' }],
        [{}, { ...as('ann'), cookie: `live=${eve}; live.sig=${eve}` }],
        [{}, as('x'.repeat(300))],
      ]
      for (const [body, headers] of posts) await hear(await app.visitor(ann.cookie).store(body, headers))
      await hear(await ann.fetch('/store_session', { headers: as('ann') }))

      const handshakes: Record<string, string>[] = [
        { ...as('ann'), origin: 'http://evil.example' },
        { cookie: ann.cookie },
        as('x'.repeat(300)),
      ]
      for (const headers of handshakes) {
        const refused: unknown = await app
          .visitor()
          .connect('/', headers)
          .catch((error: unknown) => error)
        heard.push(show(refused instanceof Error ? { ...refused, message: refused.message } : refused))
      }
      await app.live.settled()

      // The search below proves something only if enough requests failed.
      expect(heard.filter((answer) => /^[45]\d\d |^20[02] .*"code":/.test(answer)).length).toBeGreaterThan(15)
      expect(acks.every((ack) => JSON.stringify(ack).includes('"code":'))).toBe(true)
      expect(app.errors.length).toBeGreaterThan(4)
      expect(log.length).toBeGreaterThan(2)
      const told = [...log, ...heard, ...app.warnings, ...app.errors.map(show)]
      const secrets = [...KEYS, HIDDEN, ...tickets, ...tickets.map((text) => text.split('.')[2] ?? ''), ...cookies]
      for (const secret of secrets) {
        expect(secret.length).toBeGreaterThan(15)
        for (const form of forms(secret)) expect(told.filter((text) => text.includes(form))).toEqual([])
      }
    })

    it.each<[string, object, string[]]>([
      ['a short key', {}, ['canary-short']],
      ['a short key of its own', { keys: ['canary-short'] }, KEYS],
      ['an unknown option', { secret: 'canary-short' }, KEYS],
      ['keys that are not a list', { keys: 'canary-short' }, KEYS],
      ['key in place of keys', { key: 'canary-short, and with a blank' }, KEYS],
    ])('appear in no error at start: %s', (_, options, keys) => {
      const start = (): unknown => liveSession(new Koa({ keys }), { fields, ...options } as never)
      let said = ''
      try {
        start()
      } catch (error) {
        said = show(error)
      }
      expect(said).toContain('koa-live-session: ')
      expect(said.replaceAll(/^ +at .*$/gm, '')).not.toContain('canary')
    })
  })

  it.each([
    ['change me change me change me change me', 'a placeholder', ['production', 'development']],
    ['CHANGE_ME_to_something_long_and_random', 'a placeholder', ['production', 'development']],
    ['only for development: thirty-two bytes', 'a placeholder', ['production', 'development']],
    ['0'.repeat(32), 'one of 1 different characters', ['production']],
    ['passwordpasswordpasswordpassword', 'one of 7 different characters', ['production']],
  ])('threat 115: the secret "%s" is refused as %s in %j', (secret, received, where) => {
    const start = (): unknown => liveSession(new Koa({ keys: [KEYS[0] ?? '', secret] }), { fields: {} })
    const refusals = ['production', 'development'].filter((NODE_ENV) => {
      const replaced = jest.replaceProperty(process, 'env', { ...process.env, NODE_ENV })
      try {
        start()
        return false
      } catch (error) {
        expect(String(error)).toContain(`received ${received} in app.keys. Generate one: node -p`)
        return true
      } finally {
        replaced.restore()
      }
    })
    expect(refusals).toEqual(where)
  })

  it('threat 23: a hand-off appears in no log, error or response', async () => {
    const store = memoryStore()
    const log = captureLog()
    const refusing = z.object({ text: z.string().refine(() => false, { error: ({ input }) => `refused: ${input}` }) })
    const throwing = {
      '~standard': { version: 1 as const, vendor: 'own', validate: () => Promise.reject(new Error('no')) },
    }
    const schemas = { '/refusing': refusing, '/throwing': throwing }
    const app = await App.start({
      options: { store },
      routes: async (ctx) => {
        const schema = schemas[ctx.path as keyof typeof schemas] ?? z.any()
        ctx.body = (await ctx.liveSession.takeHandOff('note', schema)) === undefined ? 'nothing' : 'something'
      },
    })
    const late: ((to: string) => void)[] = []
    app.io.on('connection', (socket) => {
      log.push(show(socket.liveSession))
      late.push((to) => void socket.liveSession.handOff('note', { text: PAYLOAD }, { to }))
      socket.on('go', () => present(late[0])('/'))
      socket.on('wrong', () => void socket.liveSession.handOff('note', { text: PAYLOAD, at: Number.NaN }, { to: '/' }))
      socket.on('long', () => void socket.liveSession.handOff('note', PAYLOAD.repeat(1000), { to: '/' }))
    })
    const { visitor, socket } = await open(app)
    const next = told(socket)
    for (const event of ['wrong', 'long', 'go']) socket.io.emit(event)
    const token = await next
    const answers: string[] = []
    const hear = async (answer: Response): Promise<void> => {
      answers.push(`${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`)
    }
    await hear(await bring(visitor, token, { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, '/'))
    for (const path of ['/refusing', '/throwing']) await hear(await bring(visitor, token, {}, path))
    await hear(await bring(visitor, `${token}${'x'.repeat(70_000)}`, {}, '/'))
    store.fail(1)
    await hear(await bring(visitor, token, {}, '/'))
    socket.io.disconnect()
    await new Promise((resolve) => setImmediate(resolve))
    present(late[0])('//evil.example')
    await new Promise((resolve) => setImmediate(resolve))

    expect(answers.map((text) => text.slice(0, 3))).toEqual(['403', '400', '500', '413', '503'])
    expect(app.errors.length).toBeGreaterThanOrEqual(8)
    const said = [...log, ...answers, ...app.warnings, ...app.errors.map(show)]
    for (const secret of [PAYLOAD, token, ...token.split('.').slice(2, 4)])
      expect(said.filter((text) => text.includes(secret))).toEqual([])
  })

  describe('a process with other secrets than the former process', () => {
    const start = (keys: string[]) =>
      App.start({
        fields,
        keys,
        routes: (ctx) => {
          ctx.body = String(ctx.liveSession.get('division'))
        },
      })
    const warnedBy = async (keys: string[]): Promise<readonly string[]> => {
      const former = await start(KEYS.slice(1))
      const cookie = cookieFor(former.live, { values: { division: 7 } })
      const app = await start(keys)
      for (let i = 0; i < 3; i += 1) await (await fetch(app.url, { headers: { cookie } })).text()
      return app.warnings.filter((line) =>
        line.includes('a live cookie is signed with none of the secrets of this process'),
      )
    }

    it('warns once for several requests', async () => {
      expect(await warnedBy(KEYS.slice(0, 1))).toHaveLength(1)
    })

    it('does not warn if it keeps the former secret as retired', async () => {
      expect(await warnedBy(KEYS)).toEqual([])
    })
  })
})

const CANARY = 'canary-that-no-page-may-see'

describe('threats 47 and 69: the name of a hidden field', () => {
  const fields = defineFields({
    creditRisk: { schema: z.string().max(20), default: '', client: 'hidden', maxBytes: 200 },
    fraudFlags: { schema: z.array(z.string()), default: [], client: 'hidden', scope: 'browser' },
    role: { schema: z.string(), default: 'guest' },
    division: { schema: z.number(), default: -1, client: 'write' },
  })
  const NAMES = /creditRisk|fraudFlags/
  const start = (routes?: Koa.Middleware) => App.start<typeof fields>({ fields, ...(routes && { routes }) })

  it.each<[string, (ctx: Koa.Context, app: App<typeof fields>) => unknown]>([
    ['a value that its schema refuses', (ctx) => ctx.liveSession.set('creditRisk', 'x'.repeat(21))],
    ['a value that is not JSON', (ctx) => ctx.liveSession.set('creditRisk', new Date() as never)],
    ['a value that is too large', (ctx) => ctx.liveSession.set('fraudFlags', ['x'.repeat(50_000)])],
    ['several values', (ctx) => ctx.liveSession.setMany({ role: 'admin', creditRisk: 5 as never })],
    ['an update', (ctx) => ctx.liveSession.update('creditRisk', () => 5 as never)],
    ['a misspelt name', (ctx) => ctx.liveSession.set('creditRisc' as never, 'x')],
    ['an update of an unknown user', async (_, app) => (await app.live.user('ann')).update('creditRisk', () => 'x')],
    [
      'a field of browsers for a user',
      async (_, app) => (await app.live.user('ann')).set('fraudFlags' as never, [] as never),
    ],
  ])('is absent from refusals of %s', async (_, act) => {
    const app: App<typeof fields> = await start(async (ctx) => {
      try {
        await act(ctx, app)
      } catch (error) {
        if (ctx.path !== '/json') throw error
        ctx.body = { error, text: String(error) }
      }
    })
    const visitor = app.visitor()
    const [plain, json] = [await visitor.fetch('/'), await visitor.fetch('/json')]
    expect([plain.status >= 400, plain.status < 500, json.status]).toEqual([true, true, 200])
    for (const text of [await plain.text(), await json.text()]) {
      expect(text).toContain('koa-live-session: ')
      expect(text).not.toMatch(NAMES)
    }
  })

  it.each([
    ['invalid', 'x'.repeat(21), /set\("creditRisk"\): not a valid value/],
    ['too large', 'x'.repeat(900), /"creditRisk" needs [\d,]+ bytes, more than its 200/],
  ])('is in the log for a value that is %s', async (_, value, cause) => {
    const app = await start((ctx) => {
      void ctx.liveSession.set('creditRisk', value)
      ctx.body = ''
    })
    await app.visitor().fetch('/')
    await new Promise((resolve) => setImmediate(resolve))
    expect(app.errors).toHaveLength(1)
    expect(inspect(app.errors)).toMatch(cause)
    expect(inspect(app.errors)).not.toContain(value)
  })

  it.each([
    ['set', ['creditRisk', -1, '', 'x'], ['creditRisks', -1, '', 'x']],
    ['set to an invalid value', ['creditRisk', -1, '', 5], ['creditRisks', -1, '', 5]],
    ['deleted', ['fraudFlags', -1, ''], ['fraudFlagss', -1, '']],
    ['resent', ['fraudFlags', 5, '', []], ['fraudFlagss', 5, '', []]],
    ['updated', ['fraudFlags', 0, 'id', []], ['fraudFlagss', 0, 'id', []]],
  ])('looks undeclared to a browser: %s', async (_, hidden, undeclared) => {
    const visitor = (await start()).visitor()
    await visitor.store()
    const { io } = await visitor.connect()
    const ask = async (change: readonly unknown[]): Promise<unknown> => {
      const answer = await visitor.store({ set: [change] })
      const said = [
        answer.status,
        await answer.json(),
        await io.emitWithAck('live_session:exchange', { set: [change] }),
      ]
      const refused = { results: [{ code: 'undeclared_key' }] }
      expect(said).toMatchObject([200, refused, refused])
      return JSON.stringify(said).replaceAll(String(change[0]), 'KEY')
    }
    expect(await ask(hidden)).toBe(await ask(undeclared))
  })

  it.each<[string, (session: SocketSession<typeof fields>, key: never) => unknown]>([
    ['get', (session, key) => session.get(key)],
    ['has', (session, key) => session.has(key)],
    ['subscribe', (session, key) => session.subscribe?.(key, () => undefined) ?? session.get(key)],
  ])('is absent from errors of %s() with a page\u2019s wrong key', async (method, act) => {
    const app = await start((ctx) => {
      ctx.body = String(act(ctx.liveSession as never, ctx.query['key'] as never))
    })
    app.io.on('connection', (socket) => {
      socket.on('read', (key, done) => {
        try {
          done(act(socket.liveSession as never, key as never))
        } catch (error) {
          done([error instanceof LiveSessionError, JSON.stringify(error), String(error)])
        }
      })
    })
    const visitor = app.visitor()
    const { io } = await visitor.connect()
    for (const key of ['creditRisc', 'fraudFlag', '__proto__', 'x'.repeat(70_000), null, 5, ['division'], {}]) {
      const answer = await io.emitWithAck('read', key)
      expect(answer).toEqual([true, expect.stringContaining('undeclared_key'), expect.stringMatching(/^.{30,300}$/)])
      expect(String(answer)).not.toMatch(NAMES)
    }
    const answer = await visitor.fetch('/?key=creditRisc')
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining('("creditRisc"): not declared. Declared: role, division.'),
    ])
    if (method === 'get')
      expect(app.warnings.join('\n')).toMatch(/\("creditRisc"\): not declared\. .* Did you mean "creditRisk"\?$/m)
  })
})

describe('threat 12: the value of a hidden field', () => {
  /** The value of a readable field, to prove that the search works. */
  const MARKER = 'marker-that-all-pages-see'

  const fields = defineFields({
    secret: { schema: z.string().max(60), default: CANARY, client: 'hidden' },
    vault: { schema: z.array(z.string()), default: [], client: 'hidden', scope: 'browser' },
    choice: { schema: v.picklist(['a', 'b']), default: 'a', client: 'hidden' },
    role: { schema: z.string(), default: 'guest' },
    division: { schema: z.number(), default: -1, client: 'write' },
  })

  const ends: (() => void)[] = []
  afterEach(() => {
    for (const end of ends.splice(0)) end()
  })

  const routes: Koa.Middleware = async (ctx) => {
    const { liveSession } = ctx
    const user = ctx.query['user']
    if (user !== undefined) ctx['session'].user = user
    if (user !== undefined) await liveSession.identify()
    if (ctx.path === '/leave') await liveSession.leave()
    if (ctx.path === '/write') await liveSession.setMany({ secret: CANARY, vault: [CANARY], role: MARKER, division: 1 })
    if (ctx.path === '/throw') {
      void liveSession.set('secret', `${CANARY}!`)
      throw new Error('later')
    }
    if (ctx.path === '/schema') await liveSession.set('secret', CANARY.repeat(9))
    if (ctx.path === '/quoting-schema') await liveSession.set('choice', CANARY as never)
    if (ctx.path === '/json') await liveSession.set('vault', new Map([[CANARY, CANARY]]) as never)
    if (ctx.path === '/large') await liveSession.set('vault', [CANARY.repeat(5000)])
    if (ctx.path === '/update') await liveSession.update('secret', (secret) => Symbol(String(secret)) as never)
    if (ctx.path === '/delete') await liveSession.delete('secret')
    ctx.body = ctx.path === '/snapshot' ? liveSession.snapshot() : liveSession.embed()
  }

  async function start() {
    const logged: unknown[] = []
    for (const method of ['error', 'log', 'info', 'debug'] as const) {
      jest.spyOn(console, method).mockImplementation((...args: unknown[]) => void logged.push(...args))
    }
    const app = await App.start<typeof fields>({
      fields,
      before: (koa) => [auth(koa)],
      options: { identify } as never,
      routes,
    })
    const tap = await WireTap.start(app.port)
    const visitor = new Visitor(tap.url)
    ends.push(
      () => visitor.leave(),
      () => tap.close(),
    )
    const log = (): string => inspect([...logged, ...app.errors, ...app.warnings], { depth: 10 })
    /** Expects the marker among all bytes, no name or value of a hidden field, and no such value in the log. */
    const expectNoCanary = (): void => {
      expect(tap.decoded + tap.plain).toContain(MARKER)
      expect(tap.plain + tap.decoded + log()).not.toContain(CANARY)
      expect(tap.plain + tap.decoded).not.toMatch(/secret|vault/)
    }
    return { app, tap, visitor, log, expectNoCanary }
  }

  it('is absent from pages, snapshots, cookies and headers', async () => {
    const { app, visitor, expectNoCanary } = await start()
    for (const path of ['/write', '/', '/snapshot', '/?user=ann', '/write', '/', '/delete', '/', '/leave', '/']) {
      await visitor.fetch(path)
    }
    await visitor.fetch('/write')
    emptyCache(app.live)
    await visitor.fetch('/')
    const { persisted } = await (await visitor.store()).json()
    expect(persisted.map(([key]: [string]) => key).sort()).toEqual(['division', 'role'])
    expectNoCanary()
  })

  it('is absent from tickets of connections, changes, jobs and POSTs', async () => {
    const { app, visitor, expectNoCanary } = await start()
    await visitor.fetch('/?user=ann')
    const socket = await visitor.connect()
    for (let first = 0; first < 2; first += 1) await socket.ticket()
    await visitor.fetch('/write')
    await socket.ticket()
    const job = await app.live.user('ann')
    await job.setMany({ secret: `${CANARY}#`, role: `${MARKER}#` })
    const { text } = await socket.ticket()
    await visitor.store({ tickets: [text], set: [['division', -1, '', 2]] })
    expect(job.get('secret')).toBe(`${CANARY}#`)
    expectNoCanary()
  })

  it('is absent from a page\u2019s values and changes', async () => {
    const { app, visitor, expectNoCanary } = await start()
    await visitor.fetch('/?user=ann')
    const page = await visitor.open({ path: '/snapshot' })
    const changes: unknown[] = []
    page.live.onChange((change) => changes.push(change))
    await page.connected()
    const job = await app.live.user('ann')
    await job.setMany({ secret: `${CANARY}#` as never, role: MARKER as never })
    await page.shows('role', MARKER)
    await page.live.set('division', 5)
    expect(page.live.get('secret' as never)).toBeUndefined()
    expect(JSON.stringify(changes)).toContain(MARKER)
    expect(JSON.stringify(changes)).not.toMatch(/secret|canary/)
    expectNoCanary()
  })

  it('is absent from error responses and the log', async () => {
    const { visitor, log, expectNoCanary } = await start()
    await visitor.fetch('/write')
    for (const path of ['/throw', '/schema', '/quoting-schema', '/json', '/large', '/update']) {
      const answer = await visitor.fetch(path)
      expect([path, answer.status]).toEqual([path, path === '/throw' ? 500 : 400])
    }
    expect(log()).toContain('invalid_value')
    expectNoCanary()
  })
})
