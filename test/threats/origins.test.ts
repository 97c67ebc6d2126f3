import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket as Connection } from 'node:net'
import { describe, expect, it } from '@jest/globals'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { coreOf } from '../../server/plugin.js'
import { App } from '../support/app/app.js'
import { account, auth, identify } from '../support/app/auth.js'
import { liveOnly, written } from '../support/app/departures.js'
import { poll, type RawAnswer, send } from '../support/app/raw-http.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { signedInAs } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { BAD_ORIGIN, claims, type Site, startSite } from '../support/servers/site.js'

const OWN = 'https://example.com'
const TRUSTED = 'https://trusted.example'
const ATTACKER = 'https://attacker.example'
const json = { 'content-type': 'application/json' }
const body = JSON.stringify({ set: [['division', -1, '', 66]] })
const ASKS = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' }
const FORMS = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']

/** Neither the server's own origin nor a listed origin. */
const FOREIGN = [
  'null',
  ATTACKER,
  'http://example.com',
  'https://example.com:8443',
  'https://example.com.evil',
  'https://evil-example.com',
  'https://sub.example.com',
  'https://example.com@evil.example',
  'https://evil.example/https://example.com',
  'http://trusted.example',
  'https://trusted.example:8443',
  'https://trusted.example.evil',
  'https://trusted.example, https://attacker.example',
  'example.com',
  'file://',
  '*',
]
/** Spellings that no browser sends; preflights compare texts, and refuse such origins. */
const MISSPELT = [
  'https://trusted.example:443',
  'HTTPS://TRUSTED.EXAMPLE',
  'https://trusted.example/',
  'https://trusted.example.',
]

const post = ({ app, headers }: Site, more: Record<string, string>, text = body): Promise<RawAnswer> =>
  send(`${app.url}/store_session`, { method: 'POST', headers: { ...headers, ...json, ...more }, body: text })

const preflight = ({ app }: Site, more: Record<string, string>): Promise<RawAnswer> =>
  send(`${app.url}/store_session`, {
    method: 'OPTIONS',
    headers: { host: 'example.com', 'x-forwarded-proto': 'https', ...ASKS, ...more },
  })

const division = async ({ ann }: Site): Promise<unknown> => (await (await ann.fetch('/')).json()).division

/** The CORS headers of a response. */
const allowed = ({ headers }: RawAnswer): string[] =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'))

describe('threat 6: a POST', () => {
  // The rows of Go's table of cross-origin requests, and stricter rows for the scheme.
  it.each([
    ['same-origin', ''],
    ['none', ''],
    ['', ''],
    ['', OWN],
    ['', TRUSTED],
    ['cross-site', TRUSTED],
    ['same-origin', OWN],
    ['', 'https://EXAMPLE.com'],
    ['', 'https://example.com:443'],
  ])('succeeds with Sec-Fetch-Site %p and Origin %p', async (fetchSite, origin) => {
    const site = await startSite()
    const answer = await post(site, claims(fetchSite, origin))
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([200, { results: [{ stamp: expect.any(Number) }] }])
    expect(answer.headers['set-cookie']).toHaveLength(2)
    expect(await division(site)).toBe(66)
  })

  it.each([
    ['cross-site', ''],
    ['same-site', ''],
    ['cross-site', ATTACKER],
    ['cross-site', OWN],
    ['same-site', 'https://sub.example.com'],
    ['Same-Origin', ''],
    ['unheard-of', ''],
    ...FOREIGN.map((origin) => ['', origin] as const),
  ])('fails with Sec-Fetch-Site %p and Origin %p', async (fetchSite, origin) => {
    const site = await startSite()
    const answer = await post(site, claims(fetchSite, origin))
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([403, { error: BAD_ORIGIN }])
    expect(answer.headers['set-cookie']).toBeUndefined()
    expect(answer.text).not.toContain('example.com')
    expect(await division(site)).toBe(7)
  })

  it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH'])('cannot be replaced by a %s', async (method) => {
    const site = await startSite()
    const { app, headers } = site
    for (const further of [claims('cross-site', ''), claims('same-origin', ''), { 'x-http-method-override': 'POST' }]) {
      const request = { method, headers: { ...headers, ...json, ...further }, body }
      const answer = await send(`${app.url}/store_session`, request)
      expect([answer.status, answer.headers.allow, answer.headers['set-cookie']]).toEqual([405, 'POST', undefined])
    }
    expect(await division(site)).toBe(7)
  })

  it.each(['', TRUSTED])('cannot come from a form of origin %p', async (origin) => {
    const site = await startSite()
    for (const type of FORMS) {
      const answer = await post(site, { ...claims('', origin), 'content-type': type })
      expect([answer.status, answer.headers['set-cookie']]).toEqual([415, undefined])
    }
    expect(await division(site)).toBe(7)
  })

  it.each([
    [
      'http://example.com',
      'If that page is yours, set proxy = true on the Koa app behind a proxy, or list the origin in origins.',
    ],
    [
      'null',
      'Browsers send null from a sandboxed frame or a file:// page, after a redirect from another origin, and with Referrer-Policy: ' +
        'no-referrer. origins cannot list null: set Referrer-Policy: same-origin, or serve the page from an origin of its own.',
    ],
  ])('fails from origin %s, with a remedy in the log', async (origin, remedy) => {
    const site = await startSite()
    await post(site, { origin })
    expect(site.app.warnings.at(-1)).toBe(
      `koa-live-session: 403 bad_origin: the browser says ${origin}, this server thinks it is ${OWN}. ${remedy}`,
    )
  })
})

