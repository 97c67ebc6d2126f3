import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { account, auth, identify } from '../support/app/auth.js'
import { liveOnly, written } from '../support/app/departures.js'
import { signedInAs } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write', url: 'division' },
  view: { schema: z.string().max(100), default: 'all', client: 'write', url: 'view' },
  theme: { schema: z.string(), default: 'light', client: 'write', scope: 'browser' },
  cart: { schema: z.array(z.string()), default: [], client: 'write' },
  role: { schema: z.string(), default: 'guest' },
  secret: { schema: z.string(), default: '', client: 'hidden' },
})

function start(): Promise<App<typeof fields>> {
  return App.start({
    fields,
    before: (koa) => [auth(koa)],
    options: { identify } as never,
    routes: async (ctx, next) => {
      if (ctx.path === '/embed') ctx.body = ctx.liveSession.embed()
      else if (ctx.path === '/all') ctx.body = ctx.liveSession.snapshot()
      else await account(ctx, next)
    },
  })
}

const LINK = { accept: 'text/html', 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' }

/** Follows a link on another site. */
function follow(visitor: Visitor, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return visitor.fetch(path, { headers: { ...LINK, 'sec-fetch-site': 'cross-site', ...headers } })
}

async function valuesOf(visitor: Visitor): Promise<Record<string, unknown>> {
  return (await visitor.fetch('/all')).json().then((snapshot) => snapshot.values)
}

/** Returns the warnings after the start. */
function logged({ warnings }: App<typeof fields>): readonly string[] {
  return warnings.filter((warning) => !warning.includes('a restart loses'))
}

describe('threat 93: a fetch over plain http, without Sec-Fetch-Dest', () => {
  it('sets no field, unlike a navigation', async () => {
    const app = await start()
    const visitor = app.visitor()
    const visit = (headers: Record<string, string>) => visitor.fetch('/all?division=3', { headers })
    expect(await (await visit({ accept: 'text/html', origin: 'http://other.example' })).json()).toMatchObject({
      stamps: {},
    })
    expect(await (await visit({ accept: 'text/html' })).json()).toMatchObject({ stamps: {} })
    await visit({ accept: 'text/html', 'upgrade-insecure-requests': '1' })
    expect(await valuesOf(visitor)).toMatchObject({ division: 3 })
  })
})

describe('a link of a stranger', () => {
  it('sets no field without the option url', async () => {
    const app = await start()
    const visitor = app.visitor()
    const query = 'role=admin&secret=x&cart=["a"]&theme=dark&__proto__=1&constructor=1&toString=1&$epoch=9&Division=3'
    const answer = await follow(visitor, `/all?${query}`)
    expect([answer.status, (await answer.json()).stamps]).toEqual([200, {}])
    expect(Object.hasOwn(Object.prototype, '1')).toBe(false)
    expect(await valuesOf(visitor)).toEqual({ division: -1, view: 'all', theme: 'light', cart: [], role: 'guest' })
  })

  it('names no hidden field', async () => {
    const app = await start()
    expect(await (await follow(app.visitor(), '/all?secret=x&division=x')).text()).not.toContain('secret')
    expect(logged(app).join()).not.toContain('secret')
  })

  it('replaces no value of an account at a later sign-in', async () => {
    const app = await start()
    const ann = await signedInAs(app)
    await ann.fetch('/set?values={"division":3}')
    const elsewhere = app.visitor()
    await follow(elsewhere, '/all?division=5')
    await elsewhere.fetch('/login/now?user=ann')
    expect(await valuesOf(elsewhere)).toMatchObject({ division: 3 })
  })

  it.each(['%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E', '%22%3E%3C!--', '%E2%80%A8'])(
    'adds only inert data to the page: %s',
    async (text) => {
      const app = await start()
      for (const purpose of ['', 'prefetch']) {
        const html = await (await follow(app.visitor(), `/embed?view=${text}`, { 'sec-purpose': purpose })).text()
        const [, json = ''] =
          /^<script type="application\/json" id="[\w-]+">([^<>&\u2028]*)<\/script>$/.exec(html) ?? []
        const { values, unvisited } = JSON.parse(json)
        expect((unvisited ?? values).view).toBe(decodeURIComponent(text))
      }
    },
  )

  it('does not appear in the log', async () => {
    const app = await start()
    await follow(app.visitor(), '/all?division=%0d%0aforged%1b[2J')
    await follow(app.visitor(), `/all?view=${'v'.repeat(101)}`)
    expect(logged(app)).toEqual([
      'koa-live-session: an address has ?division=... which does not set "division": invalid_value',
      'koa-live-session: an address has ?view=... which does not set "view": invalid_value',
    ])
  })
})

describe.each([
  ['of a guest who has signed in', '/all', '/login/now?user=ann'],
  ['of a user who has signed out', '/login/now?user=ann', '/logout/now'],
  ['of a guest who has left', '/all', '/logout/leave'],
] as const)('threat 43: a link with a retired cookie, %s', (_, first, last) => {
  it('writes no cookie for its address', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch(first)
    await visitor.fetch('/set?values={"theme":"dark"}')
    const held = app.visitor(liveOnly(visitor.cookie))
    await visitor.fetch(last)
    const answer = await follow(held, '/all?division=5')
    expect([answer.status, written(answer)]).toEqual([200, []])
    expect(await answer.json()).toMatchObject({ values: { division: -1 }, unvisited: { division: 5 } })
    expect(await valuesOf(visitor)).toMatchObject({ division: -1 })
  })
})

