import { type ChildProcess, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { JSDOM } from 'jsdom'
import type Koa from 'koa'
import { createLiveSession, type LiveSessionClient } from 'koa-live-session/client'
import { createClient } from 'redis'
import type { SyncAnswer } from '../../shared/protocol.js'
import { App } from '../support/app.js'
import type { DocsServer } from '../support/docs-server.js'
import { freePort } from '../support/free-port.js'
import { snippet } from '../support/readme.js'
import { runSnippet } from '../support/run-snippet.js'
import { ends, startDocs, visitorOf } from '../support/running-docs.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'
import type { Outcome, TestSocket } from '../support/socket.js'
import type { Visitor } from '../support/visitor.js'
import { within } from '../support/within.js'

const PAGE = 'docs/recipes.md'
const SHARED = ['accounts.ts', 'catalog.ts', 'fields.ts', 'redis.ts', 'webhook.ts']
const others = { ...Object.fromEntries(SHARED.map((name) => [name, snippet(name, PAGE)])), 'page.js': '' }
const WEBHOOK_SECRET = 'what the provider has given us'

const start = (file: string, variables: Record<string, string> = {}): Promise<DocsServer> =>
  startDocs(PAGE, file, { others, variables })

const post = (visitor: Visitor, path: string): Promise<Response> => visitor.fetch(path, { method: 'POST' })
/** Waits for a ticket with this value. A webhook that comes again, as the store was late, is told of once more. */
async function told(socket: TestSocket, key: string, value: unknown): Promise<void> {
  for (;;) {
    const { claims } = await socket.ticket()
    if (claims.changes.some(([name, , newest]) => name === key && newest === value)) return
  }
}

describe(PAGE, () => {
  it('has a cart whose largest content has room in the cookie', async () => {
    const server = await start('cart.ts')
    const visitor = visitorOf(server)
    const set = async (cart: readonly string[]): Promise<unknown> => {
      const answer = await visitor.store({ set: [['cart', -1, '', cart]] })
      return ((await answer.json()) as SyncAnswer).results[0]
    }
    const full = Array.from({ length: 50 }, () => 'bread')
    expect(await set(full)).toHaveProperty('stamp')
    expect(await set([...full, 'tea'])).toEqual({ code: 'invalid_value' })
    expect(await set(['caviar'])).toEqual({ code: 'invalid_value' })
  })

  it('has a filter that a link and a form without a script set, and that is kept without the parameter', async () => {
    const server = await start('filter.ts')
    const visitor = visitorOf(server)
    const headers = { accept: 'text/html', 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' }
    const visit = async (path: string): Promise<string | undefined> => {
      const html = await (await visitor.fetch(path, { headers })).text()
      return /<h1>Costs of (.*?)<\/h1>/.exec(html)?.[1]
    }
    expect(await visit('/')).toBe('all divisions')
    expect(await visit('/?division=1')).toBe('Light')
    expect(await visit('/')).toBe('Light')
    expect(await visit('/?division=3')).toBe('Light')
    expect(await visit('/?division=-1')).toBe('all divisions')
  })

  it('has a form by which a user signs in with a password, and takes the cart along', async () => {
    const server = await start('sign-in-form.ts')
    const visitor = visitorOf(server)
    const send = async (path: string, form: Record<string, string> = {}, site = 'same-origin'): Promise<string> => {
      const headers = { 'sec-fetch-site': site }
      const answer = await visitor.fetch(path, { method: 'POST', headers, body: new URLSearchParams(form) })
      const { status } = answer
      return status === 302 ? visitor.text(answer.headers.get('location') ?? '') : String(status)
    }
    await visitor.store({ set: [['cart', -1, '', ['tea']]] })
    const right = { name: 'ann', password: 'tea-time' }
    for (const wrong of [{ ...right, password: '' }, { ...right, name: 'bob' }, { name: 'bob', password: '' }, {}])
      expect(await send('/sign-in', wrong)).toMatch(/1 in the cart.*is wrong.*sign in/s)
    expect(await send('/sign-in', right, 'cross-site')).toBe('403')
    expect(await send('/sign-in', { ...right, more: 'x'.repeat(1000) })).toBe('413')
    expect(await send('/sign-in', right)).toMatch(/1 in the cart.*ann <button>sign out/s)
    expect(await send('/sign-out')).toMatch(/0 in the cart.*sign in/s)
    expect(await send('/sign-in', right)).toContain('1 in the cart')
  })

  it('has a page that brings the token of the app’s own guard', async () => {
    const guard: Koa.Middleware = (ctx, next) => {
      if (ctx.method === 'POST' && ctx.get('X-CSRF-Token') !== 'the token') ctx.throw(403)
      return next()
    }
    const app = await App.start({
      before: () => [guard],
      routes: (ctx) => {
        ctx.body = `<meta name="csrf-token" content="the token">${ctx.liveSession.embed()}`
      },
    })
    const visitor = app.visitor()
    const { document } = new JSDOM(await visitor.text('/')).window
    expect((await visitor.store({})).status).toBe(403)
    const { fetch: original } = globalThis
    const ours: typeof fetch = (to, init) => (typeof to === 'string' ? visitor.fetch(to, init) : original(to, init))
    Object.assign(globalThis, { document, fetch: ours })
    ends.push(() => {
      Object.assign(globalThis, { fetch: original })
      Reflect.deleteProperty(globalThis, 'document')
    })
    const { live } = runSnippet('guard-page.ts', PAGE, { document, createLiveSession }) as { live: LiveSessionClient }
    ends.push(() => live.close())
    await live.set('division' as never, 1 as never)
    expect(live.status()).toEqual({ status: 'saved' })
  })

  itRunsSnippetsOf(PAGE, 'accounts.ts', 'catalog.ts', 'fields.ts', 'filter.ts', 'guard-page.ts', 'sign-in-form.ts')
})

describeWithServer(REDIS, `${PAGE}, with Redis`, () => {
  let redis: RedisServer
  let env: Record<string, string>
  beforeAll(async () => {
    const port = await freePort()
    redis = await RedisServer.start(['--bind', '127.0.0.1', '--port', String(port)])
    env = { REDIS_URL: `redis://127.0.0.1:${port}`, WEBHOOK_SECRET }
  })
  afterAll(() => redis.stop())

  it('has an app whose sign-in and values outlive a restart, beside each other', async () => {
    const server = await start('sign-in.ts', env)
    const [one, two] = [visitorOf(server), visitorOf(server)]
    /** Where the store answers late, a request goes on without it, and the next one has what it said. */
    const shows = async (visitor: Visitor, expected: unknown): Promise<void> => {
      const text = JSON.stringify(expected)
      expect(
        await within(
          () => visitor.text('/'),
          (found) => found === text,
        ),
      ).toBe(text)
    }
    expect((await one.store({ set: [['cart', -1, '', ['tea']]] })).status).toBe(200)
    await post(one, '/sign-in')
    const socket = await one.connect()
    const set = (): Promise<Outcome> => socket.change('cart', ['tea', 'milk'])
    expect(await within(set, ({ level }) => level === 'store')).toMatchObject({ level: 'store' })
    const names = one.cookie.split('; ').map((pair) => pair.replace(/=.*/, ''))
    expect(names.sort()).toEqual(['koa.sess', 'koa.sess.sig', 'live', 'live.sig'])
    await server.kill()
    await server.start(env)
    await shows(one, { user: 'ann', cart: ['tea', 'milk'], plan: 'free' })
    await post(two, '/sign-in')
    await shows(two, { user: 'ann', cart: ['tea', 'milk'], plan: 'free' })
    await post(one, '/sign-out')
    await shows(one, { user: 'guest', cart: [], plan: 'free' })
    await shows(two, { user: 'ann', cart: ['tea', 'milk'], plan: 'free' })

    const client = await createClient({ url: env['REDIS_URL'] ?? '' }).connect()
    const keys = await client.keys('*')
    client.destroy()
    const ours = keys.filter((key) => key !== 'socket.io')
    expect(new Set(ours.map((key) => key.replace(/:.*/, '')))).toEqual(new Set(['session', 'live-session']))
  })

  it('has a webhook, and a job in a process of its own, that reach the open page of a user', async () => {
    const server = await start('sign-in.ts', env)
    const visitor = visitorOf(server)
    await post(visitor, '/sign-in')
    const socket = await visitor.connect()
    const body = JSON.stringify({ user: 'ann' })
    const call = (signature: string): Promise<Response> => {
      return fetch(`${server.url}/paid`, { method: 'POST', body, headers: { 'x-signature': signature } })
    }
    expect((await call('0'.repeat(64))).status).toBe(403)
    const paid = told(socket, 'plan', 'paid')
    const signature = createHmac('sha256', WEBHOOK_SECRET).update(body).digest('hex')
    const again = async (): Promise<number> => (await call(signature)).status
    expect(await within(again, (status) => status !== 503)).toBe(204)
    await paid
    expect(JSON.parse(await visitor.text('/'))).toMatchObject({ user: 'ann', plan: 'paid' })

    const freed = told(socket, 'plan', 'free')
    writeFileSync(join(server.folder, 'job.ts'), snippet('job.ts', PAGE))
    const job = runJob(server.folder, env)
    expect(await once(job, 'exit')).toEqual([0, null])
    await freed
    expect(JSON.parse(await visitor.text('/'))).toMatchObject({ user: 'ann', plan: 'free' })
  })

  itRunsSnippetsOf(PAGE, 'redis.ts', 'sign-in.ts', 'webhook.ts', 'job.ts')
})

function runJob(cwd: string, env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', 'job.ts', 'ann'], {
    cwd,
    env: {
      ...process.env,
      TSX_TSCONFIG_PATH: resolve('tsconfig.json'),
      SECRET: 'a secret of at least thirty-two bytes',
      ...env,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}