describe('threat 6: live.sameOrigin()', () => {
  const start = async (): Promise<{ app: App; posts: (init: object) => Promise<RawAnswer> }> => {
    let guard: Koa.Middleware | undefined
    const app: App = await App.start({
      options: { origins: [TRUSTED] },
      before: (_, live) => {
        guard = live.sameOrigin()
        return []
      },
      routes: (ctx) =>
        guard?.(ctx, async () => {
          ctx.body = 'bought'
        }),
    })
    return { app, posts: (init) => send(`${app.url}/buy`, { method: 'POST', ...init }) }
  }

  it.each([
    ['cross-site', ATTACKER],
    ['same-site', 'https://sub.example.com'],
    ['', ATTACKER],
    ['', 'null'],
    ['cross-site', TRUSTED],
    ['', TRUSTED],
  ])('refuses a form with Sec-Fetch-Site %p of %s', async (site, origin) => {
    const { app, posts } = await start()
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const { status, text } = await posts({ method, headers: claims(site, origin) })
      expect([status, text]).toEqual([403, 'koa-live-session: a page of another origin has sent this request'])
    }
    expect(app.warnings.join()).toContain('403 bad_origin: the browser says')
  })

  it.each([
    ['same-origin', ''],
    ['none', ''],
    ['', ''],
  ])('lets a form with Sec-Fetch-Site %p pass', async (site, origin) => {
    const { app, posts } = await start()
    expect((await posts({ headers: claims(site, origin) })).text).toBe('bought')
    expect((await posts({ headers: { origin: app.url } })).text).toBe('bought')
    expect((await posts({ method: 'GET', headers: claims('cross-site', ATTACKER) })).text).toBe('bought')
  })
})

describe('threat 67: POSTs with a hundred different origins', () => {
  it('cause ten warnings an hour, and silence no other warning', async () => {
    const site = await startSite()
    const { warnings, clock, live } = site.app
    for (let i = 0; i < 100; i += 1) await post(site, { origin: `https://attacker-${i}.example` })
    expect(warnings.filter((text) => text.includes('bad_origin'))).toHaveLength(10)
    coreOf(live).settings.warn('something else')
    expect(warnings.at(-1)).toBe('koa-live-session: something else')
    clock.advance(60 * 60 * 1000)
    await post(site, { origin: 'http://example.com' })
    expect(warnings.at(-1)).toContain('403 bad_origin: the browser says http://example.com')
  })

  it('cause one warning an hour for each origin', async () => {
    const site = await startSite()
    const { warnings, clock } = site.app
    const { length } = warnings
    for (const count of [1, 2]) {
      for (let i = 0; i < 3; i += 1) await post(site, { origin: ATTACKER })
      expect(warnings).toHaveLength(length + count)
      clock.advance(60 * 60 * 1000)
    }
  })
})

