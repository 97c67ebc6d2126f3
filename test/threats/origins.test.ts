import { describe, expect, it } from '@jest/globals'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { coreOf } from '../../server/plugin.js'
import { type RawAnswer, send } from '../support/app/raw-http.js'
import { BAD_ORIGIN, claims, type Site, startSite } from '../support/servers/site.js'

describe('threat 6: a cross-site POST', () => {
  const body = JSON.stringify({ set: [['division', -1, '', 66]] })
  const json = { 'content-type': 'application/json' }

  // Sec-Fetch-Site, Origin: the rows of Go's table, and those where more is asked for, the scheme above all.
  it.each([
    ['same-origin', ''],
    ['none', ''],
    ['', ''],
    ['', 'https://example.com'],
    ['', 'https://trusted.example'],
    ['cross-site', 'https://trusted.example'],
    ['same-origin', 'https://example.com'],
    ['', 'https://EXAMPLE.com'],
    ['', 'https://example.com:443'],
  ])('is none where Sec-Fetch-Site is %p and Origin %p: the value is stored', async (site, origin) => {
    const { app, ann, headers } = await startSite()
    const request = { method: 'POST', headers: { ...headers, ...json, ...claims(site, origin) }, body }
    const answer = await send(`${app.url}/store_session`, request)
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([200, { results: [{ stamp: expect.any(Number) }] }])
    expect(answer.headers['set-cookie']).toHaveLength(2)
    expect(await (await ann.fetch('/')).json()).toMatchObject({ division: 66 })
  })

  it.each([
    ['cross-site', ''],
    ['same-site', ''],
    ['', 'https://attacker.example'],
    ['', 'null'],
    ['cross-site', 'https://attacker.example'],
    ['cross-site', 'https://example.com'],
    ['same-site', 'https://sub.example.com'],
    ['Same-Origin', ''],
    ['unheard-of', ''],
    ['', 'http://example.com'],
    ['', 'https://example.com:8443'],
    ['', 'https://example.com.evil'],
    ['', 'https://evil-example.com'],
    ['', 'https://sub.example.com'],
    ['', 'https://example.com@evil.example'],
    ['', 'https://evil.example/https://example.com'],
    ['', 'https://trusted.example.evil'],
    ['', 'http://trusted.example'],
    ['', 'https://trusted.example, https://attacker.example'],
    ['', 'file://'],
    ['', 'example.com'],
    ['', 'not an origin'],
  ])('is refused where Sec-Fetch-Site is %p and Origin %p, and nothing changes', async (site, origin) => {
    const { app, ann, headers } = await startSite()
    const request = { method: 'POST', headers: { ...headers, ...json, ...claims(site, origin) }, body }
    const answer = await send(`${app.url}/store_session`, request)
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([403, { error: BAD_ORIGIN }])
    expect(answer.headers['set-cookie']).toBeUndefined()
    expect(answer.text).not.toContain('example.com')
    expect(await (await ann.fetch('/')).json()).toMatchObject({ division: 7 })
  })

  it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH'])('is not made up for by %s', async (method) => {
    const { app, ann, headers } = await startSite()
    for (const site of ['cross-site', 'same-origin']) {
      const request = { method, headers: { ...headers, ...json, ...claims(site, '') }, body }
      const answer = await send(`${app.url}/store_session`, request)
      expect([answer.status, answer.headers.allow, answer.headers['set-cookie']]).toEqual([405, 'POST', undefined])
    }
    expect(await (await ann.fetch('/')).json()).toMatchObject({ division: 7 })
  })

  it('is not made by a form, which cannot say that it sends JSON', async () => {
    const { app, ann, headers } = await startSite()
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const answer = await send(`${app.url}/store_session`, {
        method: 'POST',
        headers: { ...headers, 'content-type': type },
        body,
      })
      expect([answer.status, answer.headers['set-cookie']]).toEqual([415, undefined])
    }
    expect(await (await ann.fetch('/')).json()).toMatchObject({ division: 7 })
  })

  it('is told to the log alone, with what to do', async () => {
    const { app, headers } = await startSite()
    await send(`${app.url}/store_session`, {
      method: 'POST',
      headers: { ...headers, ...json, origin: 'http://example.com' },
      body,
    })
    expect(app.warnings.at(-1)).toBe(
      'koa-live-session: 403 bad_origin: the browser says http://example.com, this server thinks it is ' +
        'https://example.com. Behind a proxy set app.proxy = true, or list it in origins.',
    )
  })
})

