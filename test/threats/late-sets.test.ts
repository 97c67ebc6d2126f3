import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app.js'
import { AuthStore, account, auth, identify } from '../support/auth.js'
import { liveOnly, written } from '../support/departures.js'
import { Gate } from '../support/gate.js'
import { HeldPost } from '../support/held-request.js'
import { cookieContent, set, values } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

const NOTHING = { division: -1, theme: 'light', cart: [], role: 'guest' }
const THEIRS = { division: 8, theme: 'dark', cart: ['b'] }
const EVIL = { division: 66, cart: ['evil'] }
const MINUTE = 60 * 1000

/** Where a guest gets a cookie. */
const GUEST = '/set?values={"theme":"dark"}'

type Order = 'the session is loaded first' | 'the body is read first'
const ORDERS: readonly Order[] = ['the session is loaded first', 'the body is read first']

/** What carries the changes: a form of the app, and a page without a socket that does not say whose it is; and what such a page asks. */
const POSTS = [
  ['/form', EVIL],
  ['/store_session', { set: Object.entries(EVIL).map(([key, value]) => [key, -1, '', value]) }],
  ['/store_session', {}],
] as const
/** How long a request may be on its way: uploads are slow, and proxies keep them until they are whole. */
const DELAYS = [0, 11, 60].map((minutes) => [`${minutes} minutes`, minutes * MINUTE] as const)

/** An app whose own parser reads bodies ahead of `live.middleware()`, and that keeps a session's id at a sign-in. */
async function start(order: Order = 'the body is read first') {
  const reached = new Gate()
  const parse: Koa.Middleware = async (ctx, next) => {
    if (ctx.method === 'POST' && ctx.get('Cookie') === ctx.app.context['held']) void reached.pass()
    let text = ''
    for await (const chunk of ctx.req) text += chunk
    if (text !== '') (ctx.request as { body?: unknown }).body = JSON.parse(text)
    await next()
  }
  const app = await App.start({
    before: (koa) => {
      const session = auth(koa, { store: new AuthStore() })
      return order === 'the body is read first' ? [parse, session] : [session, parse]
    },
    options: { identify } as never,
    routes: async (ctx, next) => {
      if (ctx.path !== '/form') return account(ctx, next)
      const { body } = ctx.request as { body?: unknown }
      await ctx.liveSession.setMany(body as never)
      ctx.body = 'done'
    },
  })
  const hold = async (cookie: string, [path, body]: (typeof POSTS)[number]): Promise<HeldPost> => {
    app.koa.context['held'] = cookie
    const held = new HeldPost(app.url, path, cookie, body)
    await reached.entered
    return held
  }
  return { app, hold }
}

/** Who had the browser, how they left it, and who has it now. */
const HISTORIES = [
  ['ann, who signs out', ['/login/now?user=ann'], ['/logout/leave', '/login/now?user=bob']],
  ['ann, who signs out without leave()', ['/login/now?user=ann'], ['/logout/now', '/login/now?user=bob']],
  ['ann, over whom bob signs in', ['/login/now?user=ann'], ['/login/now?user=bob']],
  ['ann, over whom bob signs in without a word', ['/login/now?user=ann'], ['/login?user=bob', '/']],
  ['a guest, after whom ann is there', [GUEST], ['/login/now?user=ann', '/logout/now', '/login/now?user=bob']],
  ['a guest who leaves', [GUEST], ['/logout/forget', '/login/now?user=bob']],
] as const
const cases = HISTORIES.flatMap(([who, first, then]) =>
  POSTS.flatMap((post) =>
    ORDERS.flatMap((order) =>
      DELAYS.map(
        ([long, ms]) => [who, `${post[0]} ${Object.keys(post[1])}`, order, long, first, then, post, ms] as const,
      ),
    ),
  ),
)

/** Nothing of a late request has reached bob, or the browser that is his now. */
async function expectUntouched(app: App, browser: Visitor, cookie: string): Promise<void> {
  expect(liveOnly(browser.cookie)).toBe(liveOnly(cookie))
  expect(await values(browser)).toMatchObject(THEIRS)
  const bob = await app.live.user('bob')
  expect([bob.get('division'), bob.get('cart')]).toEqual([8, ['b']])
}

describe('threats 56 and 87: a POST whose body is read ahead of live.middleware() while another user signs in', () => {
  it.each(cases)(
    'of %s: writes no cookie, and reaches no other account: %s, %s, %s later',
    async (who, _path, order, _long, first, then, post, delay) => {
      const { app, hold } = await start(order)
      const browser = app.visitor()
      for (const path of first) await browser.fetch(path)
      const held = await hold(browser.cookie, post)
      for (const path of then) await browser.fetch(path)
      await set(browser, THEIRS)
      const { cookie } = browser
      app.clock.advance(delay)
      const { status, text, written } = await held.finish()
      expect(written).toEqual([])
      // The app still takes ann's session for good, where it was loaded before: hers is the account, and no other.
      const isAsking = Object.keys(post[1]).length === 0
      const isVouched = who.startsWith('ann') && order === 'the session is loaded first' && !isAsking
      expect(status).toBe(isVouched ? 200 : isAsking ? 429 : 409)
      if (!isVouched) expect(text).toMatch(isAsking ? /its cookie has ended/ : /left this browser/)
      await expectUntouched(app, browser, cookie)
      expect((await app.live.user('ann')).get('division')).toBe(isVouched ? 66 : -1)
    },
  )
})

const held = HISTORIES.flatMap(([who, first, then]) =>
  DELAYS.map(([long, ms]) => [who, long, first, then, ms] as const),
)

