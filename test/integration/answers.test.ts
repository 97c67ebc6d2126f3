import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, emptyCache, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import type { PageAnswer } from '../../shared/protocol.js'
import { App } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { startWithRooms } from '../support/app/rooms.js'
import { signedCookie } from '../support/app/signed-cookie.js'
import { readClaims, type TestSocket } from '../support/app/socket.js'
import { startWithUsers, values, whoIn } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const SECRET = 'the secret that this server signs with'
const STAMP = expect.any(Number)
const TEXT = expect.any(String)

async function post(visitor: Visitor, body: object): Promise<PageAnswer> {
  const answer = await visitor.store(body)
  expect(answer.status).toBe(200)
  return answer.json()
}

/** A visitor with a cookie from a first POST, and the answer to this POST. */
async function greeted() {
  const app = await App.start()
  const visitor = app.visitor()
  const answer = await post(visitor, {})
  return { app, visitor, answer, who: answer.who ?? '' }
}

describe('the answer to a POST of {}', () => {
  it('contains a new `who`; the next answer has `hasCookie: true`', async () => {
    const { visitor, answer, who } = await greeted()
    expect(who).toMatch(/^[\w-]{22}$/)
    expect(answer).toEqual({ who, greeting: [TEXT], results: [], persisted: [] })
    const defaults = { division: -1, theme: 'light', cart: [], role: 'guest' }
    expect(readClaims(answer.greeting?.[0] ?? '')).toMatchObject({ guest: true, changes: [], defaults })
    expect(await post(visitor, {})).toMatchObject({ who, hasCookie: true })
  })

  it.each([{}, { tickets: [] }, { set: [] }, { tickets: [], set: [] }])(
    'contains all readable values before and after a restart: %j',
    async (body) => {
      const app = await App.start()
      const visitor = app.visitor(cookieFor(app.live, { values: { division: 3 } }))
      for (const _ of ['before', 'after']) {
        const { greeting = [], ...answer } = await post(visitor, body)
        expect(answer).toEqual({ who: whoIn(visitor), hasCookie: true, results: [], persisted: [['division', STAMP]] })
        expect(greeting.map(readClaims)).toMatchObject([{ changes: [['division', app.clock.now(), 3]], guest: true }])
        emptyCache(app.live)
      }
    },
  )

  it('lists only readable keys in `persisted`', async () => {
    const app = await App.start({ keys: [SECRET] })
    const now = app.clock.now()
    const r = ['division', 'role', 'secret', 'of-another-build'].map((key) => [key, now, 3])
    const content = { v: 1, browser: 'a-browser-of-another-build', epoch: 0, exp: now + 1000, r }
    const visitor = app.visitor(signedCookie(SECRET, content))
    const persisted = [
      ['division', now],
      ['role', now],
    ]
    expect((await post(visitor, {})).persisted).toEqual(persisted)
    expect(await (await visitor.connect()).greeted).toMatchObject({ hasCookie: true, persisted })
  })
})

describe('the endpoint', () => {
  it('never mixes two subjects in a ticket', async () => {
    const note = { schema: z.string(), default: '', client: 'write' } as const
    const division = { schema: z.number(), default: -1, client: 'write' } as const
    const older = defineFields({ division, note })
    const newer = defineFields({ division, note: { ...note, scope: 'browser' } })
    const given = { options: { identify: () => 'ann' } as never, attach: { handshake: [] } }
    const former = await App.start<typeof older>({ ...given, fields: older })
    const visitor = former.visitor()
    const set = [
      ['division', -1, '', 1],
      ['note', -1, '', 'x'],
    ]
    const { ticket } = await post(visitor, { set })
    const app = await App.start<typeof newer>({ ...given, fields: newer, clock: former.clock })
    const same = app.visitor(visitor.cookie)
    await same.store({ tickets: [ticket] })
    const answer = await post(same, { set })
    expect(readClaims(answer.ticket ?? '').changes).toEqual([['division', answer.results[0]?.stamp, 1]])
  })

  it("drops POSTs of another user's page, and greets only with a cookie", async () => {
    const app = await startWithUsers({ routes: pages })
    const [ann, other] = [app.visitor(), app.visitor()]
    await ann.fetch('/login?user=ann')
    await other.fetch('/login?user=bob')
    const { who: bob } = await (await other.connect()).greeted
    const { who } = await values(ann, '/page')
    expect(await post(ann, { who: bob })).toMatchObject({ otherVisitor: true, who, greeting: expect.anything() })
    expect(await post(ann, { who })).toMatchObject({ who, hasCookie: true })
    ann.forget()
    for (const page of [bob, who])
      expect(await post(ann, { who: page })).toEqual({ otherVisitor: true, results: [], persisted: [] })
  })

  it.each(['GET', 'PUT', 'DELETE'])('refuses %s', async (method) => {
    const app = await App.start()
    const answer = await app.visitor().fetch('/store_session', { method })
    expect([answer.status, answer.headers.get('allow'), (await answer.json()).error.code]).toEqual([
      405,
      'POST',
      'malformed',
    ])
  })

  it("leaves the response to the app if the app's identify throws", async () => {
    const failure = new Error('the user database is away')
    const identify = (): never => {
      throw failure
    }
    const app = await App.start({ options: { identify }, attach: { handshake: [] } })
    const answer = await app.visitor().store()
    expect([answer.status, await answer.text()]).toEqual([500, 'Internal Server Error'])
    expect(app.errors).toEqual([failure])
  })
})