describe('threat 6: a preflight', () => {
  const questions = { origin: TRUSTED, 'sec-fetch-site': 'cross-site' }

  it.each([...FOREIGN, ...MISSPELT])('fails for %p, like the POST', async (origin) => {
    const site = await startSite()
    const answers = [await preflight(site, { origin }), await post(site, { origin, 'sec-fetch-site': 'cross-site' })]
    for (const answer of answers) {
      expect([answer.status, JSON.parse(answer.text)]).toMatchObject([403, { error: BAD_ORIGIN }])
      expect([allowed(answer), answer.headers['set-cookie']]).toEqual([[], undefined])
      expect(answer.headers.vary).toMatch(/\bOrigin\b/)
    }
    expect(await division(site)).toBe(7)
  })

  it('causes a warning if it fails', async () => {
    const site = await startSite()
    await preflight(site, { origin: 'http://localhost:5173' })
    expect(site.app.warnings.at(-1)).toContain('403 bad_origin: the browser says http://localhost:5173')
  })

  it('fails with two Origin headers', async () => {
    const site = await startSite()
    for (const origin of [
      [TRUSTED, ATTACKER],
      [ATTACKER, TRUSTED],
    ]) {
      const answer = await preflight(site, { origin: origin as never })
      expect([answer.status, allowed(answer)]).toEqual([403, []])
    }
  })

  it('succeeds for a listed origin alone, without side effects', async () => {
    const site = await startSite()
    const { cookie = '' } = site.headers
    const { status, headers, text } = await preflight(site, { ...questions, cookie })
    const { date: _, connection: __, 'keep-alive': ___, ...rest } = headers
    expect([status, text, rest]).toEqual([
      204,
      '',
      {
        'access-control-allow-origin': TRUSTED,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'content-type',
        'access-control-expose-headers': 'Retry-After',
        'access-control-max-age': '7200',
        vary: 'Access-Control-Request-Headers, Origin',
      },
    ])
  })

  it('ignores a body, whichever method the preflight requests', async () => {
    const site = await startSite()
    for (const method of ['POST', 'GET', 'DELETE', '*']) {
      const headers = { ...site.headers, ...ASKS, ...questions, ...json, 'access-control-request-method': method }
      const answer = await send(`${site.app.url}/store_session`, { method: 'OPTIONS', headers, body })
      expect([answer.status, answer.headers['access-control-allow-methods']]).toEqual([204, 'POST'])
    }
    expect(await division(site)).toBe(7)
  })

  it('allows only valid names of headers', async () => {
    const site = await startSite()
    const names = async (asked: string): Promise<unknown> =>
      (await preflight(site, { ...questions, 'access-control-request-headers': asked })).headers[
        'access-control-allow-headers'
      ]
    for (const good of ['content-type,x-csrf-token', 'content-type, x-csrf-token']) expect(await names(good)).toBe(good)
    for (const odd of ['*', 'content-type,*', 'a b', 'x: y', '\u00e9', ',', `${'a,'.repeat(5000)}`, '<script>'])
      expect([odd.slice(0, 20), await names(odd)]).toEqual([odd.slice(0, 20), undefined])
  })

  it('succeeds at the endpoint alone', async () => {
    const { app, headers } = await startSite()
    for (const path of ['/', '/store_session/', '/STORE_SESSION', '/store_sessions', '/login/now?user=ann']) {
      const answer = await send(app.url + path, { method: 'OPTIONS', headers: { ...headers, ...ASKS, ...questions } })
      expect([path, allowed(answer)]).toEqual([path, []])
    }
  })
})

