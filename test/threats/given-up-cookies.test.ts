import { describe, expect, it } from '@jest/globals'
import { subjectHash, userSubject } from '../../server/kernel/names/subject.js'
import type { App } from '../support/app.js'
import { AuthStore, pages } from '../support/auth.js'
import { liveOnly, written } from '../support/departures.js'
import { readClaims } from '../support/socket.js'
import { cookieContent, nameOf, set, startWithUsers, values } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

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

const KINDS = [
  ['of a guest who has signed in', '/', '/login/now?user=ann'],
  ['of a user who has signed out', '/login/now?user=ann', '/logout/now'],
  ['of a guest who has left', '/', '/logout/leave'],
] as const

describe.each(KINDS)('threat 43: a request with a cookie that was given up, %s', (_, first, last) => {
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
