import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { AuthStore, auth, identify, pages } from '../support/app/auth.js'
import { once } from '../support/app/awaited.js'
import { outcome } from '../support/app/bounded.js'
import { Bus } from '../support/app/bus.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { liveOnly, written } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { pairs } from '../support/app/pairs.js'
import { atScale } from '../support/app/scale.js'
import { readClaims, type TestSocket } from '../support/app/socket.js'
import { DAY, MINUTE } from '../support/app/times.js'
import { nameOf, set, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { HeldPost } from './held-request.js'

const NOTHING = { division: -1, theme: 'light', cart: [], role: 'guest' }
const OLD = { division: 3, theme: 'light', cart: ['old'] }
const THEIRS = { division: 8, theme: 'dark', cart: ['theirs'] }
const EVIL = { division: 66, cart: ['evil'] }
const EVIL_CHANGES = Object.entries(EVIL).map(([key, value]) => [key, -1, '', value])
const ENDPOINT = '/store_session'
type Session = Koa.Context['liveSession']
type Use = (session: Session) => unknown

/** The reader of a POST's body: the app's parser, before or after session(), or the endpoint. */
type Reader = 'parser before the session' | 'parser after the session' | 'endpoint'
const NODES = ['at the same node', 'at another node', 'at another node of a store'] as const

/** An app with a slow route and a slow socket handler, at one or two nodes. */
async function startApp(where: (typeof NODES)[number]) {
  const [bus, clock, sessions] = [new Bus(), testClock(), new AuthStore()]
  const options = where === 'at another node of a store' ? { identify, store: memoryStore(clock.now) } : { identify }
  const [slow, reached, gate] = [new Gate(), new Gate(), new Gate()]
  const given: { held?: string; reader: Reader; use: Use; seen?: unknown } = {
    reader: 'endpoint',
    use: () => undefined,
  }
  const read =
    (reader: Reader): Koa.Middleware =>
    async (ctx, next) => {
      if (ctx.method !== 'POST' || reader !== given.reader) return next()
      if (ctx.get('Cookie') === given.held) void reached.pass()
      if (reader === 'endpoint') return next()
      let text = ''
      for await (const chunk of ctx.req) text += chunk
      Object.assign(ctx.request, { body: JSON.parse(text) })
      return next()
    }
  const start = async (): Promise<App> => {
    const handshake: Koa.Middleware[] = []
    const app = await App.start({
      clock,
      before: (koa) => {
        handshake.push(
          read('parser before the session'),
          auth(koa, { store: sessions }),
          read('parser after the session'),
          read('endpoint'),
        )
        return handshake
      },
      // The later visitor's socket stays open for 20 days.
      attach: { handshake, maxAge: Number.POSITIVE_INFINITY },
      options: options as never,
      routes: async (ctx, next) => {
        const { liveSession } = ctx
        if (ctx.path === '/form') await liveSession.setMany((ctx.request as { body?: unknown }).body as never)
        else if (ctx.path === '/embed') ctx.body = liveSession.embed()
        else if (ctx.path === '/again') await liveSession.identify()
        else if (ctx.path === '/slow') {
          liveSession.get('division')
          await slow.pass()
          given.seen = await given.use(liveSession)
        } else return pages(ctx, next)
        ctx.body ??= 'done'
      },
    })
    bus.join(app.io)
    app.io.on('connection', (socket) => {
      socket.on('slow', () => {
        given.seen = gate.pass().then(() => outcome(Promise.resolve(given.use(socket.liveSession as never))))
      })
    })
    return app
  }
  const home = await start()
  const app = where === 'at the same node' ? home : await start()
  return { home, app, given, slow, reached, gate }
}

type Started = Awaited<ReturnType<typeof startApp>>

/** A browser before its visitor leaves, and requests with copies of its cookies. */
interface Stage extends Started {
  readonly browser: Visitor
  readonly isAnn: boolean
  /** Browsers with copies of the row's cookies, of all cookies, and of the live cookie alone. */
  readonly late: () => Visitor
  readonly own: () => Visitor
  readonly bare: () => Visitor
  readonly socket: TestSocket
  readonly who: string
  /** A ticket that was never POSTed. */
  readonly ticket: string
}

/** Starts an attempt before the visitor leaves; the returned function finishes the attempt, and expects a refusal. */
type Door = (stage: Stage) => Promise<() => Promise<unknown>>

const later =
  (rest: (stage: Stage) => Promise<unknown>): Door =>
  async (stage) =>
  () =>
    rest(stage)

const refused = (answer: Response, status: number): void =>
  expect([answer.status, written(answer)]).toEqual([status, []])

/** A form, a change or an empty POST, whose last byte is late. */
const held =
  (path: string, body: object, reader: Reader): Door =>
  async ({ app, given, reached, late, isAnn }) => {
    Object.assign(given, { held: late().cookie, reader })
    const post = new HeldPost(app.url, path, late().cookie, body)
    await reached.entered
    return async () => {
      const answer = await post.finish()
      expect(answer.written).toEqual([])
      const mustAsk = Object.keys(body).length === 0
      // The app still vouches for ann if it loaded her session before she left; only her account is written.
      const isVouched = isAnn && reader === 'parser after the session' && !mustAsk && late().cookie.includes('app')
      expect(answer.status).toBe(isVouched ? 200 : mustAsk ? 202 : 409)
      if (!isVouched) expect(answer.text).toMatch(mustAsk ? /its cookie has ended/ : /left this browser/)
      return isVouched ? 'vouched' : 'refused'
    }
  }

const EVIL_USES: readonly (readonly [string, Use])[] = [
  ['set', (session) => session.set('division', 66)],
  ['setMany', (session) => session.setMany(EVIL)],
  ['update', (session) => session.update('cart', () => ['evil'])],
  ['delete', (session) => session.delete('cart')],
]

/** A request with a use of the session before the visitor leaves. */
const underWay =
  (adapt: (use: Use) => Use, expectAfterwards: (answer: Response, stage: Stage) => unknown): Door =>
  async (stage) => {
    stage.given.use = adapt(stage.given.use)
    const answer = stage.own().fetch('/slow')
    await stage.slow.entered
    return async () => {
      stage.slow.open()
      await expectAfterwards(await answer, stage)
    }
  }

const DOORS: Readonly<Record<string, Door>> = {
  'requests without a change': later(async ({ late, bare }) => {
    for (const path of ['/', '/page', '/embed', '/nothing', '/again']) {
      const answers = [await late().fetch(path), await bare().fetch(path)]
      expect(answers.flatMap(written)).toEqual([])
      expect(await answers[1]?.text()).not.toMatch(/old|theirs|"who"|"persisted"/)
    }
    refused(await bare().fetch('/logout/leave'), 200)
    expect(await values(bare())).toEqual(NOTHING)
  }),
  'a request with a change': later(async ({ late }) =>
    refused(await late().fetch(`/set?values=${JSON.stringify(EVIL)}`), 409),
  ),
  'a POST with a change': later(async ({ late }) => refused(await late().store({ set: EVIL_CHANGES }), 409)),
  'a POST without a change': later(async ({ browser, late, bare }) => {
    const thief = bare()
    for (const visitor of [late(), thief]) {
      const first = await visitor.store()
      refused(first, 202)
      expect(first.headers.get('retry-after')).toBe('1')
    }
    const second = await thief.store()
    const { greeting, ...answer } = await second.json()
    expect([written(second).length, answer]).toEqual([2, { who: expect.any(String), results: [], persisted: [] }])
    expect(greeting.map(readClaims)).toMatchObject([{ sub: nameOf(thief), changes: [], defaults: NOTHING }])
    const { browser: id, r = [] } = cookieContent(thief)
    expect(r).toEqual([])
    for (const other of [late(), browser]) expect(cookieContent(other).browser).not.toBe(id)
    const socket = await thief.connect()
    expect(await socket.greeted).toMatchObject({ who: answer.who, hasCookie: true })
    expect((await socket.ticket()).claims.changes).toEqual([])
    await socket.change('division', 66)
    expect(await set(thief, EVIL)).toMatchObject(EVIL)
    await thief.fetch('/logout/leave')
  }),
  'POSTs that are refused, or name their visitor': later(async ({ app, bare, who }) => {
    const change = ['division', -1, '', 66]
    const bodies: readonly (readonly [number, unknown])[] = [
      [200, { who }],
      [200, { who, set: [change] }],
      [200, { who: 'of another', set: [change] }],
      [403, { tickets: ['garbage'] }],
      [409, { set: [['nope', -1, '', 1]] }],
      [409, { set: [['role', -1, '', 'admin']] }],
      [400, 'garbage'],
    ]
    for (const [status, body] of bodies) refused(await bare().store(body), status)
    refused(await bare().store({}, { origin: 'http://evil.example' }), 403)
    expect(app.errors).toEqual([])
  }),
  'a sign-in of another user': later(async ({ browser, bare }) => {
    const mallory = bare()
    const answer = await mallory.fetch('/login/now?user=mallory')
    expect([written(answer).length, await answer.json()]).toEqual([2, NOTHING])
    await set(mallory, { theme: 'light' })
    expect(cookieContent(mallory)).toMatchObject({ user: subjectHash(userSubject('mallory')) })
    for (const other of [bare(), browser]) expect(cookieContent(other).browser).not.toBe(cookieContent(mallory).browser)
  }),
  'a POST with a ticket and a change': later(async ({ app, browser, late, ticket }) => {
    for (const visitor of [late(), app.visitor(browser.cookie)]) {
      const answer = await visitor.store({ tickets: [ticket], set: EVIL_CHANGES })
      expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'other_visitor', index: 0 } }])
    }
  }),
  'a handshake': later(({ late }) =>
    expect(late().connect()).rejects.toMatchObject({ data: { code: 'other_visitor' } }),
  ),
  'a handshake in a slow io.use': async ({ app, gate, own }) => {
    app.io.use((socket, next) => (socket.handshake.auth['isSlow'] ? void gate.pass().then(() => next()) : next()))
    const connecting = expect(own().connect('/', {}, { isSlow: true })).rejects.toThrow('transport close')
    await gate.entered
    return async () => {
      gate.open()
      await connecting
    }
  },
  'an open socket, and its reconnection': later(async ({ socket }) => {
    await socket.closed
    socket.io.volatile.emit('live_session:exchange', { set: EVIL_CHANGES }, () => undefined)
    const error = once(socket.io, 'connect_error')
    socket.io.connect()
    expect(await error).toMatchObject([{ data: { code: 'other_visitor' } }])
  }),
  'a pending socket handler': async ({ given, gate, socket }) => {
    socket.io.emit('slow')
    await gate.entered
    return async () => {
      gate.open()
      await socket.closed
      expect(await given.seen).toBe('superseded')
    }
  },
  'a pending request': underWay(
    (use) => use,
    async (answer) => {
      refused(answer, 409)
      expect(await answer.text()).not.toMatch(/ann|division|cart/)
    },
  ),
  'a pending request, without await': underWay(
    (use) => (session) => void use(session),
    (answer, { app }) => {
      refused(answer, 200)
      expect(app.errors).toEqual([expect.objectContaining({ code: 'superseded', status: 409 })])
    },
  ),
  'a pending request with repeated reads and changes': underWay(
    () => async (session) => {
      const seen: unknown[] = [session.get('division'), session.get('cart')]
      for (const [, use] of [...EVIL_USES, ...EVIL_USES]) seen.push(await outcome(Promise.resolve(use(session))))
      return seen
    },
    (answer, { given }) => {
      refused(answer, 200)
      const [division, cart, ...outcomes] = Object.values(given.seen ?? {})
      expect([division, cart]).not.toEqual(expect.arrayContaining([8]))
      expect(cart).not.toEqual(['theirs'])
      expect(outcomes).toEqual(Array(8).fill('superseded'))
    },
  ),
  'a form, read before the session': held('/form', EVIL, 'parser before the session'),
  'a form, read after the session': held('/form', EVIL, 'parser after the session'),
  'a POST with a change, read before the session': held(ENDPOINT, { set: EVIL_CHANGES }, 'parser before the session'),
  'a POST with a change, read after the session': held(ENDPOINT, { set: EVIL_CHANGES }, 'parser after the session'),
  'a POST without a change, read before the session': held(ENDPOINT, {}, 'parser before the session'),
  'a POST without a change, read after the session': held(ENDPOINT, {}, 'parser after the session'),
  'a POST with a change, its body unfinished': held(ENDPOINT, { set: EVIL_CHANGES }, 'endpoint'),
}

