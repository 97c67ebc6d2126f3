import { request } from 'node:https'
import { Readable } from 'node:stream'
import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { JSDOM } from 'jsdom'
import type Koa from 'koa'
import helmet from 'koa-helmet'
import { createLiveSession } from 'koa-live-session/client'
import { defineFields } from 'koa-live-session/fields'
import session from 'koa-session'
import { z } from 'zod'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { DAY } from '../support/app/times.js'
import { textsOf } from '../support/docs/readme.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { NGINX } from '../support/servers/installed.js'
import { Nginx } from '../support/servers/nginx.js'

describe('responses', () => {
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
})

describe('response heads', () => {
  const ends: (() => Promise<void>)[] = []
  afterAll(async () => {
    for (const end of ends.splice(0)) await end()
  })

  const note = { schema: z.string(), default: '', client: 'write' } as const
  /** The longest text that fits a field of so many bytes. */
  const longest = (bytes: number): string =>
    'x'.repeat(Math.floor((bytes * 3) / 4) - '["note",9007199254740991,""],'.length)

  interface Given {
    /** @default the default budget */
    readonly cookieBudget?: number
    /** Values in the cookie of koa-session. */
    readonly own?: object
    /** Middleware of the app around all others. */
    readonly outermost?: Koa.Middleware
  }

  /** An app with helmet and koa-session, whose `/` fills the live cookie and adds messages. */
  async function start({
    cookieBudget = 2000,
    own = {},
    outermost = (_, next) => next(),
  }: Given = {}): Promise<App<never>> {
    const app = await App.start({
      fields: defineFields({ note }),
      options: { cookieBudget },
      before: (koa) => {
        koa.proxy = true
        const keep: Koa.Middleware = (ctx, next) => {
          Object.assign(ctx['session'], own)
          return next()
        }
        return [outermost, helmet(), session(koa), keep]
      },
      routes: async (ctx) => {
        if (ctx.path !== '/') return
        await ctx.liveSession.set('note', longest(cookieBudget))
        for (const text of ['m'.repeat(900), 'm'.repeat(170)]) await ctx.liveSession.flash(text)
        ctx.body = 'answered'
      },
    })
    return app as unknown as App<never>
  }

  const SMALL = {
    userId: 'ann',
    name: 'Ann Example',
    roles: ['user', 'editor'],
    csrf: 'c'.repeat(43),
    returnTo: '/costs',
  }

  const logged = ({ warnings }: App<never>): readonly string[] =>
    warnings.filter((text) => text.includes('response head'))

  describe('threat 101: a response head', () => {
    it('causes a warning with the remedy beyond 4,000 bytes', async () => {
      const app = await start({ cookieBudget: 3000, own: SMALL })
      for (const _ of [1, 2]) expect((await app.visitor().fetch('/')).status).toBe(200)
      expect(logged(app)).toEqual([
        'koa-live-session: a response head with the live cookie has more than 4,000 bytes, which nginx answers with 502 by ' +
          'default. Set proxy_buffer_size 16k and proxy_buffers 8 16k in nginx, or keep less in cookies: ' +
          'node_modules/koa-live-session/docs/troubleshooting.md#502-behind-nginx',
      ])
    })

    it('is counted with the headers that outer middleware adds last', async () => {
      const app = await start({
        outermost: async (ctx, next) => {
          const { writeHead } = ctx.res
          ctx.res.writeHead = ((...args: Parameters<typeof writeHead>) => {
            ctx.res.setHeader('X-Trace', 't'.repeat(2000))
            return writeHead.apply(ctx.res, args)
          }) as typeof writeHead
          await next()
        },
      })
      await app.visitor().fetch('/')
      expect(logged(app)).toHaveLength(1)
    })

    it('stays shorter with the default budget and a small session', async () => {
      const app = await start({ own: SMALL })
      const visitor = app.visitor()
      const answers = [await visitor.fetch('/'), await visitor.fetch('/')]
      const [live = ''] = answers.map(({ headers }) => headers.getSetCookie().find((line) => line.startsWith('live=')))
      expect(live.length).toBeGreaterThan(2300)
      expect(live.length).toBeLessThanOrEqual(2612)
      expect(logged(app)).toEqual([])
    })

    it('causes no warning without the live cookie', async () => {
      const app = await start({ own: { text: 'o'.repeat(2900) } })
      expect((await app.visitor().fetch('/other')).headers.getSetCookie()).toHaveLength(2)
      expect(logged(app)).toEqual([])
    })

    describeWithServer(NGINX, 'behind nginx', () => {
      /** Starts nginx with the guide's configuration, without matching lines. */
      const behind = async ({ url }: App<never>, leftOut = /^$/): Promise<string> => {
        const [site = ''] = textsOf('nginx', 'docs/deployment.md')
        const lines = site.split('\n').filter((line) => !leftOut.test(line))
        const nginx = await Nginx.start(lines.join('\n'), url)
        ends.push(() => nginx.stop())
        return nginx.url
      }

      const statusOf = (url: string): Promise<number | undefined> =>
        new Promise((resolve, reject) => {
          const sent = request(url, { rejectUnauthorized: false }, (response) => {
            response.resume()
            resolve(response.statusCode)
          })
          sent.on('error', reject).end()
        })

      it('fits the default buffer with the default budget', async () => {
        const app = await start({ own: SMALL })
        expect(await statusOf(await behind(app, /proxy_buffer/))).toBe(200)
      })

      it('fits the guide’s buffer with full cookies', async () => {
        const app = await start({ cookieBudget: 3784, own: { text: 'o'.repeat(2900) } })
        expect(await statusOf(await behind(app))).toBe(200)
        expect(logged(app)).toHaveLength(1)
      })
    })
  })
})

