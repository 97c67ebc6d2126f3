import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../server/kernel/names/subject.js'
import type { App } from '../support/app.js'
import { AuthStore, pages } from '../support/auth.js'
import { liveOnly, written } from '../support/departures.js'
import { readClaims } from '../support/socket.js'
import { cookieContent, nameOf, set, startWithUsers, values } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

const DAY = 24 * 60 * 60 * 1000

const NOTHING = { division: -1, theme: 'light', cart: [], role: 'guest' }

const THEIRS = { division: 8, theme: 'dark', cart: ['b'] }

const start = (): Promise<App> => startWithUsers({ store: new AuthStore() })

/** A browser whose user's session has ended, and which the next person uses by now. */
async function change(app: App, paths: readonly string[]) {
  const browser = app.visitor()
  await browser.fetch('/login/now?user=ann')
  await set(browser, { division: 3, theme: 'dark', cart: ['a'] })
  const old = liveOnly(browser.cookie)
  for (const path of paths) await browser.fetch(path)
  await set(browser, THEIRS)
  const socket = await browser.connect()
  await socket.ticket()
  return { browser, old, socket }
}

describe('threat 40: a cookie of a user, replayed after the session has ended', () => {
  const ends = [
    ['by identify()', ['/logout/now']],
    ['without a word to the plugin', ['/logout', '/']],
    ['by leave()', ['/logout/leave']],
    ['by another user\u2019s sign-in', ['/login/now?user=bob']],
    ['by another user\u2019s sign-in, without a word', ['/login?user=bob', '/']],
    ['twice', ['/logout/now', '/login/now?user=bob', '/logout/now']],
  ] as const
  const times = [
    ['at once', 0],
    ['20 days later', 20 * DAY],
  ] as const
  const cases = ends.flatMap(([how, paths]) => times.map(([when, wait]) => [how, when, paths, wait] as const))

  it.each(cases)(
    '%s, %s: is a stranger\u2019s, while the next person uses the browser',
    async (_how, _when, paths, wait) => {
      const app = await start()
      const { browser, old, socket } = await change(app, paths)
      app.clock.advance(wait)
      const thief = app.visitor(old)
      expect(await values(thief)).toEqual(NOTHING)
      expect(await (await thief.store()).json()).toMatchObject({ results: [], held: [] })
      const ids = [old, liveOnly(browser.cookie)].map((cookie) => cookieContent(app.visitor(cookie)).browser)
      expect(ids).not.toContain(cookieContent(thief).browser)
      expect((await (await thief.connect()).ticket()).claims.changes).toEqual([])
      await set(thief, { division: 66, theme: 'light', cart: ['x'] })
      await thief.fetch('/logout/leave')
      expect(await values(browser)).toMatchObject(THEIRS)
      expect(await socket.change('division', 9)).toHaveProperty('stamp')
    },
  )

  it.each(cases)('%s, %s: plants nothing by a request that sets at once', async (_how, _when, paths, wait) => {
    const app = await start()
    const { browser, old, socket } = await change(app, paths)
    app.clock.advance(wait)
    for (const replay of [old, old]) {
      const thief = app.visitor(replay)
      await thief.fetch('/set?values={"division":66,"theme":"light","cart":["x"]}')
      expect(cookieContent(thief).browser).not.toBe(cookieContent(browser).browser)
    }
    expect(await values(browser)).toMatchObject(THEIRS)
    expect(await socket.change('division', 9)).toHaveProperty('stamp')
  })

  it('gives another user who brings it nothing of the next person\u2019s', async () => {
    const app = await start()
    const { browser, old } = await change(app, ['/login/now?user=bob'])
    const mallory = app.visitor(old)
    expect(await values(mallory, '/login/now?user=mallory')).toEqual(NOTHING)
    await set(mallory, { theme: 'light' })
    expect(cookieContent(mallory).browser).not.toBe(cookieContent(browser).browser)
    expect(await values(browser)).toMatchObject(THEIRS)
  })

  it('ends no socket of its user, who has signed in elsewhere and has no live cookie there yet', async () => {
    const app = await start()
    const { old } = await change(app, ['/logout/now'])
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

const KINDS = [
  ['of a guest who has signed in', '/', '/login/now?user=ann'],
  ['of a user who has signed out', '/login/now?user=ann', '/logout/now'],
  ['of a guest who has left', '/', '/logout/leave'],
] as const

describe.each(KINDS)('threat 43: a request with a cookie that was given up, %s', (_, first, last) => {
  const start = (): Promise<App> =>
    startWithUsers({
      store: new AuthStore(),
      routes: async (ctx, next) => {
        if (ctx.path === '/again') await ctx.liveSession.identify()
        if (ctx.path === '/embed') ctx.body = ctx.liveSession.embed()
        else await pages(ctx, next)
      },
    })

  /** A browser whose cookie was given up, as its answer got lost, or as the request was held back. */
  async function givenUp(app: App, first = '/login/now?user=ann', last = '/logout/leave') {
    const visitor = app.visitor()
    await visitor.fetch(first)
    await set(visitor, { theme: 'dark' })
    const { who } = await (await visitor.store()).json()
    const old = liveOnly(visitor.cookie)
    await visitor.fetch(last)
    return { old, held: app.visitor(old), who }
  }

  it.each(['/', '/page', '/embed', '/again', '/nothing'])('gets none where it sets nothing: %s', async (path) => {
    const app = await start()
    const { held } = await givenUp(app, first, last)
    const { cookie } = held
    expect(written(await held.fetch(path))).toEqual([])
    expect(liveOnly(held.cookie)).toBe(cookie)
  })

  it('gets none with a refusal, nor where it says whose page it is', async () => {
    const app = await start()
    const { held, who } = await givenUp(app, first, last)
    const change = ['division', -1, '', 5]
    const bodies: readonly (readonly [number, unknown])[] = [
      [200, { who }],
      [200, { who, set: [change] }],
      [200, { who: 'of another', set: [change] }],
      [403, { tickets: ['garbage'] }],
      [409, { set: [['nope', -1, '', 1]] }],
      [409, { set: [['role', -1, '', 'admin']] }],
      [400, 'garbage'],
    ]
    for (const [status, body] of bodies) {
      const answer = await app.visitor(held.cookie).store(body)
      expect([body, answer.status, written(answer)]).toEqual([body, status, []])
    }
    const foreign = await held.store({}, { origin: 'http://evil.example' })
    expect([foreign.status, written(foreign)]).toEqual([403, []])
  })

  it.each([
    ['by the app', (held: Visitor) => held.fetch('/set?values={"division":5}')],
    ['by a POST', (held: Visitor) => held.store({ set: [['division', -1, '', 5]] })],
  ])('is refused, and gets none, where it sets a value %s', async (_how, change) => {
    const app = await start()
    const { held } = await givenUp(app, first, last)
    const answer = await change(held)
    expect([answer.status, written(answer)]).toEqual([409, []])
    expect(await values(held)).toEqual({ division: -1, theme: 'light', cart: [], role: 'guest' })
  })

  it('gets a new one with a second POST of {}', async () => {
    const app = await start()
    const { held, old } = await givenUp(app, first, last)
    const answer = await held.store()
    expect([answer.status, answer.headers.get('retry-after'), written(answer)]).toEqual([429, '1', []])
    expect(written(await held.store())).toHaveLength(2)
    expect(cookieContent(held).browser).not.toBe(cookieContent(app.visitor(old)).browser)
  })

  it('gets a new one as it signs in', async () => {
    const app = await start()
    const { held } = await givenUp(app, first, last)
    expect(written(await held.fetch('/login/now?user=bob'))).toHaveLength(2)
    expect(cookieContent(held)).toMatchObject({ user: subjectHash(userSubject('bob')) })
  })

  it('tells its page of no id, as the browser gets none', async () => {
    const app = await start()
    const { held } = await givenUp(app, first, last)
    const page = await (await held.fetch('/page')).json()
    expect(page).toMatchObject({ values: { theme: 'light' } })
    expect(page).not.toHaveProperty('who')
    expect(page).not.toHaveProperty('held')
  })

  it('brings its page home all the same', async () => {
    const app = await start()
    const { held } = await givenUp(app, first, last)
    await expect(held.connect()).rejects.toMatchObject({ data: { code: 'other_subject' } })
    await held.store()
    const { who, greeting } = await (await held.store()).json()
    const socket = await held.connect()
    expect(greeting.map(readClaims)).toMatchObject([{ sub: nameOf(held), defaults: { division: -1 } }])
    expect(await socket.greeted).toMatchObject({ who, kept: true })
    await socket.change('division', 6)
    expect(await values(held)).toMatchObject({ division: 6 })
  })
})
