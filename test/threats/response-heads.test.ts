import { request } from 'node:https'
import { afterAll, describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import helmet from 'koa-helmet'
import { defineFields } from 'koa-live-session/fields'
import session from 'koa-session'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { textsOf } from '../support/docs/readme.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { NGINX } from '../support/servers/installed.js'
import { Nginx } from '../support/servers/nginx.js'

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