const fields = defineFields({
  note: { schema: z.string(), default: '', client: 'write' },
  notes: { schema: z.record(z.string(), z.string()), default: {}, client: 'write' },
  secret: { schema: z.string(), default: '', client: 'hidden' },
})

/** Embeds this note in a page with scripts enabled. */
async function page(note: string): Promise<{ readonly html: string; readonly dom: JSDOM }> {
  const app = await App.start<typeof fields>({
    fields,
    routes: async (ctx) => {
      const { liveSession } = ctx
      await liveSession.setMany({ note, notes: { [note]: note }, secret: 'canary' })
      ctx.type = 'html'
      ctx.body = `<!doctype html><title>x</title><body><p id="before"></p>${liveSession.embed()}<p id="after"></p></body>`
    },
  })
  const html = await app.visitor().text('/')
  return { html, dom: new JSDOM(html, { runScripts: 'dangerously' }) }
}

describe('threat 36: values embedded in a page', () => {
  it.each([
    ['an end of the element', '</script><script>window.hacked = 1</script>'],
    ['an end in capitals and blanks', '</SCRIPT\t\n ><img src=x onerror="window.hacked = 1">'],
    ['half an end', '</scr'],
    ['a comment', '<!--'],
    ['a comment with a script', '<!--<script>'],
    ['an end of a comment', '-->'],
    ['CDATA', ']]><![CDATA['],
    ['separators of lines', '\u2028window.hacked = 1\u2029'],
    ['quotes', `"'\`"; window.hacked = 1; //`],
    ['backslashes', '\\u003c/script>\\"\\'],
    ['entities', '&lt;/script&gt;&quot;&amp;'],
    ['a prototype', '{"__proto__":{"hacked":1}}'],
    ['control characters', '\u0000\u0008\u001f\u007f\ufeff'],
    ['other scripts', '\ud83d\ude00\u202e\u0301'],
    ['a line of its own', '\r\n</script>\r\n'],
  ])('are inert and unchanged: %s', async (_, note) => {
    const { html, dom } = await page(note)
    const { document } = dom.window
    expect(dom.window['hacked']).toBeUndefined()
    expect(Array.from(document.body.children, ({ tagName, id }) => `${tagName} ${id}`)).toEqual([
      'P before',
      'SCRIPT live-session',
      'P after',
    ])
    const element = document.querySelector('#live-session')
    expect(Array.from(element?.attributes ?? [], ({ name, value }) => [name, value])).toEqual([
      ['type', 'application/json'],
      ['id', 'live-session'],
    ])
    const text = element?.textContent ?? ''
    expect(text).not.toMatch(/[<>&\u2028\u2029]/)
    expect(JSON.parse(text).values).toEqual({ note, notes: { [note]: note } })
    expect(html).not.toContain('canary')
  })

  it('would run as scripts without escaping', () => {
    const dom = new JSDOM('<script type="application/json">"</script><script>window.hacked = 1</script>"</script>', {
      runScripts: 'dangerously',
    })
    expect(dom.window['hacked']).toBe(1)
  })

  it('need no nonce under a strict Content-Security-Policy', async () => {
    const { dom } = await page('x')
    const script = dom.window.document.querySelector('script')
    // Policies ignore data blocks, which are scripts of other types (HTML, 4.12.1).
    expect(script?.type).toBe('application/json')
    expect([script?.hasAttribute('src'), script?.hasAttribute('nonce'), script?.children.length]).toEqual([
      false,
      false,
      0,
    ])
  })
})

describe('threat 58: an element with the id of embed() earlier in the page', () => {
  const live: { close(): void }[] = []
  afterEach(() => {
    for (const one of live.splice(0)) one.close()
    Reflect.deleteProperty(globalThis, 'document')
  })

  /** Returns the initial note of a page with this HTML ahead of the server's. */
  async function begin(ahead: string): Promise<unknown> {
    const { html } = await page('the server’s')
    const { document } = new JSDOM(html.replace('<body>', `<body>${ahead}`)).window
    Object.assign(globalThis, { document })
    const opened = createLiveSession<typeof fields>({ endpoint: 'http://127.0.0.1:1/store_session' })
    live.push(opened)
    try {
      return opened.get('note')
    } catch (error) {
      return error
    }
  }

  const FAKE = JSON.stringify({
    values: { note: 'a stranger’s' },
    defaults: {},
    stamps: { note: 9e15 },
    subject: 'x',
    epoch: 0,
  })

  it.each([
    ['a heading of Markdown', '<h2 id="live-session">Live session</h2>'],
    ['a div, which sanitizers accept', `<div id="live-session">${FAKE}</div>`],
    ['a template', `<template id="live-session">${FAKE}</template>`],
    ['a script of another type', `<script type="text/plain" id="live-session">${FAKE}</script>`],
    ['an inert script of the app’s own', `<script type="application/json" id="other">${FAKE}</script>`],
  ])('has no effect: %s', async (_, ahead) => {
    expect(await begin(ahead)).toBe('the server’s')
  })

  it('makes reads throw if both elements are inert scripts', async () => {
    expect(await begin(`<script type="application/json" id="live-session">${FAKE}</script>`)).toBeInstanceOf(Error)
  })
})