const SET = { set: [['division', -1, '', 7]] }

describe('an exchange', () => {
  it('by POST sends no greeting to a page with a `who`', async () => {
    const { visitor, who } = await greeted()
    expect(await post(visitor, { who })).toEqual({ who, hasCookie: true, results: [], persisted: [] })
  })

  it('over a socket greets once, not again after a change', async () => {
    const { visitor, who } = await greeted()
    const socket = await visitor.connect()
    expect(await socket.greeted).toMatchObject({ who, hasCookie: true, greeting: [TEXT], persisted: [] })
    const answer = await socket.exchange({ who, set: [['division', -1, '', 7]] })
    expect(answer).toEqual({ results: [{ stamp: STAMP, level: 'memory' }], ticket: TEXT, persisted: [] })
    expect(await socket.exchange({})).toEqual({ who, hasCookie: true, results: [], persisted: [] })
  })

  it('answers a socket with the ticket, and pushes it to other sockets', async () => {
    const { app, visitor, who } = await greeted()
    const [own, other] = [await visitor.connect(), await visitor.connect()]
    const pushed: unknown[] = []
    for (const socket of [own, other])
      socket.io.on('store_session', (text) => pushed.push([socket === own, ...readClaims(text).changes]))
    const choose = async (division: number): Promise<unknown> => {
      const { ticket = '' } = (await own.exchange({ who, set: [['division', -1, '', division]] })) as PageAnswer
      await other.exchange({})
      return [readClaims(ticket).changes, pushed.splice(0)]
    }
    const change = (value: number): unknown => ['division', STAMP, value]
    expect(await choose(7)).toEqual([[change(7)], [[false, change(7)]]])
    // The app changes another key in the same turn, once before the answer, once after: neither answer has this change.
    for (const socket of app.io.sockets.sockets.values()) {
      const { liveSession } = socket
      liveSession.subscribe('division', (value) => void (value === 8 && liveSession.set('theme', 'dark')))
      socket.on('live_session:exchange', ({ set }) => void (set?.[0]?.[3] === 9 && liveSession.set('theme', 'light')))
    }
    const all = [change(8), ['theme', STAMP, 'dark']]
    expect(await choose(8)).toEqual([
      [change(8)],
      [
        [true, ...all],
        [false, ...all],
      ],
    ])
    const next = [change(9), ['theme', STAMP, 'light']]
    expect(await choose(9)).toEqual([
      [change(9)],
      [
        [true, ...next],
        [false, ...next],
      ],
    ])
  })

  it.each<[string, (socket: TestSocket) => Promise<unknown>]>([
    ['a tab value beside a browser value', (socket) => socket.set(['step', -1, '', 3], ['division', -1, '', 7])],
    ['two changes at once', (socket) => Promise.all([socket.change('step', 3), socket.change('division', 7)])],
  ])('gives each socket the new values of its tab and browser: %s', async (_, change) => {
    const app = await startWithRooms()
    const visitor = app.visitor()
    await post(visitor, {})
    const [own, other] = [await visitor.connect(), await visitor.connect()]
    for (const socket of [own, other]) await socket.greeted
    await change(own)
    await Promise.all([own.exchange({}), other.exchange({})])
    const valuesIn = ({ tickets }: TestSocket): object =>
      Object.fromEntries(tickets.flatMap(({ claims }) => claims.changes.map(([key, , value]) => [key, value])))
    expect([valuesIn(own), valuesIn(other)]).toEqual([{ step: 3, division: 7 }, { division: 7 }])
  })

  it('pushes the ticket to a socket that asks for no acknowledgement', async () => {
    const { visitor, who } = await greeted()
    const socket = await visitor.connect()
    await socket.ticket()
    socket.io.emit('live_session:exchange', { who, set: [['division', -1, '', 7]] })
    expect((await socket.ticket()).claims.changes).toEqual([['division', STAMP, 7]])
  })

  it('over a socket greets even a page with a `who`, once', async () => {
    const { app, visitor, who } = await greeted()
    const socket = await RawSocket.open(app.url, { cookie: visitor.cookie, origin: app.url })
    socket.send('40')
    await socket.next('40')
    const ask = (): Promise<unknown> => socket.ask('live_session:exchange', JSON.stringify({ who }))
    expect(await ask()).toEqual({ who, hasCookie: true, greeting: [TEXT], results: [], persisted: [] })
    expect(await ask()).toEqual({ who, hasCookie: true, results: [], persisted: [] })
  })

  it.each(['POST', 'socket'])("drops changes of another visitor's page, and greets this visitor: %s", async (way) => {
    const { visitor, who } = await greeted()
    const socket = await visitor.connect()
    await socket.greeted
    const message = { who: 'another', tickets: ['garbage'], set: [['division', -1, '', 7]] } as const
    const { cookie } = visitor
    const answer = way === 'POST' ? await post(visitor, message) : await socket.exchange(message)
    expect(answer).toEqual({ who, otherVisitor: true, hasCookie: true, greeting: [TEXT], results: [], persisted: [] })
    expect(visitor.cookie).toBe(cookie)
    expect((await post(visitor, {})).greeting?.map((text) => readClaims(text).changes)).toEqual([[]])
  })

  it("makes no cookie for another visitor's page", async () => {
    const app = await App.start()
    const visitor = app.visitor()
    expect(await post(visitor, { who: 'lost', ...SET })).toEqual({ otherVisitor: true, results: [], persisted: [] })
    expect(visitor.cookie).toBe('')
  })

  it('answers each change separately, and quotes no invalid key', async () => {
    const { visitor, who } = await greeted()
    const set = [
      ['<no key>', -1, '', 1],
      ['role', -1, '', 'admin'],
      ['division', -1, '', 'x'],
      ['cart', -1, '', ['a']],
    ]
    const answer = await post(visitor, { who, set })
    const refused = ['undeclared_key', 'not_writable', 'invalid_value'].map((code) => ({ code }))
    expect(answer.results).toEqual([...refused, { stamp: STAMP, level: 'memory' }])
    expect(readClaims(answer.ticket ?? '').changes).toEqual([['cart', STAMP, ['a']]])
    expect(JSON.stringify(answer)).not.toMatch('<no key>')
  })

  it('refuses a change based on an older value, with the current value', async () => {
    const { visitor } = await greeted()
    const [first] = (await post(visitor, SET)).results
    const stamp = first?.stamp ?? 0
    const current = { stamp, value: 7 }
    const change = async (...wire: unknown[]): Promise<unknown> => (await post(visitor, { set: [wire] })).results[0]
    expect(await change('division', 0, '', 8)).toEqual({ code: 'superseded', ...current })
    expect(await change('division', 0, 'one', 8)).toEqual({ code: 'conflict', ...current })
    const { ticket } = await post(visitor, { set: [['division', 0, '', 8]] })
    expect(readClaims(ticket ?? '').changes).toEqual([['division', stamp, 7]])
    expect(await change('division', 0, '', 7)).toEqual({ stamp, level: 'memory' })
    const accepted = { stamp: stamp + 1, level: 'memory' }
    expect(await change('division', stamp, 'one', 8)).toEqual(accepted)
    expect(await change('division', stamp, 'one', 8)).toEqual(accepted)
    expect(await change('division', stamp + 1, '')).toEqual({ stamp: stamp + 2, level: 'memory' })
    expect(await change('division', stamp, 'two', 9)).toEqual({ code: 'conflict', stamp: stamp + 2 })
    // A retry gets its first answer even after other writes.
    expect(await change('division', stamp, 'one', 8)).toEqual(accepted)
  })

  it("reports memory for a cookieless browser's value, store for the account's", async () => {
    const options = { identify: () => 'ann', store: memoryStore() }
    const app = await App.start({ options, attach: { handshake: [] } })
    const socket = await app.visitor().connect()
    await socket.greeted
    const answer = await socket.set(['theme', -1, '', 'dark'], ['division', -1, '', 7])
    expect(answer).toMatchObject({ results: [{ level: 'memory' }, { level: 'store' }] })
  })
})

it('a new connection receives only values missing from its cookie', async () => {
  const app = await App.start({ routes: async (ctx) => void ctx.liveSession.set('theme', 'dark') })
  const visitor = app.visitor()
  await visitor.fetch('/')
  const { cookie } = visitor
  const pushes: string[] = []
  const open = async (brought?: string): Promise<readonly unknown[]> => {
    const socket = await app.visitor(brought).connect()
    socket.io.on('store_session', (text) => pushes.push(text))
    await socket.greeted
    return pushes.splice(0).map((text) => readClaims(text).changes)
  }
  expect(await open(cookie)).toEqual([])
  await post(visitor, SET)
  expect(await open(cookie)).toEqual([[['division', STAMP, 7]]])
  expect(await open(visitor.cookie)).toEqual([])
  expect(await open()).toEqual([])
})