describe('threats 56 and 87: a request that the network holds while another user signs in', () => {
  it.each(held)('of %s: is refused, %s later', async (_who, _long, first, then, delay) => {
    const { app } = await start()
    const browser = app.visitor()
    for (const path of first) await browser.fetch(path)
    const old = app.visitor(browser.cookie)
    const bare = app.visitor(liveOnly(browser.cookie))
    for (const path of then) await browser.fetch(path)
    await set(browser, THEIRS)
    const { cookie } = browser
    const change = JSON.stringify(EVIL)
    app.clock.advance(delay)
    for (const { cookie: sent } of [old, bare]) {
      const late = () => app.visitor(sent)
      const answers = [
        await late().fetch('/page'),
        await late().fetch(`/set?values=${change}`),
        await late().store({ set: [['division', -1, '', 66]] }),
        await late().store(),
      ]
      const refused = [409, 409, 429].map((status) => [status, []])
      expect(answers.map((answer) => [answer.status, written(answer)])).toEqual([[200, []], ...refused])
    }
    await expectUntouched(app, browser, cookie)
  })
})

describe('threat 56: the own user of a cookie that was given up', () => {
  const leave = async (first: string, last: string) => {
    const { app } = await start()
    const browser = app.visitor()
    await browser.fetch(first)
    const old = liveOnly(browser.cookie)
    await browser.fetch(last)
    return { app, browser, old }
  }

  it('may set, where identify vouches for that very user; what is set is in the account, and the cookie stays', async () => {
    const { app, old } = await leave('/login/now?user=ann', '/logout/now')
    const session = app.visitor()
    await session.fetch('/login/unused?user=ann')
    const ann = app.visitor(`${old}; ${session.cookie}`)
    const answer = await ann.fetch('/set?values={"division":5,"theme":"dark"}')
    expect([answer.status, written(answer)]).toEqual([200, []])
    expect(await values(ann)).toMatchObject({ division: 5, theme: 'dark' })
    // What the page asks, once it is refused a socket.
    expect(written(await ann.ask())).toHaveLength(2)
    expect(await values(ann)).toMatchObject({ division: 5, theme: 'dark' })
  })

  it('is the user as whom its guest has signed in: what is under way then is of one person', async () => {
    const { app, browser, old } = await leave(GUEST, '/login/now?user=ann')
    const session = browser.cookie.split('; ').filter((pair) => pair.startsWith('app'))
    const late = app.visitor([old, ...session].join('; '))
    await set(late, { division: 5, theme: 'light' })
    expect(cookieContent(late).browser).toBe(cookieContent(browser).browser)
    expect(await values(browser)).toMatchObject({ division: 5, theme: 'light' })
  })

  it('is any user who signs in by this very request', async () => {
    const { app, old } = await leave(GUEST, '/logout/forget')
    const late = app.visitor(old)
    await late.fetch('/login/now?user=bob')
    await set(late, { division: 5 })
    expect(await values(late)).toMatchObject({ division: 5 })
  })

  it.each([
    [GUEST, '/logout/forget'],
    ['/login/now?user=ann', '/logout/leave'],
  ])(
    'has missed the answer where its browser has heard of the end, and keeps the cookie: the next request gets another one: %s',
    async (first, last) => {
      const { app, old } = await leave(first, last)
      const visitor = app.visitor(old)
      expect((await visitor.fetch('/set?values={"division":5}')).status).toBe(409)
      expect(liveOnly(visitor.cookie)).toBe(old)
      const [late, later] = [app.visitor(visitor.cookie), app.visitor(visitor.cookie)]
      expect(await set(visitor, { division: 5 })).toMatchObject({ ...NOTHING, division: 5 })
      expect(cookieContent(visitor).browser).not.toBe(cookieContent(app.visitor(old)).browser)
      expect(visitor.cookie).toBe(liveOnly(visitor.cookie))
      // It was sent beside that one, or is a copy: the browser has another cookie by now.
      expect((await late.fetch('/set?values={"division":66}')).status).toBe(409)
      expect([written(await later.fetch('/')), written(await app.visitor(old).store())]).toEqual([[], []])
      expect(await values(visitor)).toMatchObject({ division: 5 })
    },
  )

  it('is told of the end again, once another visitor has come in its browser', async () => {
    const { app, old } = await leave('/login/now?user=ann', '/logout/leave')
    const browser = app.visitor(old)
    await browser.fetch('/')
    const sent = browser.cookie
    await browser.fetch('/login/now?user=bob')
    await set(browser, THEIRS)
    const late = () => app.visitor(sent)
    const answers = [await late().store(), await late().fetch('/set?values={"division":66}')]
    expect(answers.map((answer) => [answer.status, written(answer)])).toEqual([
      [429, []],
      [409, []],
    ])
    await expectUntouched(app, browser, browser.cookie)
  })

  it('gets no cookie but a note of the end, which no script reads, and which goes with the browser', async () => {
    const { app, old } = await leave(GUEST, '/logout/forget')
    const answer = await app.visitor(old).fetch('/')
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^live\.ended=\d{13}\.[\w-]{22}; path=\/; samesite=lax; httponly$/),
    ])
    expect(answer.headers.get('cache-control')).toMatch(/no-store|private/)
    const { browser } = cookieContent(app.visitor(old))
    const odd = ['', 'x', '-1', '1e99', '9'.repeat(17)].map((end) => `${end}.${browser}`)
    // As after a late answer that was told the end of the cookie before this one.
    const others = [`${'9'.repeat(13)}.${'x'.repeat(22)}`, '9'.repeat(13), `${'9'.repeat(13)}.`]
    for (const value of [...odd, ...others]) {
      const late = app.visitor(`${old}; live.ended=${value}`)
      expect(written(await late.fetch('/'))).toEqual([])
    }
  })
})
