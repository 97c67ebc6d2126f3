import { inspect } from 'node:util'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { LiveSessionError, type SocketSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { emptyCache } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { auth, identify } from '../support/app/auth.js'
import { Visitor } from '../support/app/visitor.js'
import { WireTap } from './wire-tap.js'

const fields = defineFields({
  creditRisk: { schema: z.string().max(20), default: '', client: 'hidden', maxBytes: 200 },
  fraudFlags: { schema: z.array(z.string()), default: [], client: 'hidden', scope: 'browser' },
  role: { schema: z.string(), default: 'guest' },
  division: { schema: z.number(), default: -1, client: 'write' },
})

const NAMES = /creditRisk|fraudFlags/

const refusals: [string, (ctx: Koa.Context, app: App<typeof fields>) => unknown][] = [
  ['a value that its schema refuses', (ctx) => ctx.liveSession.set('creditRisk', 'x'.repeat(21))],
  ['a value that is no JSON', (ctx) => ctx.liveSession.set('creditRisk', new Date() as never)],
  ['a value that is too large', (ctx) => ctx.liveSession.set('fraudFlags', ['x'.repeat(50_000)])],
  ['several values', (ctx) => ctx.liveSession.setMany({ role: 'admin', creditRisk: 5 as never })],
  ['an update', (ctx) => ctx.liveSession.update('creditRisk', () => 5 as never)],
  ['a misspelt name', (ctx) => ctx.liveSession.set('creditRisc' as never, 'x')],
  ['an update of an unknown user', async (_, app) => (await app.live.user('ann')).update('creditRisk', () => 'x')],
  [
    'a field of browsers for a user',
    async (_, app) => (await app.live.user('ann')).set('fraudFlags' as never, [] as never),
  ],
]

describe('threat 47: the name of a hidden field', () => {
  it.each(refusals)('is in no answer to %s that the app’s own code set', async (_, act) => {
    const caught: unknown[] = []
    const routes: Koa.Middleware = async (ctx) => {
      try {
        await act(ctx, app)
      } catch (error) {
        caught.push(error)
        if (ctx.path === '/json') ctx.body = { error, text: String(error) }
        else throw error
      }
    }
    const app: App<typeof fields> = await App.start<typeof fields>({ fields, routes })
    const visitor = app.visitor()
    const [plain, json] = [await visitor.fetch('/'), await visitor.fetch('/json')]
    expect([plain.status >= 400, plain.status < 500, json.status]).toEqual([true, true, 200])
    expect(await plain.text()).toContain('koa-live-session: ')
    expect(caught).toHaveLength(2)
    for (const answer of [await (await visitor.fetch('/')).text(), await (await visitor.fetch('/json')).text()])
      expect(answer).not.toMatch(NAMES)
  })

  it.each([
    ['its schema refuses', 'x'.repeat(21), /set\("creditRisk"\): not a valid value/],
    ['is too large', 'x'.repeat(900), /"creditRisk" needs [\d,]+ bytes of the 200 it may take/],
  ])('is in the cause of a refusal, for the log, where a value %s', async (_, value, told) => {
    const app = await App.start<typeof fields>({
      fields,
      routes: async (ctx) => {
        void ctx.liveSession.set('creditRisk', value)
        ctx.body = ''
      },
    })
    await app.visitor().fetch('/')
    await new Promise((resolve) => setImmediate(resolve))
    expect(app.errors).toHaveLength(1)
    expect(inspect(app.errors)).toMatch(told)
    expect(inspect(app.errors)).not.toContain(value)
  })

  it.each([
    ['set', ['creditRisk', -1, '', 'x'], ['creditRisks', -1, '', 'x']],
    ['set to what its schema refuses', ['creditRisk', -1, '', 5], ['creditRisks', -1, '', 5]],
    ['deleted', ['fraudFlags', -1, ''], ['fraudFlagss', -1, '']],
    ['set again', ['fraudFlags', 5, '', []], ['fraudFlagss', 5, '', []]],
    ['computed', ['fraudFlags', 0, 'id', []], ['fraudFlagss', 0, 'id', []]],
  ])('is not to be told from one that is not declared, where a browser has it %s', async (_, hidden, undeclared) => {
    const app = await App.start<typeof fields>({ fields })
    const visitor = app.visitor()
    await visitor.store()
    const { io } = await visitor.connect()
    const ask = async (change: readonly unknown[]): Promise<unknown> => {
      const answer = await visitor.store({ set: [change] })
      const said = [answer.status, await answer.json(), await io.emitWithAck('live_session:sync', { set: [change] })]
      expect(said).toMatchObject([
        200,
        { results: [{ code: 'undeclared_key' }] },
        { results: [{ code: 'undeclared_key' }] },
      ])
      return JSON.stringify(said).replaceAll(String(change[0]), 'KEY')
    }
    expect(await ask(hidden)).toBe(await ask(undeclared))
  })

  it('is not missed where there is no other: an unknown key is refused with its code', async () => {
    const hidden = defineFields({ creditRisk: { schema: z.string(), default: '', client: 'hidden' } })
    const app = await App.start<typeof hidden>({
      fields: hidden,
      routes: async (ctx) => {
        await ctx.liveSession.set('nope' as never, 'x' as never)
      },
    })
    const answer = await app.visitor().fetch('/')
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('set("nope"): not declared')])
  })
})

