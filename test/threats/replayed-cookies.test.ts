import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import type { App } from '../support/app/app.js'
import { AuthStore } from '../support/app/auth.js'
import { liveOnly, written } from '../support/app/departures.js'
import { cookieContent, set, startWithUsers, values } from '../support/app/users.js'

const NOTHING = { division: -1, theme: 'light', cart: [], role: 'guest' }

const THEIRS = { division: 8, theme: 'dark', cart: ['b'] }

/** Where a guest gets a cookie. */
const GUEST = '/set?values={"theme":"dark"}'

const start = (): Promise<App> => startWithUsers({ store: new AuthStore() })

describe('threat 40: a cookie of a user, replayed after the session has ended', () => {
  it('ends no socket of its user, who has signed in elsewhere and has no live cookie there yet', async () => {
    const app = await start()
    const browser = app.visitor()
    await browser.fetch('/login/now?user=ann')
    const old = liveOnly(browser.cookie)
    await browser.fetch('/logout/now')
    const ann = app.visitor()
    await ann.fetch('/login/unused?user=ann')
    const socket = await ann.connect()
    await socket.ticket()
    const bob = app.visitor(old)
    await bob.fetch('/login?user=bob')
    for (const replay of [app.visitor(old), bob]) {
      await values(replay)
      await replay.store()
    }
    expect(await socket.change('division', 9)).toHaveProperty('stamp')
  })
})

describe('threat 40: a cookie of a guest, replayed after a user has signed in there', () => {
  it('is a stranger\u2019s to all but that user', async () => {
    const app = await start()
    const browser = app.visitor(cookieFor(app.live, { values: { division: 1 } }))
    const old = liveOnly(browser.cookie)
    await browser.fetch('/login/now?user=ann')
    await set(browser, THEIRS)
    const socket = await browser.connect()
    await socket.ticket()
    const thief = app.visitor(old)
    await thief.fetch('/set?values={"theme":"light"}')
    expect(await values(thief)).toEqual(NOTHING)
    expect(cookieContent(thief).browser).not.toBe(cookieContent(browser).browser)
    const session = browser.cookie.split('; ').filter((pair) => pair.startsWith('app'))
    const late = app.visitor([old, ...session].join('; '))
    expect(await values(late)).toMatchObject({ division: 8, theme: 'dark' })
    await late.store()
    expect(cookieContent(late).browser).toBe(cookieContent(browser).browser)
    expect(await socket.change('division', 9)).toHaveProperty('stamp')
  })

  it('is one to that user, too, where the id that followed was given up', async () => {
    const app = await start()
    const browser = app.visitor(cookieFor(app.live, { values: { division: 1 } }))
    const old = liveOnly(browser.cookie)
    await browser.fetch('/login/now?user=ann')
    await set(browser, { theme: 'dark' })
    const given = cookieContent(browser).browser
    await browser.fetch('/logout/now')
    const session = app.visitor()
    await session.fetch('/login/unused?user=ann')
    const late = app.visitor(`${old}; ${session.cookie}`)
    expect(await values(late)).toMatchObject({ theme: 'light' })
    await late.store()
    expect(cookieContent(late).browser).not.toBe(given)
    expect(cookieContent(late).browser).not.toBe(cookieContent(browser).browser)
  })
})

describe('threat 56: the own user of a cookie that was given up', () => {
  const leave = async (first: string, last: string) => {
    const app = await start()
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
    const { cookie } = browser
    expect(await values(browser)).toMatchObject(THEIRS)
    expect(browser.cookie).toBe(cookie)
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
