import { describe, expect, it } from '@jest/globals'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../server/kernel/names/subject.js'
import { coreOf } from '../../server/plugin.js'
import type { SyncAnswer } from '../../shared/protocol.js'
import { App } from '../support/app/app.js'
import { written } from '../support/app/departures.js'
import { present } from '../support/app/present.js'
import { readClaims } from '../support/app/socket.js'
import { cookieContent, nameOf, set, startWithUsers, values, whoIn } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const ANN = subjectHash(userSubject('ann'))

/** POSTs `{}`, and returns the answer and the cookie's headers. */
async function ask(visitor: Visitor) {
  const answer = await visitor.store()
  const { who, kept, greeting }: SyncAnswer = await answer.json()
  return { who, kept, claims: (greeting ?? []).map(readClaims), lines: written(answer) }
}

/** Returns the greeting of a new connection. */
async function greetingOf(visitor: Visitor): Promise<SyncAnswer> {
  return (await visitor.connect()).greeted
}

describe('a static page on its first visit', () => {
  it('asks by POST, and reconnects as the guest of its cookie', async () => {
    const app = await App.start()
    const visitor = app.visitor()
    const early = await visitor.connect()
    expect(await early.greeted).not.toHaveProperty('who')
    const { who, kept, claims, lines } = await ask(visitor)
    expect([lines.length, who, kept]).toEqual([2, whoIn(visitor), undefined])
    expect(claims).toMatchObject([{ sub: nameOf(visitor), guest: true, changes: [] }])
    expect(claims[0]?.defaults).toEqual({ division: -1, theme: 'light', cart: [], role: 'guest' })
    const socket = await visitor.connect()
    expect(await socket.greeted).toMatchObject({ who, kept: true })
    expect((await socket.ticket()).claims.sub).toBe(nameOf(visitor))
    expect((await early.ticket()).claims.sub).not.toBe(nameOf(visitor))
    await socket.change('division', 7)
    expect((await visitor.store({ who, tickets: [(await socket.ticket()).text] })).status).toBe(200)
    expect(cookieContent(visitor).r).toMatchObject([['division', expect.anything(), 7]])
  })

  it('changes its `who` with each sign-in and sign-out', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    const names = [(await ask(visitor)).who]
    for (const path of ['/login/now?user=ann', '/logout/leave', '/login/now?user=ann', '/logout/now']) {
      await visitor.fetch(path)
      names.push((await greetingOf(visitor)).who)
    }
    expect(new Set(names).size).toBe(5)
    expect(names).not.toContain(undefined)
  })

  it('becomes one guest, although ten tabs ask at once', async () => {
    const app = await App.start()
    const visitor = app.visitor()
    const tabs = Array.from({ length: 10 }, () => app.visitor())
    const asked = await Promise.all(tabs.map(ask))
    expect(new Set(asked.map(({ who }) => who)).size).toBe(10)
    for (const tab of tabs)
      for (const pair of tab.cookie.split('; ')) visitor.jar.setCookieSync(`${pair}; Path=/`, app.url)
    const own = whoIn(visitor)
    for (const { who } of await Promise.all(tabs.map(() => greetingOf(visitor)))) expect(who).toBe(own)
  })
})

describe('a change over a connection without a live cookie', () => {
  it('is visible in all namespaces, until the connection closes', async () => {
    const app = await App.start()
    app.io.of('/other')
    const heard: unknown[] = []
    app.io.on('connection', (socket) => socket.liveSession.subscribe('division', (value) => heard.push(value)))
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await socket.ticket()
    const other = socket.io.io.socket('/other')
    other.connect()
    const { greeting } = await other.emitWithAck('live_session:sync', {})
    expect(readClaims(greeting[0]).sub).toBe(socket.tickets[0]?.claims.sub)
    const change = new Promise<string>((resolve) => other.once('store_session', resolve))
    expect(await socket.change('division', 7)).toHaveProperty('stamp')
    expect(readClaims(await change).changes).toMatchObject([['division', expect.anything(), 7]])
    expect(heard).toEqual([-1, 7])
    const { connections, sessions } = coreOf(app.live)
    const [subject] = connections.all().map(({ opener }) => opener.visitor.browserSubject)
    if (subject === undefined) throw new Error('no connection')
    expect(sessions.find(subject)?.value('division')).toBe(7)
    const [server] = app.io.sockets.sockets.values()
    const gone = new Promise((resolve) => present(server).conn.once('close', resolve))
    socket.io.disconnect()
    other.disconnect()
    await gone
    expect(sessions.find(subject)).toBeUndefined()
    expect((await (await visitor.connect()).ticket()).claims.changes).toEqual([])
  })

  it('has a ticket that no other connection and no POST accepts', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.change('division', 7)
    const { text } = await socket.ticket()
    const refused = [403, { error: { code: 'other_subject', index: 0 } }]
    const [known, ann] = [app.visitor(cookieFor(app.live, {})), app.visitor()]
    await ann.fetch('/login/now?user=ann')
    for (const late of [visitor, known, ann]) {
      const answer = await late.store({ tickets: [text] })
      expect([answer.status, await answer.json()]).toMatchObject(refused)
      const other = await late.connect()
      expect(await other.sendTickets(text)).toEqual({ ok: false, code: 'other_subject', index: 0 })
    }
    expect(await socket.sendTickets(text)).toHaveProperty('results')
    await visitor.store()
    await visitor.fetch('/login/now?user=ann')
    const answer = await visitor.store({ tickets: [text] })
    expect([answer.status, await answer.json()]).toMatchObject(refused)
    expect((await app.live.user('ann')).has('division')).toBe(false)
  })

  it("reaches the user's account, except for the browser's own fields", async () => {
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

  it('stays in memory as long as the connection', async () => {
    const app = await startWithUsers({ options: { cache: { maxSubjects: 10 } } as never })
    const socket = await app.visitor().connect()
    await socket.ticket()
    await socket.change('division', 7)
    for (let i = 0; i < 50; i += 1) await set(app.visitor(), { division: i })
    await socket.change('cart', ['a'])
    const [one, two] = [await socket.ticket(), await socket.ticket()]
    expect(one.claims.sub).toBe(two.claims.sub)
    const server = [...app.io.sockets.sockets.values()][0]
    expect(server?.liveSession.get('division')).toBe(7)
    emptyCache(app.live)
    expect(await socket.closed).toBe('transport close')
  })
})