/** Gives a guest a cookie. */
const GUEST = `/set?values=${JSON.stringify({ theme: 'light' })}`
const ANN = '/login/now?user=ann'
const BOB = '/login/now?user=bob'

/** The name, the request of the first visitor, and the requests that follow. */
const ENDINGS = [
  ['ann leaves', ANN, ['/logout/leave']],
  ['ann leaves, and bob signs in', ANN, ['/logout/leave', BOB]],
  ['ann signs out', ANN, ['/logout/now']],
  ['ann signs out, and bob signs in', ANN, ['/logout/now', BOB]],
  ['ann signs out without identify()', ANN, ['/logout', '/']],
  ['bob signs in over ann', ANN, [BOB]],
  ['bob signs in over ann without identify()', ANN, ['/login?user=bob', '/']],
  ['ann signs out, and bob signs in and out', ANN, ['/logout/now', BOB, '/logout/now']],
  ['a guest leaves', GUEST, ['/logout/leave']],
  ['a guest is forgotten, and bob signs in', GUEST, ['/logout/forget', BOB]],
  ['ann signs in over a guest', GUEST, [ANN]],
  ['ann signs in over a guest without identify()', GUEST, ['/login?user=ann', '/']],
  ['ann signs in over a guest, and out, and bob signs in', GUEST, [ANN, '/logout/now', BOB]],
] as const
const DELAYS = [
  ['at once', 0],
  ['11 minutes later', 11 * MINUTE],
  ['an hour later', 60 * MINUTE],
  ['20 days later', 20 * DAY],
] as const
const BROUGHT = ['all cookies', 'the live cookie alone'] as const

