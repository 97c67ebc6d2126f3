import { inspect } from 'node:util'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { LiveSessionError, type SocketSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { emptyCache } from 'koa-live-session/testing'
import * as v from 'valibot'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { auth, identify } from '../support/app/auth.js'
import { Visitor } from '../support/app/visitor.js'
import { WireTap } from './wire-tap.js'

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