describe('threat 69: a key that a page chose, which a handler reads', () => {
  /** What handlers answer with that read any key in this way. */
  async function read(act: (session: SocketSession<typeof fields>, key: never) => unknown, keys: readonly unknown[]) {
    const app = await App.start<typeof fields>({
      fields,
      routes: (ctx) => {
        ctx.body = String(act(ctx.liveSession as never, ctx.query['key'] as never))
      },
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
    const answers: unknown[] = []
    for (const key of keys) answers.push(await io.emitWithAck('read', key))
    const answer = await visitor.fetch(`/?key=${encodeURIComponent(String(keys[0]))}`)
    return { app, answers, status: answer.status, text: await answer.text() }
  }

  it.each<[string, Parameters<typeof read>[0]]>([
    ['get', (session, key) => session.get(key)],
    ['has', (session, key) => session.has(key)],
    ['subscribe', (session, key) => session.subscribe?.(key, () => undefined) ?? session.get(key)],
  ])('is refused with a code, and without the name of a hidden field, by %s', async (_, act) => {
    const keys = ['creditRisc', 'fraudFlag', '__proto__', 'x'.repeat(70_000), null, 5, ['division'], { toString: 1 }]
    const { answers, status, text } = await read(act, keys)
    expect(answers).toHaveLength(keys.length)
    for (const answer of answers) {
      expect(answer).toEqual([true, expect.stringContaining('undeclared_key'), expect.stringMatching(/^.{30,300}$/)])
      expect(String(answer)).not.toMatch(NAMES)
    }
    expect([status, text]).toEqual([
      400,
      expect.stringContaining('("creditRisc"): not declared. Declared: role, division.'),
    ])
  })

  it('is told to the log with the name that is likely meant', async () => {
    const { app } = await read((session, key) => session.get(key), ['creditRisc'])
    expect(app.warnings.at(-1)).toMatch(/get\("creditRisc"\): not declared\. Declared: .* Did you mean "creditRisk"\?$/)
  })
})

describe('threat 12: a hidden field', () => {
  const CANARY = 'canary-that-no-page-may-see'

  /** In a field that browsers may read: what finds this would find the other. */
  const MARKER = 'marker-that-all-pages-see'

  const fields = defineFields({
    secret: { schema: z.string().max(60), default: CANARY, client: 'hidden' },
    vault: { schema: z.array(z.string()), default: [], client: 'hidden', scope: 'browser' },
    role: { schema: z.string(), default: 'guest' },
    division: { schema: z.number(), default: -1, client: 'write' },
  })

  const taps: WireTap[] = []

  const visitors: Visitor[] = []

  afterEach(() => {
    for (const visitor of visitors.splice(0)) visitor.leave()
    for (const tap of taps.splice(0)) tap.close()
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
    taps.push(tap)
    const visit = (): Visitor => {
      const visitor = new Visitor(tap.url)
      visitors.push(visitor)
      return visitor
    }
    const log = (): string => inspect([...logged, ...app.errors, ...app.warnings], { depth: 10 })
    return { app, tap, visit, log }
  }

  it('is in no page, snapshot, cookie or header', async () => {
    const { tap, visit } = await start()
    const visitor = visit()
    for (const path of ['/write', '/', '/snapshot', '/?user=ann', '/write', '/', '/delete', '/', '/leave', '/']) {
      await visitor.fetch(path)
    }
    expect(tap.plain).toContain(`"role":"${MARKER}"`)
    expect(tap.decoded).toContain(`"role",`)
    expect(tap.plain + tap.decoded).not.toContain(CANARY)
    expect(tap.plain + tap.decoded).not.toMatch(/secret|vault/)
  })

  it('is in no ticket: of a connection, of a change, of a job, of a POST', async () => {
    const { app, tap, visit } = await start()
    const visitor = visit()
    await visitor.fetch('/?user=ann')
    app.io.on('connection', (socket) => {
      socket.on('write', async (done) => {
        await socket.liveSession.setMany({ secret: `${CANARY}?`, vault: [CANARY], role: `${MARKER}?` })
        await socket.liveSession.delete('secret')
        done(socket.liveSession.get('vault'))
      })
    })
    const socket = await visitor.connect()
    for (let first = 0; first < 2; first += 1) await socket.ticket()
    await visitor.fetch('/write')
    await socket.ticket()
    const job = await app.live.user('ann')
    await job.setMany({ secret: `${CANARY}#`, role: `${MARKER}#` })
    const { text } = await socket.ticket()
    await visitor.store({ tickets: [text], set: [['division', -1, '', 2]] })
    expect(job.get('secret')).toBe(`${CANARY}#`)
    expect(tap.decoded).toContain(`"role",`)
    expect(tap.decoded).toContain(MARKER)
    expect(tap.plain + tap.decoded).not.toContain(CANARY)
    expect(tap.plain + tap.decoded).not.toMatch(/secret|vault/)
  })

  it('is in no change that the page hears of, and not among what it can read', async () => {
    const { app, tap, visit } = await start()
    const visitor = visit()
    await visitor.fetch('/?user=ann')
    const page = await visitor.open({ path: '/snapshot' })
    const heard: unknown[] = []
    page.live.onChange((change) => heard.push(change))
    await page.connected()
    const job = await app.live.user('ann')
    await job.setMany({ secret: `${CANARY}#` as never, role: MARKER as never })
    await page.shows('role', MARKER)
    await page.live.set('division', 5)
    expect(JSON.stringify(heard)).toContain(MARKER)
    expect(page.live.get('secret' as never)).toBeUndefined()
    expect(JSON.stringify(heard)).not.toMatch(/secret|canary/)
    expect(tap.plain + tap.decoded).not.toContain(CANARY)
  })

  it('is in no error that a browser is answered with, and in no line of the log', async () => {
    const { tap, visit, log } = await start()
    const visitor = visit()
    await visitor.fetch('/write')
    for (const path of ['/throw', '/schema', '/json', '/large', '/update']) {
      const answer = await visitor.fetch(path)
      expect([path, answer.status]).toEqual([path, path === '/throw' ? 500 : 400])
    }
    expect(log()).toContain('invalid_value')
    expect(tap.plain + tap.decoded).not.toContain(CANARY)
    expect(log()).not.toContain(CANARY)
  })

  it('is in no answer to a browser that asks for it by name', async () => {
    const { tap, visit, log } = await start()
    const visitor = visit()
    await visitor.fetch('/write')
    const socket = await visitor.connect()
    expect((await (await visitor.store({ set: [['secret', -1, '', 'x']] })).json()).results).toEqual([
      { code: 'undeclared_key' },
    ])
    expect(await socket.change('secret', 'x')).toEqual({ code: 'undeclared_key' })
    expect(await socket.set(['secret', 0, ''])).toMatchObject({ results: [{ code: 'undeclared_key' }] })
    expect(await socket.change('vault', 5)).toEqual({ code: 'undeclared_key' })
    expect(tap.plain + tap.decoded + log()).not.toContain(CANARY)
  })

  it('does not come along in what the cookie says once memory has forgotten it', async () => {
    const { app, tap, visit } = await start()
    const visitor = visit()
    await visitor.fetch('/write')
    emptyCache(app.live)
    await visitor.fetch('/')
    expect(await (await visitor.store()).json()).toMatchObject({
      held: [
        ['role', expect.any(Number)],
        ['division', expect.any(Number)],
      ],
    })
    expect(tap.decoded).toContain(MARKER)
    expect(tap.plain + tap.decoded).not.toContain(CANARY)
  })
})