async function setUp(first: string, brings: (typeof BROUGHT)[number], where: (typeof NODES)[number]): Promise<Stage> {
  const started = await startApp(where)
  const { app, home } = started
  const browser = home.visitor()
  await browser.fetch(first)
  await set(browser, OLD)
  const all = browser.cookie
  const cookie = brings === 'all cookies' ? all : liveOnly(all)
  const { who } = await (await app.visitor(all).store()).json()
  const socket = await app.visitor(all).connect()
  for (let greeting = first === ANN ? 2 : 1; greeting > 0; greeting -= 1) await socket.ticket()
  await socket.change('division', 3)
  const ticket = (await socket.ticket()).text
  return {
    ...started,
    browser,
    isAnn: first === ANN,
    late: () => app.visitor(cookie),
    own: () => app.visitor(all),
    bare: () => app.visitor(liveOnly(all)),
    socket,
    who,
    ticket,
  }
}

const accounts = (app: App): Promise<unknown[]> =>
  Promise.all(
    ['ann', 'bob'].map(async (id) => {
      using user = await app.live.user(id)
      return { division: user.get('division'), cart: user.get('cart') }
    }),
  )

describe('threats 8, 9, 40, 42, 43, 56 and 87: a former visitor\u2019s cookie', () => {
  const rows = pairs(ENDINGS, Object.entries(DOORS), DELAYS, BROUGHT, EVIL_USES, NODES)
    // An eighth of the rows still covers each ending and each attempt.
    .filter((_, index) => index % atScale(8, 1) === 0)
    .map(([ending, door, delay, brings, use, where]) => {
      const name = [ending[0], door[0], delay[0], brings, use[0], where].join('; ')
      return { name, ending, door: door[1], delay: delay[1], brings, use: use[1], where }
    })
  it.each(rows)('reaches no values: $name', async ({ ending: [, first, paths], door, delay, brings, use, where }) => {
    const stage = await setUp(first, brings, where)
    const { app, home, browser } = stage
    stage.given.use = use
    const finish = await door(stage)
    for (const path of paths) await browser.fetch(path)
    await set(browser, THEIRS)
    const { cookie } = browser
    expect(cookieContent(browser).browser).not.toBe(cookieContent(stage.own()).browser)
    const theirs = await browser.connect()
    app.clock.advance(delay)
    const before = await accounts(home)
    const isVouched = (await finish()) === 'vouched'
    const [, bob] = before
    expect(await accounts(home)).toEqual(isVouched ? [EVIL, bob] : before)
    expect(liveOnly(browser.cookie)).toBe(liveOnly(cookie))
    expect(await values(stage.bare())).toEqual(NOTHING)
    expect(await values(browser)).toMatchObject(THEIRS)
    expect(await theirs.change('division', 9)).toHaveProperty('stamp')
  })
})

