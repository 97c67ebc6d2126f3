import { describe, expect, it } from '@jest/globals'
import { cookieFor, emptyCache, testClock } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../server/identity/subject.js'
import { coreOf } from '../../server/plugin.js'
import { App } from '../support/app.js'
import { pages } from '../support/auth.js'
import { written } from '../support/departures.js'
import { readClaims, type TestSocket } from '../support/socket.js'
import { cookieContent, nameOf, set, startWithUsers, values } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

const TEN_MINUTES = 10 * 60 * 1000
const ANN = subjectHash(userSubject('ann'))

/** How the first ticket of a connection names the browser. */
async function named(socket: TestSocket) {
  const { browser, young, sub } = (await socket.ticket()).claims
  return { browser, young, sub }
}

/** A POST of `{}`, and what it says. */
async function ask(visitor: Visitor) {
  const answer = await visitor.store()
  const { ticket, more, ...rest } = await answer.json()
  const claims = readClaims(ticket)
  return { claims, more: more && readClaims(more), rest, lines: written(answer) }
}

describe('a static page, at its first visit', () => {
  it('hears by its socket of no browser, asks, and comes back as the guest of its cookie', async () => {
    const app = await App.start()
    const visitor = app.visitor()
    const early = await named(await visitor.connect())
    expect([early.browser, early.young]).toEqual([undefined, 'guest'])
    const { claims, rest, lines } = await ask(visitor)
    expect([lines.length, rest]).toEqual([2, { stored: 0, stale: 0, held: [], cookieless: true }])
    expect(claims).toMatchObject({ sub: nameOf(visitor), browser: nameOf(visitor), young: 'guest', changes: [] })
    expect(claims.defaults).toEqual({ division: -1, theme: 'light', cart: [], role: 'guest' })
    const socket = await visitor.connect()
    expect(await named(socket)).toEqual({ browser: nameOf(visitor), young: 'guest', sub: nameOf(visitor) })
    expect(early.sub).not.toBe(nameOf(visitor))
    await socket.set(['division', -1, 7])
    expect((await visitor.store({ tickets: [(await socket.ticket()).text] })).status).toBe(200)
    expect(cookieContent(visitor).r).toMatchObject([['division', expect.anything(), 7]])
  })

  it('asks as a user, and is given both tickets: the account\u2019s, and the browser\u2019s own', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    await visitor.fetch('/login/unused?user=ann')
    visitor.forget()
    const { claims, more } = await ask(visitor)
    expect(claims).toMatchObject({ sub: ANN, browser: nameOf(visitor), young: ANN, more: true })
    expect(more).toMatchObject({ sub: nameOf(visitor), browser: nameOf(visitor), young: ANN })
    expect(more).not.toHaveProperty('more')
    expect(more?.defaults).toEqual({ theme: 'light' })
    expect(await named(await visitor.connect())).toEqual({ browser: nameOf(visitor), young: ANN, sub: ANN })
  })

  it('is young for ten minutes, however often its cookie is written meanwhile', async () => {
    const clock = testClock(Math.floor(Date.now() / 1000) * 1000)
    const app = await startWithUsers({ clock, routes: pages })
    const visitor = app.visitor()
    await visitor.store()
    expect(cookieContent(visitor).born).toBe(clock.now() / 1000)
    clock.advance(TEN_MINUTES - 1)
    await visitor.store()
    const young = async () => [
      (await named(await visitor.connect())).young,
      (await values(visitor, '/page'))['young'],
      (await ask(visitor)).claims.young,
    ]
    expect(await young()).toEqual(['guest', 'guest', 'guest'])
    clock.advance(1)
    expect(await young()).toEqual([undefined, undefined, undefined])
    await visitor.store()
    expect(cookieContent(visitor)).not.toHaveProperty('born')
  })

  it.each(['/login/now?user=ann', '/login?user=ann'])(
    'is young no more once a user has signed in: %s',
    async (path) => {
      const app = await startWithUsers()
      const visitor = app.visitor()
      await visitor.store()
      await visitor.fetch(path)
      await visitor.fetch('/')
      expect(cookieContent(visitor)).toMatchObject({ user: ANN, former: [expect.any(String), 0, expect.any(Number)] })
      expect(cookieContent(visitor)).not.toHaveProperty('born')
      expect((await named(await visitor.connect())).young).toBeUndefined()
    },
  )

  it.each(['/logout/now', '/logout/leave'])('is young no more once a user has signed out: %s', async (path) => {
    const app = await startWithUsers()
    for (const hasCookie of [true, false]) {
      const visitor = app.visitor()
      await visitor.fetch('/login/unused?user=ann')
      visitor.forget()
      if (hasCookie) {
        await visitor.store()
        expect(cookieContent(visitor).born).toBeDefined()
      }
      await visitor.fetch(path)
      expect([hasCookie, cookieContent(visitor).born]).toEqual([hasCookie, undefined])
      expect(await named(await visitor.connect())).toMatchObject({ browser: nameOf(visitor), young: undefined })
    }
  })

  it('is not young after a sign-out, nor where the cookie has been there before', async () => {
    const app = await startWithUsers()
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    await ann.fetch('/logout/leave')
    await ann.store()
    const known = app.visitor(cookieFor(app.live, {}))
    await known.store()
    for (const visitor of [ann, known]) {
      expect(cookieContent(visitor)).not.toHaveProperty('born')
      expect(await named(await visitor.connect())).toMatchObject({ browser: nameOf(visitor), young: undefined })
    }
  })

  it('is one guest with its browser\u2019s last answer where ten tabs have asked at once, all of them young', async () => {
    const app = await App.start()
    const visitor = app.visitor()
    const tabs = Array.from({ length: 10 }, () => app.visitor())
    const asked = await Promise.all(tabs.map(ask))
    expect(new Set(asked.map(({ claims }) => claims.browser)).size).toBe(10)
    for (const tab of tabs)
      for (const pair of tab.cookie.split('; ')) visitor.jar.setCookieSync(`${pair}; Path=/`, app.url)
    const sockets = await Promise.all(tabs.map(() => visitor.connect()))
    for (const socket of sockets)
      expect(await named(socket)).toMatchObject({ browser: nameOf(visitor), young: 'guest' })
  })
})

