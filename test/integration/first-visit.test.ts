import { describe, expect, it } from '@jest/globals'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { coreOf } from '../../server/plugin.js'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { once } from '../support/app/awaited.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { written } from '../support/app/departures.js'
import { present } from '../support/app/present.js'
import { readClaims } from '../support/app/socket.js'
import { nameOf, set, startWithUsers, values, whoIn } from '../support/app/users.js'

const ANN = subjectHash(userSubject('ann'))

it("a static page POSTs, and reconnects as the cookie's guest", async () => {
  const app = await App.start()
  const visitor = app.visitor()
  const early = await visitor.connect()
  expect(await early.greeted).not.toHaveProperty('who')
  const asked = await visitor.store()
  const { who, kept, greeting } = await asked.json()
  expect([written(asked).length, who, kept]).toEqual([2, whoIn(visitor), undefined])
  expect(greeting.map(readClaims)).toMatchObject([{ sub: nameOf(visitor), guest: true, changes: [] }])
  const socket = await visitor.connect()
  expect(await socket.greeted).toMatchObject({ who, hasCookie: true })
  expect((await socket.ticket()).claims.sub).toBe(nameOf(visitor))
  expect((await early.ticket()).claims.sub).not.toBe(nameOf(visitor))
  await socket.change('division', 7)
  expect((await visitor.store({ who, tickets: [(await socket.ticket()).text] })).status).toBe(200)
  expect(cookieContent(visitor).r).toMatchObject([['division', expect.anything(), 7]])
})

describe('a change over a connection without a live cookie', () => {
  it('is visible in all namespaces, until the connection closes', async () => {
    const app = await App.start()
    app.io.of('/other')
    const heard: unknown[] = []
    app.io.on('connection', (socket) => socket.liveSession.subscribe('division', (value) => heard.push(value)))
    const visitor = app.visitor()
    const socket = await visitor.connect()
    const { claims } = await socket.ticket()
    const other = socket.io.io.socket('/other')
    other.connect()
    const { greeting } = await other.emitWithAck('live_session:exchange', {})
    expect(readClaims(greeting[0]).sub).toBe(claims.sub)
    const change = once(other, 'store_session')
    expect(await socket.change('division', 7)).toHaveProperty('stamp')
    expect(readClaims((await change)[0]).changes).toMatchObject([['division', expect.anything(), 7]])
    expect(heard).toEqual([-1, 7])
    const { connections, values: inMemory } = coreOf(app.live)
    const { browserSubject } = present(connections.all()[0]).identity.visitor
    expect(inMemory.find(browserSubject)?.value('division')).toBe(7)
    const [server] = app.io.sockets.sockets.values()
    const gone = once(present(server).conn, 'close')
    socket.io.disconnect()
    other.disconnect()
    await gone
    expect(inMemory.find(browserSubject)).toBeUndefined()
    expect((await (await visitor.connect()).ticket()).claims.changes).toEqual([])
  })

  it('gets a ticket that no POST or other connection can use', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.change('division', 7)
    const { text } = await socket.ticket()
    const [known, ann] = [app.visitor(cookieFor(app.live, {})), app.visitor()]
    await ann.fetch('/login/now?user=ann')
    const refused = { code: 'other_visitor', index: 0 }
    for (const late of [visitor, known, ann]) {
      const answer = await late.store({ tickets: [text] })
      expect([answer.status, await answer.json()]).toMatchObject([403, { error: refused }])
      expect(await (await late.connect()).sendTickets(text)).toEqual({ ok: false, ...refused })
    }
    expect(await socket.sendTickets(text)).toHaveProperty('results')
    await visitor.store()
    await visitor.fetch('/login/now?user=ann')
    expect((await visitor.store({ tickets: [text] })).status).toBe(403)
    expect((await app.live.user('ann')).has('division')).toBe(false)
  })

  it("of a user reaches the account, except in the browser's own fields", async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    await visitor.fetch('/login/unused?user=ann')
    visitor.forget()
    const socket = await visitor.connect()
    const greeting = [(await socket.ticket()).claims, (await socket.ticket()).claims]
    expect(greeting.map(({ sub }) => sub)).toEqual([ANN, expect.not.stringMatching(ANN)])
    await socket.change('division', 7)
    await socket.change('theme', 'dark')
    const [division, theme] = [await socket.ticket(), await socket.ticket()]
    expect((await visitor.store({ tickets: [division.text] })).status).toBe(200)
    expect((await visitor.store({ tickets: [theme.text] })).status).toBe(403)
    expect(await values(visitor)).toMatchObject({ division: 7, theme: 'light' })
  })

  it('is not evicted while the connection is open', async () => {
    const app = await startWithUsers({ options: { cache: { maxVisitors: 10 } } as never })
    const socket = await app.visitor().connect()
    await socket.ticket()
    await socket.change('division', 7)
    for (let i = 0; i < 50; i += 1) await set(app.visitor(), { division: i })
    await socket.change('cart', ['a'])
    const [one, two] = [await socket.ticket(), await socket.ticket()]
    expect(one.claims.sub).toBe(two.claims.sub)
    const [server] = app.io.sockets.sockets.values()
    expect(server?.liveSession.get('division')).toBe(7)
    emptyCache(app.live)
    expect(await socket.closed).toBe('transport close')
  })
})
