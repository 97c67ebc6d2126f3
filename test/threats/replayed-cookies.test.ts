import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import type { App } from '../support/app/app.js'
import { AuthStore } from '../support/app/auth.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { appOnly, liveOnly, written } from '../support/app/departures.js'
import { set, signedInAs, startWithUsers, values } from '../support/app/users.js'

const NOTHING = { division: -1, theme: 'light', cart: [], role: 'guest' }
const THEIRS = { division: 8, theme: 'dark', cart: ['b'] }

/** Gives a guest a cookie. */
const GUEST = '/set?values={"theme":"dark"}'
const start = (): Promise<App> => startWithUsers({ store: new AuthStore() })

describe('threat 40: a cookie of a user, replayed after sign-out', () => {
  it('leaves the user\u2019s sockets in other browsers open', async () => {
    const app = await start()
    const browser = await signedInAs(app)
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

describe('threat 40: a guest\u2019s cookie, replayed after a sign-in and sign-out', () => {
  it('gives the user a new random browser id', async () => {
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

describe('threat 56: a request with a retired cookie', () => {
  const leave = async (first: string, last: string) => {
    const app = await start()
    const browser = app.visitor()
    await browser.fetch(first)
    const old = liveOnly(browser.cookie)
    await browser.fetch(last)
    return { app, browser, old }
  }

  it('writes to the account that identify still names', async () => {
    const { app, old } = await leave('/login/now?user=ann', '/logout/now')
    const session = app.visitor()
    await session.fetch('/login/unused?user=ann')
    const ann = app.visitor(`${old}; ${session.cookie}`)
    const answer = await ann.fetch('/set?values={"division":5,"theme":"dark"}')
    expect([answer.status, written(answer)]).toEqual([200, []])
    expect(await values(ann)).toMatchObject({ division: 5, theme: 'dark' })
    // A page asks this when its socket is refused.
    expect(written(await ann.ask())).toHaveLength(2)
    expect(await values(ann)).toMatchObject({ division: 5, theme: 'dark' })
  })

  it('acts as the user who signed in with that cookie', async () => {
    const { app, browser, old } = await leave(GUEST, '/login/now?user=ann')
    const session = appOnly(browser.cookie)
    const late = app.visitor([old, ...session].join('; '))
    await set(late, { division: 5, theme: 'light' })
    expect(cookieContent(late).browser).toBe(cookieContent(browser).browser)
    expect(await values(browser)).toMatchObject({ division: 5, theme: 'light' })
  })

  it.each([
    [GUEST, '/logout/forget'],
    ['/login/now?user=ann', '/logout/leave'],
  ])('gets a new cookie if it brings the cookie live.retired: %s', async (first, last) => {
    const { app, old } = await leave(first, last)
    const visitor = app.visitor(old)
    expect((await visitor.fetch('/set?values={"division":5}')).status).toBe(409)
    expect(liveOnly(visitor.cookie)).toBe(old)
    const [late, later] = [app.visitor(visitor.cookie), app.visitor(visitor.cookie)]
    expect(await set(visitor, { division: 5 })).toMatchObject({ ...NOTHING, division: 5 })
    expect(cookieContent(visitor).browser).not.toBe(cookieContent(app.visitor(old)).browser)
    expect(visitor.cookie).toBe(liveOnly(visitor.cookie))
    // Concurrent requests and copies of the cookie come too late.
    expect((await late.fetch('/set?values={"division":66}')).status).toBe(409)
    expect([written(await later.fetch('/')), written(await app.visitor(old).store())]).toEqual([[], []])
    expect(await values(visitor)).toMatchObject({ division: 5 })
  })

  it('fails again after another visitor used the browser', async () => {
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

  it('gets only live.retired, an HttpOnly session cookie', async () => {
    const { app, old } = await leave(GUEST, '/logout/forget')
    const answer = await app.visitor(old).fetch('/')
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^live\.retired=\d{13}\.[\w-]{22}; path=\/; samesite=lax; httponly$/),
    ])
    expect(answer.headers.get('cache-control')).toMatch(/no-store|private/)
    const { browser } = cookieContent(app.visitor(old))
    const odd = ['', 'x', '-1', '1e99', '9'.repeat(17)].map((end) => `${end}.${browser}`)
    // A late response may have noted the end of an earlier cookie.
    const others = [`${'9'.repeat(13)}.${'x'.repeat(22)}`, '9'.repeat(13), `${'9'.repeat(13)}.`]
    for (const value of [...odd, ...others]) {
      const late = app.visitor(`${old}; live.retired=${value}`)
      expect(written(await late.fetch('/'))).toEqual([])
    }
  })
})