const body = { set: [['division', -1, '', 1]] }
const advice = 'but this server thinks that the request came over http. Behind a proxy set app.proxy = true.'

describe('threat 24: an untrusted proxy', () => {
  it('logs a warning if the proxy reports https', async () => {
    const app = await App.start()
    for (let i = 0; i < 2; i += 1) await app.visitor().store(body, { 'x-forwarded-proto': 'https' })
    expect(app.warnings.filter((line) => line.includes('proxy'))).toEqual([
      `koa-live-session: X-Forwarded-Proto says https, ${advice}`,
    ])
  })

  it('logs a warning if secure is true', async () => {
    const app = await App.start({ options: { secure: true } })
    const answer = await app.visitor().store(body)
    expect(answer.headers.getSetCookie()[0]).toMatch(
      /^__Host-live=[^;]+; path=\/; expires=[^;]+; samesite=lax; secure; httponly$/,
    )
    expect(app.warnings).toContain(`koa-live-session: secure is true, ${advice}`)
  })

  it('logs nothing if trusted; the cookie is secure', async () => {
    const app = await App.start()
    app.koa.proxy = true
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'example.com', origin: 'https://example.com' }
    const answer = await app.visitor().store(body, headers)
    expect(answer.status).toBe(200)
    expect(answer.headers.getSetCookie()[0]).toMatch(/; secure; httponly$/)
    expect(app.warnings.filter((line) => line.includes('proxy'))).toEqual([])
  })
})

describe('threat 54: two apps with the same secrets', () => {
  const routes: Koa.Middleware = (ctx) => {
    ctx.body = String(ctx.liveSession.get('division'))
  }

  const start = (key: string): Promise<App> => App.start({ routes, options: { key } })

  /** Renames a cookie and its signature. */
  const renamed = (cookie: string, from: string, to: string): string =>
    cookie.replaceAll(new RegExp(`(^|; )${from}(\\.sig)?=`, 'g'), `$1${to}$2=`)

  it('ignore each other\u2019s renamed cookies', async () => {
    const [one, other] = [await start('one'), await start('other')]
    const cookie = cookieFor(one.live, { values: { division: 7 } })
    expect(await one.visitor(cookie).text('/')).toBe('7')
    const moved = renamed(cookie, 'one', 'other')
    expect(moved).toMatch(/^other=.*; other\.sig=/)
    expect(await other.visitor(moved).text('/')).toBe('-1')
  })

  it('accept each other\u2019s cookies under the same name', async () => {
    const [one, other] = [await start('same'), await start('same')]
    expect(await other.visitor(cookieFor(one.live, { values: { division: 7 } })).text('/')).toBe('7')
  })
})
