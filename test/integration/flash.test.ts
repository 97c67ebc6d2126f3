import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor, emptyCache, memoryStore } from 'koa-live-session/testing'
import type { App } from '../support/app/app.js'
import { startCluster } from '../support/app/cluster.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { flashPages, say, takeFlash } from '../support/app/flash-pages.js'
import { Gate } from '../support/app/gate.js'
import { HeldStore } from '../support/app/held-store.js'
import { present } from '../support/app/present.js'
import { HOUR } from '../support/app/times.js'
import { set, signedInAs, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const start = (options: object = {}, given: object = {}): Promise<App> =>
  startWithUsers({ routes: flashPages, options: options as never, ...given })

/** A visitor with a cookie. */
async function begin(options: object = {}, given: object = {}): Promise<{ app: App; visitor: Visitor }> {
  const app = await start(options, given)
  return { app, visitor: app.visitor(cookieFor(app.live, {})) }
}

/** Responds with 503 after the page's actions if the query has `fails`. */
const failing: Koa.Middleware = async (ctx, next) => {
  await flashPages(ctx, next)
  if (ctx.query['fails']) ctx.throw(503)
}

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])("a request's message, %s", (_, optionsOf) => {
  it('appears once, on the first page loaded after a redirect', async () => {
    const { visitor } = await begin(optionsOf())
    const redirect = await visitor.fetch('/flash/say/on?what=saved')
    expect(redirect.headers.get('location')).toBe('/flash/take')
    expect(await takeFlash(visitor, {}, 'other/take')).toEqual(['saved'])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it.each([
    ['in order', [0, 1]],
    ['out of order', [1, 0]],
  ])('survives a concurrent response with another message; the cookies arrive %s', async (_title, order) => {
    const { app, visitor } = await begin(optionsOf())
    const tabs = [app.visitor(visitor.cookie), app.visitor(visitor.cookie)]
    await Promise.all(tabs.map((tab, at) => say(tab, `saved ${at}`)))
    for (const at of order)
      for (const pair of present(tabs[at]).cookie.split('; ')) visitor.jar.setCookieSync(`${pair}; Path=/`, visitor.url)
    expect(await takeFlash(visitor)).toHaveLength(2)
    expect(await takeFlash(visitor)).toEqual([])
  })

  it('does not reappear with an older cookie', async () => {
    const { app, visitor } = await begin(optionsOf())
    await say(visitor, 'saved')
    const late = app.visitor(visitor.cookie)
    expect(await takeFlash(visitor)).toEqual(['saved'])
    expect(await takeFlash(late)).toEqual([])
    emptyCache(app.live)
    expect(await takeFlash(late)).toEqual([])
  })

  it('survives a restart, and does not reappear after the next restart', async () => {
    const options = optionsOf()
    const before = await start(options)
    const visitor = before.visitor()
    await say(visitor, 'saved')
    await before.stop()
    const app = await start(options, { clock: before.clock })
    const same = app.visitor(visitor.cookie)
    expect(await takeFlash(same)).toEqual(['saved'])
    await app.stop()
    const last = await start(options, { clock: before.clock })
    expect(await takeFlash(last.visitor(same.cookie))).toEqual([])
  })

  it('stays for the next page if a page fails', async () => {
    const { app, visitor } = await begin(optionsOf(), { routes: failing })
    await say(visitor, 'one')
    await say(visitor, 'two')
    for (const _attempt of [1, 2]) expect((await visitor.fetch('/flash/take?fails=1')).status).toBe(503)
    emptyCache(app.live)
    expect(await takeFlash(visitor)).toEqual(['one', 'two'])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it.each(['take/out/leave', 'take/in/identify', 'take/out/forget'])(
    'does not reach the next visitor if a failing page switches visitors: %s',
    async (actions) => {
      const { visitor } = await begin(optionsOf(), { routes: failing })
      await visitor.fetch('/login/now?user=ann')
      await say(visitor, 'of ann')
      expect((await visitor.fetch(`/flash/${actions}?fails=1&user=bob`)).status).toBe(503)
      expect(await takeFlash(visitor)).toEqual([])
    },
  )

  it('expires an hour later, even after a failed page', async () => {
    const app = await start(optionsOf(), { routes: failing })
    const [soon, late, failed] = [app.visitor(), app.visitor(), app.visitor()]
    for (const visitor of [soon, late, failed]) await say(visitor, 'saved')
    app.clock.advance(HOUR - 1)
    expect(await takeFlash(soon)).toEqual(['saved'])
    await failed.fetch('/flash/take?fails=1')
    app.clock.advance(1)
    for (const visitor of [late, failed]) expect(await takeFlash(visitor)).toEqual([])
  })

  it('evicts the oldest of more than ten messages', async () => {
    const { visitor } = await begin(optionsOf())
    const numbers = Array.from({ length: 12 }, (_unused, at) => String(at))
    for (const number of numbers) await say(visitor, number)
    expect(await takeFlash(visitor)).toEqual(numbers.slice(2))
  })

  it('appears in no other browser of the user', async () => {
    const app = await start(optionsOf())
    const [one, two] = [app.visitor(), app.visitor()]
    for (const visitor of [one, two]) await visitor.fetch('/login/now?user=ann')
    await say(one, 'saved')
    expect(await takeFlash(two)).toEqual([])
    expect(await takeFlash(one)).toEqual(['saved'])
  })

  it.each([
    'say/in/identify/on',
    'in/identify/say/on',
    'in/say/on',
    'out/say/on',
    'say/out/leave/on',
    'out/leave/say/on',
    'say/out/forget/on',
    'out/forget/say/on',
  ])('follows the visitor through a sign-in or sign-out: %s', async (actions) => {
    const { visitor } = await begin(optionsOf())
    if (actions.includes('out')) await visitor.fetch('/login/now?user=ann')
    await visitor.fetch(`/flash/${actions}?what=done&user=ann`)
    expect(await takeFlash(visitor)).toEqual(['done'])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it.each(['say/forget/on', 'say/leave/on', 'forget/say/on'])(
    'outlives all other data of a leaving guest: %s',
    async (actions) => {
      const { visitor } = await begin(optionsOf())
      await set(visitor, { theme: 'dark' })
      await say(visitor, 'of before')
      const { browser } = cookieContent(visitor)
      await say(visitor, 'done', actions)
      const content = cookieContent(visitor)
      expect([content.browser !== browser, content.r]).toEqual([true, []])
      expect(await values(visitor)).toMatchObject({ theme: 'light' })
      expect(await takeFlash(visitor)).toEqual(['done'])
      expect(await takeFlash(visitor)).toEqual([])
    },
  )

  it('gets no cookie if the leaving guest has withdrawn consent', async () => {
    let hasConsent = true
    const { visitor } = await begin({ ...optionsOf(), consent: () => hasConsent })
    hasConsent = false
    await say(visitor, 'done', 'say/forget/on')
    expect(visitor.cookie).not.toContain('live')
  })

  it('disappears when a later request changes the visitor', async () => {
    const { visitor } = await begin(optionsOf())
    for (const path of ['/login/now?user=ann', '/logout', '/login?user=ann']) {
      await say(visitor, 'of before')
      await visitor.fetch(path)
      expect(await takeFlash(visitor)).toEqual([])
    }
    for (const leave of ['/logout/leave', '/logout', '/login/now?user=bob']) {
      await say(visitor, 'of the user')
      await visitor.fetch(leave)
      expect(await takeFlash(visitor)).toEqual([])
      await visitor.fetch('/login/now?user=ann')
    }
  })

  it("is rejected if its request's browser id is retired", async () => {
    const app = await start(optionsOf(), {
      routes: async (ctx: Koa.Context, next: Koa.Next) => {
        if (ctx.path === '/flash/slow/say') await visitor.fetch('/login/now?user=bob')
        await flashPages(ctx, next)
      },
    })
    const visitor: Visitor = app.visitor(cookieFor(app.live, {}))
    expect((await app.visitor(visitor.cookie).fetch('/flash/slow/say?what=late')).status).toBe(409)
    expect(await takeFlash(visitor)).toEqual([])
  })
})

describe("a request's message, if the browser disconnects", () => {
  it.each(['before it takes', 'after it takes', 'while the store decides'])(
    'stays for the next page: %s',
    async (when) => {
      const [asked, gone, answered] = [new Gate(), new Gate(), new Gate()]
      const store = memoryStore()
      const { compareAndSet } = store
      if (when === 'while the store decides')
        store.compareAndSet = (...args) => asked.pass().then(() => compareAndSet.apply(store, args))
      const routes: Koa.Middleware = async (ctx, next) => {
        if (!ctx.path.includes('slow')) return flashPages(ctx, next)
        ctx.res.once('close', () => void gone.pass())
        if (when === 'after it takes') await ctx.liveSession.takeFlash()
        if (when !== 'while the store decides') await asked.pass()
        await flashPages(ctx, next)
        void answered.pass()
      }
      const { visitor } = await begin({ store }, { routes })
      await say(visitor, 'saved')
      const reload = new AbortController()
      const aborted = takeFlash(visitor, { signal: reload.signal }, 'slow/take').catch(() => undefined)
      await asked.entered
      reload.abort()
      await Promise.all([aborted, gone.entered])
      asked.open()
      await answered.entered
      expect(await takeFlash(visitor)).toEqual(['saved'])
      expect(await takeFlash(visitor)).toEqual([])
    },
  )
})

describe('a message, with two nodes', () => {
  it('appears once in fifty concurrent requests, with a store', async () => {
    const store = memoryStore()
    const { one, two } = await startCluster(() => ({ store }), flashPages)
    const visitor = one.visitor()
    await say(visitor, 'saved')
    const other = two.visitor(visitor.cookie)
    const takes = Array.from({ length: 50 }, (_, at) => takeFlash(at % 2 ? visitor : other))
    expect((await Promise.all(takes)).flat()).toEqual(['saved'])
  })

  it('without a store travels in the cookie, and appears once', async () => {
    const { one, two } = await startCluster(() => ({}), flashPages)
    const visitor = one.visitor()
    await say(visitor, 'saved')
    const other = two.visitor(visitor.cookie)
    expect(await takeFlash(other)).toEqual(['saved'])
    emptyCache(one.live)
    expect(await takeFlash(two.visitor(other.cookie))).toEqual([])
  })
})

describe('a message, with an unreliable store', () => {
  it('appears even if the store fails', async () => {
    const store = memoryStore()
    const { visitor } = await begin({ store })
    await say(visitor, 'saved')
    store.fail(Number.POSITIVE_INFINITY)
    expect(await takeFlash(visitor)).toEqual(['saved'])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it.each<[string, (name: string) => boolean]>([
    ['once', (name) => name.startsWith('flash:')],
    ['each time', () => true],
  ])('does not wait for a store whose answer is late: %s', async (_, isLate) => {
    const held = new HeldStore()
    const store = memoryStore()
    const { compareAndSet, load } = store
    store.load = (name) => (isLate(name) ? held : { load }).load(name)
    store.compareAndSet = (name, ...rest) => (isLate(name) ? held : { compareAndSet }).compareAndSet(name, ...rest)
    const { visitor } = await begin({ store, storeTimeout: 20 })
    for (const message of ['one', 'two']) {
      await say(visitor, message)
      expect(await takeFlash(visitor)).toEqual([message])
    }
    expect(held.calls.filter(({ act }) => act === 'compareAndSet')).toHaveLength(2)
    await held.release()
  })
})

describe('the cookie', () => {
  it('holds as many messages as fit beside the values', async () => {
    const options = { cookieBudget: 3000 }
    const { app, visitor } = await begin(options)
    const wanted = {
      cart: Array.from({ length: 9 }, (_, at) => String(at).repeat(45)),
      role: 'x'.repeat(480),
      division: 5,
      theme: 'dark',
    }
    await set(visitor, wanted)
    for (let at = 0; at < 10; at += 1) await say(visitor, String(at).repeat(900))
    const { headers } = await visitor.fetch('/flash/say?what=short')
    for (const line of headers.getSetCookie()) expect(line.length).toBeLessThanOrEqual(4096)
    const after = await start(options, { clock: app.clock })
    const same = after.visitor(visitor.cookie)
    expect(await values(same)).toMatchObject(wanted)
    const brought = await takeFlash(same)
    expect([brought.length < 4, brought.at(-1)]).toEqual([true, 'short'])
    expect(await takeFlash(visitor)).toHaveLength(10)
  })

  it('stays unchanged without a message', async () => {
    const { app, visitor } = await begin()
    expect((await visitor.fetch('/flash/take')).headers.getSetCookie()).toEqual([])
    expect((await app.visitor().fetch('/flash/take')).headers.getSetCookie()).toEqual([])
  })
})

describe('an invalid message', () => {
  /** Flashes a value; awaits only a text, and returns the code of its rejection. */
  async function flash(message: unknown): Promise<{ app: App; code: unknown }> {
    let code: unknown
    const app = await start(
      {},
      {
        routes: async (ctx: Koa.Context) => {
          const flashed = ctx.liveSession.flash(message as string)
          ctx.body = ''
          code = typeof message === 'string' ? await flashed.catch((error) => error.code) : undefined
        },
      },
    )
    await app.visitor().fetch('/')
    await new Promise((resolve) => setImmediate(resolve))
    return { app, code }
  }

  it.each([
    ['too_large', 'x'.repeat(999)],
    ['invalid_value', '\ud800'],
  ])('is rejected as %s', async (code, message) => {
    expect((await flash(message)).code).toBe(code)
  })

  it('is reported to onError if never awaited', async () => {
    const { app } = await flash(new Date())
    expect(app.errors.map(String)).toEqual([
      'LiveSessionError: koa-live-session: flash: expected a JSON value, received a Date at $',
    ])
  })
})

describe('a message after live.revoke of the visitor in the same request', () => {
  it.each([
    [
      'is refused, with leave() as the remedy',
      '/revoke/say/on',
      expect.stringContaining('ctx.liveSession.leave()'),
      [],
    ],
    ['appears once the route has called leave()', '/revoke/leave/say/on', undefined, ['signed out']],
  ])('%s', async (_title, path, message, shown) => {
    const refusals: unknown[] = []
    const routes: Koa.Middleware = async (ctx, next) => {
      if (!ctx.path.startsWith('/revoke')) return flashPages(ctx, next)
      ctx['session'] = null
      await app.live.revoke('ann')
      ctx.path = ctx.path.replace('/revoke', '/flash')
      await flashPages(ctx, next).catch((error: Error) => refusals.push(error.message))
    }
    const app: App = await startWithUsers({ routes })
    const visitor = await signedInAs(app)
    await visitor.fetch(`${path}?what=signed out`, { redirect: 'manual' })
    expect(refusals).toEqual(message === undefined ? [] : [message])
    expect(await takeFlash(visitor)).toEqual(shown)
  })
})