describe('a POST whose origin is null', () => {
  it('is refused with the reasons for null, which no app can list', async () => {
    const { app, headers } = await startSite()
    const request = { method: 'POST', headers: { ...headers, origin: 'null' }, body: '{}' }
    await send(`${app.url}/store_session`, request)
    expect(app.warnings.at(-1)).toBe(
      'koa-live-session: 403 bad_origin: the browser says null, this server thinks it is https://example.com. It says so of a ' +
        'sandboxed frame, a file:// page, a redirect from another origin, and Referrer-Policy: no-referrer. ' +
        'origins cannot list it: serve the page from an origin of its own.',
    )
  })
})

describe('threat 67: POSTs with a hundred different origins', () => {
  const post = async ({ app, headers }: Awaited<ReturnType<typeof startSite>>, origin: string): Promise<void> => {
    const json = { 'content-type': 'application/json' }
    await send(`${app.url}/store_session`, { method: 'POST', headers: { ...headers, ...json, origin }, body: '{}' })
  }

  it('silence no other warning, nor for longer than an hour one of their kind', async () => {
    const site = await startSite()
    const { warnings, clock } = site.app
    for (let i = 0; i < 100; i += 1) await post(site, `https://attacker-${i}.example`)
    expect(warnings.filter((text) => text.includes('bad_origin'))).toHaveLength(10)
    const { warn } = coreOf(site.app.live)
    warn('something else')
    expect(warnings.at(-1)).toBe('koa-live-session: something else')
    clock.advance(60 * 60 * 1000)
    await post(site, 'http://example.com')
    expect(warnings.at(-1)).toContain('403 bad_origin: the browser says http://example.com')
  })

  it('are told once an hour each', async () => {
    const site = await startSite()
    const count = site.app.warnings.length
    for (let i = 0; i < 3; i += 1) await post(site, 'https://attacker.example')
    expect(site.app.warnings).toHaveLength(count + 1)
    site.app.clock.advance(60 * 60 * 1000)
    for (let i = 0; i < 3; i += 1) await post(site, 'https://attacker.example')
    expect(site.app.warnings).toHaveLength(count + 2)
  })
})

const TRUSTED = 'https://trusted.example'

const ASKS = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' }

const json = { 'content-type': 'application/json' }

const body = JSON.stringify({ set: [['division', -1, '', 66]] })

const ask = ({ app, headers }: Site, further: Record<string, string>, method = 'OPTIONS'): Promise<RawAnswer> => {
  return send(`${app.url}/store_session`, { method, headers: { host: headers['host'] ?? '', ...further } })
}

/** What an answer lets a page do, by its headers. */
const allowed = ({ headers }: RawAnswer): string[] => {
  return Object.keys(headers).filter((name) => name.startsWith('access-control-'))
}

const ORIGINS = [
  'null',
  'https://attacker.example',
  'https://trusted.example.evil',
  'https://trusted.exampl',
  'https://eviltrusted.example',
  'https://evil.trusted.example',
  'https://trusted.example:8443',
  'https://trusted.example:443',
  'http://trusted.example',
  'HTTPS://TRUSTED.EXAMPLE',
  'https://Trusted.example',
  'https://trusted.example/',
  'https://trusted.example.',
  'https://trusted.example@evil.example',
  'https://trusted.example, https://attacker.example',
  'https://trusted.example https://attacker.example',
  'trusted.example',
  '*',
  'file://',
  '__proto__',
]

describe('threat 6: a page of an origin that is not listed', () => {
  it.each(ORIGINS)('%p gets no leave to POST, nor to read the answer to a POST', async (origin) => {
    const site = await startSite()
    const preflight = await ask(site, { ...ASKS, origin })
    expect([preflight.status, JSON.parse(preflight.text)]).toMatchObject([403, { error: BAD_ORIGIN }])
    const headers = { ...site.headers, ...json, origin, 'sec-fetch-site': 'cross-site' }
    const post = await send(`${site.app.url}/store_session`, { method: 'POST', headers, body })
    expect([post.status, JSON.parse(post.text)]).toMatchObject([403, { error: BAD_ORIGIN }])
    for (const answer of [preflight, post]) {
      expect(allowed(answer)).toEqual([])
      expect(answer.headers['set-cookie']).toBeUndefined()
      expect(answer.headers.vary).toMatch(/\bOrigin\b/)
    }
    expect(await (await site.ann.fetch('/')).json()).toMatchObject({ division: 7 })
  })

  it('is told to the log, as pages of no other origin can be told why', async () => {
    const site = await startSite()
    await ask(site, { ...ASKS, origin: 'http://localhost:5173', 'x-forwarded-proto': 'https' })
    expect(site.app.warnings.slice(1)).toEqual([
      'koa-live-session: 403 bad_origin: the browser says http://localhost:5173, this server thinks it is ' +
        'https://example.com. Behind a proxy set app.proxy = true, or list it in origins.',
    ])
  })

  it('gets no leave by two headers, the first of them good', async () => {
    const site = await startSite()
    for (const origins of [
      [TRUSTED, 'https://attacker.example'],
      ['https://attacker.example', TRUSTED],
    ]) {
      const answer = await ask(site, { ...ASKS, origin: origins as never })
      expect([answer.status, allowed(answer)]).toEqual([403, []])
    }
  })

  it('cannot be listed as null, as everything, or as anything but an origin', () => {
    const fields = defineFields({ division: { schema: z.number(), default: -1 } })
    const keys = ['a secret of at least thirty-two bytes']
    const odd = ['null', '*', 'https://*.example', 'https://a.example/', 'https://A.example', 'https://a.example:443']
    for (const origin of [...odd, 'a.example', 'wss://a.example', 'file://', '']) {
      expect(() => liveSession(new Koa({ keys }), { fields, origins: [origin] })).toThrow(
        `koa-live-session: origins: expected ['https://example.com'], received ${JSON.stringify([origin])}`,
      )
    }
  })

  it('cannot be listed once the app has started', async () => {
    const origins = [TRUSTED]
    const site = await startSite({ origins })
    origins.push('null')
    expect((await ask(site, { ...ASKS, origin: 'null' })).status).toBe(403)
  })
})