async function start(): Promise<App> {
  return App.start({
    before: (koa) => [auth(koa)],
    options: { identify } as never,
    routes: async (ctx) => {
      if (ctx.path.startsWith('/login')) ctx['session'].user = ctx.path.includes('bob') ? 'bob' : 'ann'
      if (ctx.path.startsWith('/logout')) ctx['session'] = null
      if (ctx.path.startsWith('/own')) ctx.set('Clear-Site-Data', '"cache"')
      if (ctx.path.endsWith('/now')) await ctx.liveSession.identify()
      if (ctx.path.endsWith('/leave')) await ctx.liveSession.leave()
      ctx.body = ctx.liveSession.get('division')
    },
  })
}

describe('threat 94: the Clear-Site-Data header', () => {
  const UNSEEN = '"prefetchCache", "prerenderCache"'
  const header = async (visitor: Visitor, path: string, init: RequestInit = {}): Promise<string | null> =>
    (await visitor.fetch(path, init)).headers.get('clear-site-data')

  it.each(['/logout/now', '/logout/leave', '/login/bob/now'])('drops prefetched pages at %s', async (path) => {
    const ann = (await start()).visitor()
    expect([await header(ann, '/login/now'), await header(ann, '/'), await header(ann, path)]).toEqual([
      null,
      null,
      UNSEEN,
    ])
  })

  it('comes with the next response after a sign-out without leave()', async () => {
    const ann = (await start()).visitor()
    await ann.fetch('/login/now')
    expect([await header(ann, '/logout'), await header(ann, '/'), await header(ann, '/')]).toEqual([null, UNSEEN, null])
  })

  it('keeps the app\u2019s own directives when a guest leaves', async () => {
    const app = await start()
    expect(await header(app.visitor(), '/logout/leave')).toBe(UNSEEN)
    expect(await header(app.visitor(), '/own/logout/leave')).toBe(`"cache", ${UNSEEN}`)
  })

  it('is absent over plain http, where browsers would report an error', async () => {
    const app = await start()
    app.koa.proxy = true
    const over = (proto: string): RequestInit => ({
      headers: { 'X-Forwarded-Host': 'shop.example', 'X-Forwarded-Proto': proto },
    })
    expect(await header(app.visitor(), '/logout/leave', over('http'))).toBeNull()
    expect(await header(app.visitor(), '/logout/leave', over('https'))).toBe(UNSEEN)
  })
})
