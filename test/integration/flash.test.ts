import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor, emptyCache, memoryStore } from 'koa-live-session/testing'
import type { App } from '../support/app/app.js'
import { startCluster } from '../support/app/cluster.js'
import { flashPages, say, takeFlash } from '../support/app/flash-pages.js'
import { Gate } from '../support/app/gate.js'
import { HeldStore } from '../support/app/held-store.js'
import { present } from '../support/app/present.js'
import { cookieContent, set, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const HOUR = 3_600_000
const start = (options: object = {}, given: object = {}): Promise<App> =>
  startWithUsers({ routes: flashPages, options: options as never, ...given })

const all = async (takes: readonly Promise<readonly unknown[]>[]): Promise<readonly unknown[]> =>
  (await Promise.all(takes)).flat()

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])('a message of a request, %s', (_, optionsOf) => {
  it('is shown by whichever page loads first after a redirect', async () => {
    const app = await start(optionsOf())
    const visitor = app.visitor()
    const redirect = await visitor.fetch('/flash/say/on?what=saved')
    expect(redirect.headers.get('location')).toBe('/flash/take')
    expect(await takeFlash(visitor, {}, 'other/take')).toEqual(['saved'])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it.each([
    ['in order', [0, 1]],
    ['in the other order', [1, 0]],
  ])('is not lost beside that of another answer that is under way: they land %s', async (_title, order) => {
    const app = await start(optionsOf())
    const visitor = app.visitor(cookieFor(app.live, {}))
    const tabs = [app.visitor(visitor.cookie), app.visitor(visitor.cookie)]
    await Promise.all(tabs.map((tab, at) => say(tab, `saved ${at}`)))
    for (const at of order)
      for (const pair of present(tabs[at]).cookie.split('; ')) visitor.jar.setCookieSync(`${pair}; Path=/`, visitor.url)
    expect(await takeFlash(visitor)).toHaveLength(2)
    expect(await takeFlash(visitor)).toEqual([])
  })

  it('is not shown again by a request that was under way with an older cookie, nor by what its answer has brought', async () => {
    const app = await start(optionsOf())
    const visitor = app.visitor()
    await say(visitor, 'saved')
    const late = app.visitor(visitor.cookie)
    expect(await takeFlash(visitor)).toEqual(['saved'])
    expect(await takeFlash(late)).toEqual([])
    emptyCache(app.live)
    expect(await takeFlash(late)).toEqual([])
  })

  it('outlives a restart', async () => {
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

  it('is left for the next page by one that takes it and fails, also in the cookie', async () => {
    const app = await start(optionsOf(), {
      routes: async (ctx: Koa.Context, next: Koa.Next) => {
        if (ctx.path !== '/fails') return flashPages(ctx, next)
        await ctx.liveSession.takeFlash()
        throw new Error('of the app')
      },
    })
    const visitor = app.visitor()
    await say(visitor, 'one')
    await say(visitor, 'two')
    for (const _attempt of [1, 2]) expect((await visitor.fetch('/fails')).status).toBe(500)
    emptyCache(app.live)
    expect(await takeFlash(visitor)).toEqual(['one', 'two'])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it.each(['take/out/leave', 'take/in/identify', 'take/out/forget'])(
    'of a user is left for no one who comes after by a page that takes it, changes the visitor and fails: %s',
    async (deeds) => {
      const app = await start(optionsOf(), {
        routes: async (ctx: Koa.Context, next: Koa.Next) => {
          await flashPages(ctx, next)
          if (ctx.query['fails']) ctx.throw(503)
        },
      })
      const visitor = app.visitor(cookieFor(app.live, {}))
      await visitor.fetch('/login/now?user=ann')
      await say(visitor, 'of ann')
      expect((await visitor.fetch(`/flash/${deeds}?fails=1&user=bob`)).status).toBe(503)
      expect(await takeFlash(visitor)).toEqual([])
    },
  )

  it('is shown within an hour also where a page has failed in between', async () => {
    const app = await start(optionsOf(), {
      routes: async (ctx: Koa.Context, next: Koa.Next) => {
        await flashPages(ctx, next)
        if (ctx.query['fails']) ctx.throw(503)
      },
    })
    const visitor = app.visitor()
    await say(visitor, 'saved')
    app.clock.advance(HOUR - 1)
    await visitor.fetch('/flash/take?fails=1')
    app.clock.advance(1)
    expect(await takeFlash(visitor)).toEqual([])
  })

  it.each(['before it takes', 'once it has taken'])(
    'is left for the next page by one whose browser has gone %s',
    async (when) => {
      const [asked, gone, answered] = [new Gate(), new Gate(), new Gate()]
      const app = await start(optionsOf(), {
        routes: async (ctx: Koa.Context, next: Koa.Next) => {
          if (ctx.path !== '/reloaded') return flashPages(ctx, next)
          ctx.res.once('close', () => gone.open())
          if (when === 'once it has taken') await ctx.liveSession.takeFlash()
          void asked.pass()
          await gone.pass()
          ctx.body = await ctx.liveSession.takeFlash()
          void answered.pass()
        },
      })
      const visitor = app.visitor()
      await say(visitor, 'saved')
      const reload = new AbortController()
      const aborted = visitor.fetch('/reloaded', { signal: reload.signal }).catch(() => undefined)
      await asked.entered
      reload.abort()
      await Promise.all([aborted, answered.entered])
      expect(await takeFlash(visitor)).toEqual(['saved'])
      expect(await takeFlash(visitor)).toEqual([])
    },
  )

  it('is shown within an hour, or not at all', async () => {
    const app = await start(optionsOf())
    const [soon, late] = [app.visitor(), app.visitor()]
    for (const visitor of [soon, late]) await say(visitor, 'saved')
    app.clock.advance(HOUR - 1)
    expect(await takeFlash(soon)).toEqual(['saved'])
    app.clock.advance(1)
    expect(await takeFlash(late)).toEqual([])
  })

  it('is one of ten at the most: the oldest go', async () => {
    const app = await start(optionsOf())
    const visitor = app.visitor()
    const numbers = Array.from({ length: 12 }, (_unused, at) => String(at))
    for (const number of numbers) await say(visitor, number)
    expect(await takeFlash(visitor)).toEqual(numbers.slice(2))
  })

  it('of one browser is for no other', async () => {
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
    'say/leave/on',
    'say/forget/on',
  ])('goes along where its own request signs in or out: %s', async (deeds) => {
    const app = await start(optionsOf())
    const visitor = app.visitor(cookieFor(app.live, {}))
    if (deeds.includes('out')) await visitor.fetch('/login/now?user=ann')
    await visitor.fetch(`/flash/${deeds}?what=done&user=ann`)
    expect(await takeFlash(visitor)).toEqual(['done'])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it.each(['say/forget/on', 'say/leave/on', 'forget/say/on'])(
    'is all that a guest who is forgotten has: %s',
    async (deeds) => {
      const app = await start(optionsOf())
      const visitor = app.visitor(cookieFor(app.live, {}))
      await set(visitor, { theme: 'dark' })
      await say(visitor, 'of before')
      const { browser } = cookieContent(visitor)
      await say(visitor, 'done', deeds)
      const content = cookieContent(visitor)
      expect([content.browser !== browser, content.r]).toEqual([true, []])
      expect(await values(visitor)).toMatchObject({ theme: 'light' })
      expect(await takeFlash(visitor)).toEqual(['done'])
    },
  )

  it('is in no cookie of a guest who is forgotten and does not agree to one', async () => {
    let hasConsent = true
    const app = await start({ ...optionsOf(), consent: () => hasConsent })
    const visitor = app.visitor(cookieFor(app.live, {}))
    hasConsent = false
    await say(visitor, 'done', 'say/forget/on')
    expect(visitor.cookie).not.toContain('live')
  })

  it('of a guest is for no user who signs in, and of a user for no one who comes after', async () => {
    const app = await start(optionsOf())
    const visitor = app.visitor()
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

  it('is refused under an id that was given up while its request ran', async () => {
    const app = await start(optionsOf(), {
      routes: async (ctx: never, next: never) => {
        const { path, liveSession } = ctx as {
          path: string
          liveSession: App['live'] & { flash(m: string): Promise<void> }
        }
        if (path !== '/slow') return flashPages(ctx, next)
        await visitor.fetch('/login/now?user=bob')
        await liveSession.flash('late')
      },
    })
    const visitor: Visitor = app.visitor(cookieFor(app.live, {}))
    expect((await app.visitor(visitor.cookie).fetch('/slow')).status).toBe(409)
    expect(await takeFlash(visitor)).toEqual([])
  })
})

describe('a message, while the store is asked who was first', () => {
  it('is left for the next page where the browser goes', async () => {
    const store = memoryStore()
    const [asked, gone, answered] = [new Gate(), new Gate(), new Gate()]
    const { compareAndSet } = store
    store.compareAndSet = async (...args) => {
      await asked.pass()
      return compareAndSet.apply(store, args)
    }
    const app = await start(
      { store },
      {
        routes: async (ctx: Koa.Context, next: Koa.Next) => {
          if (ctx.path.includes('take')) ctx.res.once('close', () => void gone.pass())
          await flashPages(ctx, next)
          if (ctx.path.includes('take')) void answered.pass()
        },
      },
    )
    const visitor = app.visitor(cookieFor(app.live, {}))
    await say(visitor, 'saved', 'say')
    const reload = new AbortController()
    const aborted = takeFlash(visitor, { signal: reload.signal }).catch(() => undefined)
    await asked.entered
    reload.abort()
    await Promise.all([aborted, gone.entered])
    asked.open()
    await answered.entered
    expect(await takeFlash(visitor)).toEqual(['saved'])
  })
})

describe('a message, at two nodes', () => {
  it('is shown once with a store, of fifty pages that are asked for at once', async () => {
    const store = memoryStore()
    const { one, two } = await startCluster(() => ({ store }), flashPages)
    const visitor = one.visitor()
    await say(visitor, 'saved')
    const other = two.visitor(visitor.cookie)
    expect(await all(Array.from({ length: 50 }, (_, at) => takeFlash(at % 2 ? visitor : other)))).toEqual(['saved'])
  })

  it('is shown at the other one without a store, by the cookie, and by the first not again', async () => {
    const { one, two } = await startCluster(() => ({}), flashPages)
    const visitor = one.visitor()
    await say(visitor, 'saved')
    const other = two.visitor(visitor.cookie)
    expect(await takeFlash(other)).toEqual(['saved'])
    emptyCache(one.live)
    expect(await takeFlash(two.visitor(other.cookie))).toEqual([])
  })

  it('is shown where the store does not say who was first: twice is better than never', async () => {
    const store = memoryStore()
    const app = await start({ store })
    const visitor = app.visitor()
    await say(visitor, 'saved')
    store.fail(Number.POSITIVE_INFINITY)
    expect(await takeFlash(visitor)).toEqual(['saved'])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it.each<[string, (name: string) => boolean]>([
    ['for once', (name) => name.startsWith('flash:')],
    ['as ever', () => true],
  ])('is shown without a wait for a store that answers late %s, and is spent there all the same', async (_, isLate) => {
    const held = new HeldStore()
    const store = memoryStore()
    const { compareAndSet, load } = store
    store.load = (name) => (isLate(name) ? held : { load }).load(name)
    store.compareAndSet = (name, ...rest) => (isLate(name) ? held : { compareAndSet }).compareAndSet(name, ...rest)
    const app = await start({ store, storeTimeout: 20 })
    const visitor = app.visitor(cookieFor(app.live, {}))
    for (const message of ['one', 'two']) {
      await say(visitor, message)
      expect(await takeFlash(visitor)).toEqual([message])
    }
    expect(held.calls.filter(({ act }) => act === 'compareAndSet')).toHaveLength(2)
    await held.release()
  })

  it('leaves nothing in the store after two hours', async () => {
    const store = memoryStore()
    const removed: string[] = []
    Object.assign(store, { remove: async (name: string) => void removed.push(name) })
    const app = await start({ store })
    const visitor = app.visitor()
    await say(visitor, 'saved')
    await takeFlash(visitor)
    app.clock.advance(2 * HOUR)
    await say(visitor, 'saved again')
    await takeFlash(visitor)
    expect(removed).toEqual([expect.stringMatching(/^flash:[\w-]{12}$/)])
  })
})

describe('the cookie', () => {
  it('has messages as far as there is room beside the values, which all stay', async () => {
    const options = { cookieBudget: 3000 }
    const app = await start(options)
    const visitor = app.visitor()
    const [cart, role] = [Array.from({ length: 9 }, (_, at) => String(at).repeat(45)), 'x'.repeat(480)]
    await visitor.fetch(`/set?values=${encodeURIComponent(JSON.stringify({ cart, role, division: 5, theme: 'dark' }))}`)
    for (let at = 0; at < 10; at += 1) await say(visitor, String(at).repeat(900))
    const { headers } = await visitor.fetch('/flash/say?what=short')
    for (const line of headers.getSetCookie()) expect(line.length).toBeLessThanOrEqual(4096)
    const after = await start(options, { clock: app.clock })
    const same = after.visitor(visitor.cookie)
    expect(await values(same)).toMatchObject({ cart, role, division: 5, theme: 'dark' })
    const brought = await takeFlash(same)
    expect([brought.length < 4, brought.at(-1)]).toEqual([true, 'short'])
    expect(await takeFlash(visitor)).toHaveLength(10)
  })

  it('is not written for a page that has nothing to show', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    expect((await visitor.fetch('/flash/take')).headers.getSetCookie()).toEqual([])
    expect((await app.visitor().fetch('/flash/take')).headers.getSetCookie()).toEqual([])
  })
})

describe('what is no message', () => {
  it.each([
    ['text of over 1,000 bytes', 'x'.repeat(999), 'too_large', 413],
    ['a lone surrogate', '\ud800', 'invalid_value', 400],
  ])('is refused: %s', async (_, message, code) => {
    let told: unknown
    const app = await start(
      {},
      {
        routes: async (ctx: { liveSession: { flash(message: string): Promise<void> }; body: unknown }) => {
          told = await ctx.liveSession.flash(message).catch((error) => error.code)
          ctx.body = ''
        },
      },
    )
    await app.visitor().fetch('/')
    expect(told).toBe(code)
  })

  it('is told to onError where no code awaits it', async () => {
    const app = await start(
      {},
      {
        routes: (ctx: { liveSession: { flash(message: unknown): Promise<void> }; body: unknown }) => {
          void ctx.liveSession.flash(new Date())
          ctx.body = ''
        },
      },
    )
    await app.visitor().fetch('/')
    await new Promise((resolve) => setImmediate(resolve))
    expect(app.errors.map(String)).toEqual([
      'LiveSessionError: koa-live-session: flash: expected a JSON value, received a Date at $',
    ])
  })
})
