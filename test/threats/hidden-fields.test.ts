import { inspect } from 'node:util'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { emptyCache } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app.js'
import { auth, identify } from '../support/auth.js'
import { Visitor } from '../support/visitor.js'
import { WireTap } from '../support/wire-tap.js'

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

describe('threat 12: a hidden field', () => {
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
