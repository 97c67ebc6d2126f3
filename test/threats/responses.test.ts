import { Readable } from 'node:stream'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'

const DAY = 24 * 60 * 60 * 1000

/** Kinds of responses, by path. */
const answers: Readonly<Record<string, (ctx: Koa.Context) => void>> = {
  '/text': (ctx) => {
    ctx.body = 'x'
  },
  '/stream': (ctx) => {
    ctx.body = Readable.from(['x'])
  },
  '/empty': (ctx) => {
    ctx.status = 204
  },
  '/unchanged': (ctx) => {
    ctx.status = 304
  },
  '/redirect': (ctx) => ctx.redirect('/text'),
  '/refused': (ctx) => ctx.throw(403),
  '/failed': () => {
    throw new Error('later')
  },
  '/public': (ctx) => {
    ctx.set('Cache-Control', 'public, max-age=600')
    ctx.body = 'x'
  },
  '/raw': (ctx) => {
    ctx.respond = false
    ctx.res.writeHead(200, { 'Cache-Control': 'public', Vary: 'Accept' }).end('x')
  },
}

const paths = Object.keys(answers)

const write: Koa.Middleware = (ctx) => {
  void ctx.liveSession.set('division', 1)
  answers[ctx.path]?.(ctx)
}

const read: Koa.Middleware = (ctx) => {
  ctx.liveSession.get('division')
  answers[ctx.path]?.(ctx)
}

interface SetCookie {
  readonly name: string
  readonly expires: number
  /** Sorted alphabetically. */
  readonly attributes: readonly string[]
}

function parseSetCookie(text: string): SetCookie {
  const [pair = '', ...attributes] = text.toLowerCase().split('; ')
  const expires = attributes.find((attribute) => attribute.startsWith('expires='))?.slice('expires='.length) ?? ''
  const others = attributes.filter((attribute) => !attribute.startsWith('expires=')).sort()
  return { name: pair.replace(/=.*/, ''), expires: Date.parse(expires), attributes: others }
}

type Given = AppOptions<AppFields>['options']

describe('threat 21: the attributes of the live cookie', () => {
  const common = ['httponly', 'path=/']
  const viaProxy = { 'x-forwarded-proto': 'https' }

  it.each<[string, Given, object, boolean, string, string[]]>([
    ['over http', {}, {}, false, 'live', ['samesite=lax']],
    ['over https', {}, viaProxy, true, 'live', ['samesite=lax', 'secure']],
    ['behind an untrusted proxy', {}, viaProxy, false, 'live', ['samesite=lax']],
    ['with secure', { secure: true }, {}, false, '__host-live', ['samesite=lax', 'secure']],
    ['without secure, over https', { secure: false }, viaProxy, true, 'live', ['samesite=lax']],
    ['with a domain', { domain: 'example.com' }, {}, false, 'live', ['domain=example.com', 'samesite=lax']],
    [
      'with a domain and secure',
      { domain: 'example.com', secure: true },
      {},
      false,
      'live',
      ['domain=example.com', 'samesite=lax', 'secure'],
    ],
    ['with sameSite strict', { sameSite: 'strict' }, {}, false, 'live', ['samesite=strict']],
    ['with sameSite none', { sameSite: 'none', secure: true }, {}, false, '__host-live', ['samesite=none', 'secure']],
    ['with a chosen name', { key: 'mine', secure: true }, {}, false, 'mine', ['samesite=lax', 'secure']],
  ])('are as documented: %s', async (_, options, headers, proxy, name, attributes) => {
    const app = await App.start({ routes: write, ...(options ? { options } : {}) })
    app.koa.proxy = proxy
    const answer = await fetch(`${app.url}/text`, { headers: { ...headers } })
    const cookies = answer.headers.getSetCookie().map(parseSetCookie)
    expect(cookies.map((cookie) => cookie.name)).toEqual([name, `${name}.sig`])
    for (const cookie of cookies) expect(cookie.attributes).toEqual([...common, ...attributes].sort())
    expect(app.errors).toEqual([])
  })

  it.each([
    ['the option maxAge', 10 * DAY, 10 * DAY],
    ['400 days at most', 1000 * DAY, 400 * DAY],
  ])('include an expiry after %s', async (_, maxAge, expected) => {
    const app = await App.start({ routes: write, options: { maxAge } })
    const before = Math.floor(Date.now() / 1000) * 1000
    const cookies = (await app.visitor().fetch('/text')).headers.getSetCookie().map(parseSetCookie)
    expect(cookies).toHaveLength(2)
    for (const { expires } of cookies) {
      expect(expires).toBeGreaterThanOrEqual(before + expected)
      expect(expires).toBeLessThanOrEqual(Date.now() + expected)
    }
  })

  it('are the same in responses of the endpoint', async () => {
    const app = await App.start({ routes: write })
    const [page, post] = [await app.visitor().fetch('/text'), await app.visitor().store()]
    const attributes = (answer: Response): unknown =>
      answer.headers.getSetCookie().map((cookie) => parseSetCookie(cookie).attributes)
    expect(attributes(post)).toEqual(attributes(page))
    expect(post.headers.get('cache-control')).toBe('no-store')
    expect(post.headers.get('vary')).toBe('Cookie')
  })
})