describe('threat 6: the option origins', () => {
  it('rejects null, patterns and other texts', () => {
    const fields = defineFields({ division: { schema: z.number(), default: -1 } })
    const keys = ['a secret of at least thirty-two bytes']
    const odd = ['null', '*', 'https://*.example', 'https://a.example/', 'https://A.example', 'https://a.example:443']
    for (const origin of [...odd, 'a.example', 'wss://a.example', 'file://', '']) {
      expect(() => liveSession(new Koa({ keys }), { fields, origins: [origin] })).toThrow(
        `koa-live-session: origins: expected ['https://example.com'], without a last /, received ${JSON.stringify([origin])}`,
      )
    }
  })

  it('cannot change after the start', async () => {
    const origins = [TRUSTED]
    const site = await startSite({ origins })
    origins.push('null')
    expect((await preflight(site, { origin: 'null' })).status).toBe(403)
  })

  it('lets pages of listed origins read refusals', async () => {
    const answer = await post(await startSite(), { origin: TRUSTED }, JSON.stringify({ tickets: ['a.b.c'] }))
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([403, { error: { code: 'bad_ticket' } }])
    expect(answer.headers['access-control-allow-origin']).toBe(TRUSTED)
    expect(answer.headers['set-cookie']).toBeUndefined()
  })
})