describe('threat 6: a preflight of a listed origin', () => {
  const asks = { ...ASKS, origin: TRUSTED, 'sec-fetch-site': 'cross-site' }

  it('is answered for that origin alone, with nothing else, and does nothing', async () => {
    const site = await startSite()
    const { cookie = '' } = site.headers
    const { status, headers, text } = await ask(site, { ...asks, cookie })
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

  it('brings no change that comes along with it, by whatever method it says', async () => {
    const site = await startSite()
    for (const method of ['POST', 'GET', 'DELETE', '*']) {
      const headers = { ...site.headers, ...asks, ...json, 'access-control-request-method': method }
      const answer = await send(`${site.app.url}/store_session`, { method: 'OPTIONS', headers, body })
      expect([answer.status, answer.headers['access-control-allow-methods']]).toEqual([204, 'POST'])
    }
    const override = { ...site.headers, ...json, origin: TRUSTED, 'x-http-method-override': 'POST' }
    for (const method of ['OPTIONS', 'GET', 'PUT']) {
      const answer = await send(`${site.app.url}/store_session`, { method, headers: override, body })
      expect([answer.status, answer.headers['set-cookie']]).toEqual([405, undefined])
    }
    expect(await (await site.ann.fetch('/')).json()).toMatchObject({ division: 7 })
  })

  it('lets a page say headers of the app by their names, and nothing that is none', async () => {
    const site = await startSite()
    const names = async (asked: string): Promise<unknown> => {
      const { headers } = await ask(site, { ...asks, 'access-control-request-headers': asked })
      return headers['access-control-allow-headers']
    }
    expect(await names('content-type,x-csrf-token')).toBe('content-type,x-csrf-token')
    expect(await names('content-type, x-csrf-token')).toBe('content-type, x-csrf-token')
    for (const odd of ['*', 'content-type,*', 'a b', 'x: y', '\u00e9', ',', `${'a,'.repeat(5000)}`, '<script>'])
      expect([odd.slice(0, 20), await names(odd)]).toEqual([odd.slice(0, 20), undefined])
  })

  it('is for the endpoint alone: of the routes of the app only the app decides', async () => {
    const { app, headers } = await startSite()
    for (const path of ['/', '/store_session/', '/store_sessions', '/login/now?user=ann']) {
      const answer = await send(app.url + path, { method: 'OPTIONS', headers: { ...headers, ...asks } })
      expect([path, allowed(answer)]).toEqual([path, []])
    }
  })
})

describe('threat 6: a page of a listed origin', () => {
  it('may read refusals, and no cookie comes with them', async () => {
    const { app, headers } = await startSite()
    const bad = JSON.stringify({ tickets: ['a.b.c'] })
    const request = { method: 'POST', headers: { ...headers, ...json, origin: TRUSTED }, body: bad }
    const answer = await send(`${app.url}/store_session`, request)
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([403, { error: { code: 'bad_ticket' } }])
    expect(answer.headers['access-control-allow-origin']).toBe(TRUSTED)
    expect(answer.headers['set-cookie']).toBeUndefined()
  })

  it('cannot do without JSON what is asked about beforehand', async () => {
    const { app, ann, headers } = await startSite()
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const request = { method: 'POST', headers: { ...headers, origin: TRUSTED, 'content-type': type }, body }
      expect((await send(`${app.url}/store_session`, request)).status).toBe(415)
    }
    expect(await (await ann.fetch('/')).json()).toMatchObject({ division: 7 })
  })
})