/** Returns whether a shared cache may store a response (RFC 9111, 3). */
function mayBeShared({ headers }: Response): boolean {
  return !/no-store|private/.test(headers.get('cache-control') ?? '') && !/Cookie|\*/.test(headers.get('vary') ?? '')
}

describe('threats 21 and 32: a shared cache', () => {
  it.each(paths)('may store no response that used or wrote values: %s', async (path) => {
    const [reading, writing] = [await App.start({ routes: read }), await App.start({ routes: write })]
    const answers = [await reading.visitor().fetch(path), await writing.visitor().fetch(path)]
    expect(answers.map(({ headers }) => headers.getSetCookie().length)).toEqual([0, 2])
    expect(answers.map(mayBeShared)).toEqual([false, false])
    expect(answers[1]?.headers.get('cache-control')).toBe('no-store')
    for (const { headers } of answers) expect(headers.get('vary')?.split(', ')).toContain('Cookie')
  })

  it.each<[string, (ctx: Koa.Context) => unknown]>([
    ['get', (ctx) => ctx.liveSession.get('division')],
    ['has', (ctx) => ctx.liveSession.has('division')],
    ['inspect', (ctx) => ctx.liveSession.inspect()],
    ['snapshot', (ctx) => ctx.liveSession.snapshot()],
    ['embed', (ctx) => ctx.liveSession.embed()],
    ['set', (ctx) => ctx.liveSession.set('division', 1)],
    ['a refused set', (ctx) => ctx.liveSession.set('division', 'x').catch(() => undefined)],
    ['delete', (ctx) => ctx.liveSession.delete('division')],
    ['identify', (ctx) => ctx.liveSession.identify()],
    ['leave', (ctx) => ctx.liveSession.leave()],
  ])('may store no response after %s', async (_, use) => {
    const app = await App.start({
      routes: async (ctx) => {
        await use(ctx)
        ctx.body = 'x'
      },
    })
    expect(mayBeShared(await app.visitor().fetch('/'))).toBe(false)
  })

  it.each([
    ['without a body', { method: 'POST' }],
    ['with GET', {}],
    ['from another origin', { method: 'POST', headers: { origin: 'http://evil.example' } }],
  ])('may store no refusal of the endpoint to a request %s', async (_, init) => {
    const app = await App.start()
    const answer = await app.visitor().fetch('/store_session', init)
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it('may store only responses without values, for any max-age', async () => {
    const app = await App.start({
      routes: (ctx) => {
        if (ctx.path === '/own') ctx.set('Cache-Control', 'max-age=60')
        if (ctx.path !== '/unused') ctx.liveSession.get('division')
        if (ctx.path === '/write') void ctx.liveSession.set('division', 1)
        if (ctx.path === '/vary') ctx.vary('Accept')
        ctx.body = 'x'
      },
    })
    const headers = async (path: string): Promise<unknown[]> => {
      const { headers } = await app.visitor().fetch(path)
      return [headers.get('vary'), headers.get('cache-control'), headers.getSetCookie().length]
    }
    expect(await headers('/unused')).toEqual([null, null, 0])
    expect(await headers('/read')).toEqual(['Cookie', 'private', 0])
    expect(await headers('/own')).toEqual(['Cookie', 'private, max-age=60', 0])
    expect(await headers('/vary')).toEqual(['Accept, Cookie', 'private', 0])
    expect(await headers('/write')).toEqual(['Cookie', 'no-store', 2])
  })
})

const CDN = [
  'CDN-Cache-Control',
  'Surrogate-Control',
  'Cloudflare-CDN-Cache-Control',
  'Edge-Control',
  'X-Accel-Expires',
]

/** An app sending these headers; its paths read or write values. */
function start(headers: Readonly<Record<string, string | string[]>>): Promise<App> {
  return App.start({
    routes: async (ctx) => {
      for (const [name, value] of Object.entries(headers)) ctx.set(name, value)
      if (ctx.path === '/read') ctx.liveSession.get('division')
      if (ctx.path === '/set') await ctx.liveSession.set('division', 1)
      if (ctx.path === '/late') {
        ctx.liveSession.get('division')
        ctx.respond = false
        ctx.res.writeHead(200, { 'Cache-Control': 'public, max-age=600' }).end('x')
        return
      }
      ctx.body = 'x'
    },
  })
}

const cacheControl = async (app: App, path: string): Promise<string | null> => {
  return (await app.visitor().fetch(path)).headers.get('cache-control')
}

const logged = ({ warnings }: App): string[] => warnings.filter((text) => text.includes('Cache-Control'))

describe('threat 55: a public response that used values', () => {
  it.each([
    ['public', 'public, max-age=600', 'private, max-age=600'],
    ['by s-maxage', 's-maxage=600', 'private'],
    ['in two headers', ['public', 'max-age=600'], 'private, max-age=600'],
    ['by max-age alone', 'max-age=600', 'private, max-age=600'],
  ])('becomes private: %s', async (_, given, expected) => {
    const app = await start({ 'Cache-Control': given })
    expect(await cacheControl(app, '/read')).toBe(expected)
    expect(await cacheControl(app, '/set')).toBe('no-store')
    expect(await cacheControl(app, '/unused')).toBe([given].flat().join(', '))
  })

  it('becomes private even if the app calls writeHead()', async () => {
    const app = await start({})
    expect(await cacheControl(app, '/late')).toBe('private, max-age=600')
  })

  it('loses the caching headers for CDNs', async () => {
    const app = await start(Object.fromEntries(CDN.map((name) => [name, 'max-age=600'])))
    for (const path of ['/read', '/set']) {
      const { headers } = await app.visitor().fetch(path)
      expect(CDN.map((name) => headers.get(name))).toEqual(CDN.map(() => null))
    }
    const { headers } = await app.visitor().fetch('/unused')
    expect(CDN.map((name) => headers.get(name))).toEqual(CDN.map(() => 'max-age=600'))
  })

  it('causes one warning', async () => {
    const app = await start({ 'Cache-Control': 'public, max-age=600' })
    await app.visitor().fetch('/unused')
    expect(logged(app)).toEqual([])
    for (const path of ['/read', '/read', '/set', '/late']) await app.visitor().fetch(path)
    expect(logged(app)).toEqual([
      expect.stringContaining("expected private, because the answer has a visitor's values"),
    ])
  })

  it('causes no warning if already private or limited by max-age', async () => {
    for (const given of ['private, max-age=600', 'no-store', 'max-age=600', 'no-cache']) {
      const app = await start({ 'Cache-Control': given })
      await app.visitor().fetch('/read')
      expect(logged(app)).toEqual([])
    }
  })
})