describe('threat 7: a handshake', () => {
  /** Opens the namespace over a raw websocket, and returns the server's packet. */
  async function upgrade({ app, headers }: Site, more: Record<string, string>): Promise<string> {
    const socket = await RawSocket.open(app.url, { ...headers, ...more })
    socket.send('40')
    const packet = await socket.next('4')
    socket.hangUp()
    return packet
  }

  it.each([...FOREIGN, ''])('fails by websocket from %p, before any session is read', async (origin) => {
    const site = await startSite()
    const { app, store } = site
    const { reads } = store
    const entered: unknown[] = []
    app.io.use((socket, next) => {
      entered.push(socket.id)
      next()
    })
    expect(JSON.parse((await upgrade(site, claims('', origin))).slice(2))).toMatchObject({ data: BAD_ORIGIN })
    expect([store.reads, entered]).toEqual([reads, []])
  })

  it.each([
    ['cross-site', ''],
    ['same-site', ''],
    ['cross-site', OWN],
    ['same-origin', ATTACKER],
    ...FOREIGN.map((origin) => ['', origin] as const),
  ])('fails by polling with Sec-Fetch-Site %p and Origin %p', async (fetchSite, origin) => {
    const { app, store, headers } = await startSite()
    const { reads } = store
    const packet = await poll(app.url, { ...headers, ...claims(fetchSite, origin) })
    expect([packet.slice(0, 2), JSON.parse(packet.slice(2))]).toMatchObject(['44', { data: BAD_ORIGIN }])
    expect(store.reads).toBe(reads)
  })

  it.each([OWN, 'https://example.com:443', TRUSTED])('succeeds by websocket from %s', async (origin) => {
    const site = await startSite()
    const { reads } = site.store
    expect(await upgrade(site, claims('', origin))).toMatch(/^40\{"sid"/)
    expect(site.store.reads).toBe(reads + 1)
  })

  it.each([
    ['', ''],
    ['same-origin', ''],
    ['none', ''],
    ['', OWN],
    ['same-origin', OWN],
    ['cross-site', TRUSTED],
  ])('succeeds by polling with Sec-Fetch-Site %p and Origin %p', async (fetchSite, origin) => {
    const { app, headers } = await startSite()
    expect(await poll(app.url, { ...headers, ...claims(fetchSite, origin) })).toMatch(/^40\{"sid"/)
  })

  it('does not trust ctx.origin, which Koa 3 reads from the request', async () => {
    const { app, ann } = await startSite()
    const ctx = app.koa.createContext(
      new IncomingMessage(new Connection()),
      new ServerResponse(new IncomingMessage(new Connection())),
    )
    ctx.req.headers.origin = ATTACKER
    expect(ctx.origin).toBe(ATTACKER)
    await expect(ann.connect('/', { origin: ATTACKER })).rejects.toMatchObject({ data: BAD_ORIGIN })
    expect(await (await ann.store({}, { origin: ATTACKER })).json()).toMatchObject({ error: BAD_ORIGIN })
  })

  it('does not trust forwarded headers unless app.proxy is true', async () => {
    const { app, ann } = await startSite()
    app.koa.proxy = false
    const forwarded = { 'x-forwarded-host': 'attacker.example', 'x-forwarded-proto': 'https', cookie: ann.cookie }
    const packet = await poll(app.url, { ...forwarded, origin: ATTACKER })
    expect(JSON.parse(packet.slice(2))).toMatchObject({ data: BAD_ORIGIN })
  })

  it('fails from another origin with a connect_error in every namespace', async () => {
    const { app } = await startSite()
    app.io.of('/admin')
    for (const namespace of ['/', '/admin']) {
      const refused = app.visitor().connect(namespace, { origin: ATTACKER })
      await expect(refused).rejects.toMatchObject({ message: 'bad_origin', data: BAD_ORIGIN })
    }
  })
})

describe('threat 24: an untrusted proxy', () => {
  const advice =
    'but this server thinks that the request came over http. Behind a proxy set proxy = true on the Koa app.'

  it('causes a warning if it reports https', async () => {
    const app = await App.start()
    for (let i = 0; i < 2; i += 1) await app.visitor().store({}, { 'x-forwarded-proto': 'https' })
    expect(app.warnings.filter((line) => line.includes('proxy'))).toEqual([
      `koa-live-session: X-Forwarded-Proto says https, ${advice}`,
    ])
  })

  it('causes a warning if secure is true', async () => {
    const app = await App.start({ options: { secure: true } })
    const answer = await app.visitor().store({})
    expect(answer.headers.getSetCookie()[0]).toMatch(
      /^__Host-live=[^;]+; path=\/; expires=[^;]+; samesite=lax; secure; httponly$/,
    )
    expect(app.warnings).toContain(
      `koa-live-session: secure is true, ${advice} In development: secure: process.env.NODE_ENV === 'production'.`,
    )
  })

  it('causes a secure cookie and no warning if the app trusts it', async () => {
    const app = await App.start()
    app.koa.proxy = true
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'example.com', origin: 'https://example.com' }
    const answer = await app.visitor().store({}, headers)
    expect(answer.status).toBe(200)
    expect(answer.headers.getSetCookie()[0]).toMatch(/; secure; httponly$/)
    expect(app.warnings.filter((line) => line.includes('proxy'))).toEqual([])
  })
})

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

/** Returns the warnings logged after the start. */
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
  it('sets no field that lacks the option url', async () => {
    const app = await start()
    const visitor = app.visitor()
    const query = 'role=admin&secret=x&cart=["a"]&theme=dark&__proto__=1&constructor=1&toString=1&$epoch=9&Division=3'
    const answer = await follow(visitor, `/all?${query}`)
    expect([answer.status, (await answer.json()).stamps]).toEqual([200, {}])
    expect(Object.hasOwn(Object.prototype, '1')).toBe(false)
    expect(await valuesOf(visitor)).toEqual({ division: -1, view: 'all', theme: 'light', cart: [], role: 'guest' })
  })

  it('does not reveal the name of a hidden field', async () => {
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
        const { values, unapplied } = JSON.parse(json)
        expect((unapplied ?? values).view).toBe(decodeURIComponent(text))
      }
    },
  )

  it('causes a warning with the key, but not the refused value', async () => {
    const app = await start()
    await follow(app.visitor(), '/all?division=%0d%0aforged%1b[2J')
    await follow(app.visitor(), `/all?view=${'v'.repeat(101)}`)
    expect(logged(app)).toEqual([
      'koa-live-session: an address has ?division=... which does not set "division": invalid_value: the field\'s schema refuses the value, as of an outdated link',
      'koa-live-session: an address has ?view=... which does not set "view": invalid_value: the field\'s schema refuses the value, as of an outdated link',
    ])
  })
})

describe.each([
  ['of a guest who has signed in', '/all', '/login/now?user=ann'],
  ['of a user who has signed out', '/login/now?user=ann', '/logout/now'],
  ['of a guest who has left', '/all', '/logout/leave'],
] as const)('threat 43: a link with the retired cookie %s', (_, first, last) => {
  it('sets neither value nor cookie', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch(first)
    await visitor.fetch('/set?values={"theme":"dark"}')
    const held = app.visitor(liveOnly(visitor.cookie))
    await visitor.fetch(last)
    const answer = await follow(held, '/all?division=5')
    expect([answer.status, written(answer)]).toEqual([200, []])
    expect(await answer.json()).toMatchObject({ values: { division: -1 }, unapplied: { division: 5 } })
    expect(await valuesOf(visitor)).toMatchObject({ division: -1 })
  })
})