describe('what a guest sets over a connection without a live cookie', () => {
  it('is shared by its namespaces, dies with it, and is not of the next one', async () => {
    const app = await App.start()
    app.io.of('/other')
    const heard: unknown[] = []
    app.io.on('connection', (socket) => socket.liveSession.subscribe('division', (value) => heard.push(value)))
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await socket.ticket()
    const other = socket.io.io.socket('/other')
    const greeting = new Promise<string>((resolve) => other.once('store_session', resolve))
    other.connect()
    expect(readClaims(await greeting).sub).toBe(socket.tickets[0]?.claims.sub)
    const change = new Promise<string>((resolve) => other.once('store_session', resolve))
    expect(await socket.set(['division', -1, 7])).toMatchObject({ ok: true })
    expect(readClaims(await change).changes).toMatchObject([['division', expect.anything(), 7]])
    expect(heard).toEqual([-1, 7])
    const { connections, sessions } = coreOf(app.live)
    const [subject] = connections.all().map(({ opener }) => opener.visitor.browserSubject)
    if (subject === undefined) throw new Error('no connection')
    expect(sessions.find(subject)?.value('division')).toBe(7)
    const [server] = app.io.sockets.sockets.values()
    const gone = new Promise((resolve) => server?.conn.once('close', resolve))
    socket.io.disconnect()
    other.disconnect()
    await gone
    expect(sessions.find(subject)).toBeUndefined()
    expect((await (await visitor.connect()).ticket()).claims.changes).toEqual([])
  })

  it('is redeemed nowhere: not by its browser, with a cookie or without, nor by a user, nor over another socket', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.set(['division', -1, 7])
    const { text } = await socket.ticket()
    const refused = [403, { error: { code: 'other_subject', index: 0 } }]
    const [known, ann] = [app.visitor(cookieFor(app.live, {})), app.visitor()]
    await ann.fetch('/login/now?user=ann')
    for (const late of [visitor, known, ann]) {
      const answer = await late.store({ tickets: [text] })
      expect([answer.status, await answer.json()]).toMatchObject(refused)
      const other = await late.connect()
      expect(await other.sendTickets(text)).toEqual({ ok: false, code: 'other_subject' })
    }
    expect(await socket.sendTickets(text)).toEqual({ ok: true })
    await visitor.store()
    await visitor.fetch('/login/now?user=ann')
    const answer = await visitor.store({ tickets: [text] })
    expect([answer.status, await answer.json()]).toMatchObject(refused)
    expect((await app.live.user('ann')).has('division')).toBe(false)
  })

  it('is the account\u2019s where a user is signed in, but for what is the browser\u2019s own', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    await visitor.fetch('/login/unused?user=ann')
    visitor.forget()
    const socket = await visitor.connect()
    const greeting = [(await socket.ticket()).claims, (await socket.ticket()).claims]
    expect(greeting.map(({ browser, young }) => [browser, young])).toEqual(Array(2).fill([undefined, ANN]))
    expect(greeting[0]?.sub).toBe(ANN)
    await socket.set(['division', -1, 7])
    await socket.set(['theme', -1, 'dark'])
    const [division, theme] = [await socket.ticket(), await socket.ticket()]
    expect((await visitor.store({ tickets: [division.text] })).status).toBe(200)
    expect((await visitor.store({ tickets: [theme.text] })).status).toBe(403)
    expect(await values(visitor)).toMatchObject({ division: 7, theme: 'light' })
  })

  it('is in memory for no longer than the connection, and is not evicted before', async () => {
    const app = await startWithUsers({ options: { cache: { maxSubjects: 10 } } as never })
    const socket = await app.visitor().connect()
    await socket.ticket()
    await socket.set(['division', -1, 7])
    for (let i = 0; i < 50; i += 1) await set(app.visitor(), { division: i })
    await socket.set(['cart', -1, ['a']])
    const [one, two] = [await socket.ticket(), await socket.ticket()]
    expect(one.claims.sub).toBe(two.claims.sub)
    const server = [...app.io.sockets.sockets.values()][0]
    expect(server?.liveSession.get('division')).toBe(7)
    emptyCache(app.live)
    expect(await socket.closed).toBe('transport close')
  })
})
