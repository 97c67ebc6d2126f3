import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, emptyCache, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import { coreOf } from '../../server/plugin.js'
import { browserSubject, subjectHash, userSubject } from '../../server/subjects/subject.js'
import type { PageAnswer, TicketClaims } from '../../shared/protocol.js'
import { App } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { written } from '../support/app/departures.js'
import {
  as,
  browserOf,
  isRetired,
  KINDS,
  type Kind,
  SECRET,
  startWithHeaders,
  visitorWith,
} from '../support/app/kinds-of-cookies.js'
import { pairs } from '../support/app/pairs.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { startWithRooms } from '../support/app/rooms.js'
import { atScale } from '../support/app/scale.js'
import { signedCookie } from '../support/app/signed-cookie.js'
import { readClaims, type TestSocket } from '../support/app/socket.js'
import { HOUR } from '../support/app/times.js'
import { nameOf, startWithUsers, values, whoIn } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

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

type User = string | undefined
/** A page of the cookie's visitor, of ann without a cookie, of another browser, or with an invalid `who`. */
type Page = 'cookie' | 'account' | 'other' | 'nonsense'

const USERS: readonly User[] = [undefined, 'ann', 'bob']
const PAGES: readonly Page[] = ['cookie', 'account', 'other', 'nonsense']
const CHANGE = ['division', -1, '', 5]

async function whoOn(app: App, visitor: Visitor, kind: Kind, page: Page): Promise<string> {
  if (page === 'other') return whoIn(app.visitor(cookieFor(app.live, {}))) ?? ''
  if (page === 'account') return (await (await app.visitor().connect('/', as('ann'))).greeted).who ?? ''
  const isCookie = page === 'cookie' && browserOf(visitor)
  return (isCookie && whoIn(visitor, kind.endsWith('ann') ? 'ann' : undefined)) || ''
}

const isOwn = (kind: Kind, user: User): boolean =>
  kind === 'guest' ? user === undefined : kind === 'ann' && user === 'ann'
/** Whether the cookie's retired id was rotated to a new id of this user. */
const isHeir = (kind: Kind, user: User): boolean => kind === 'retired' && user === 'ann'
const hasEnded = (kind: Kind): boolean => kind.startsWith('retired')

const cases = KINDS.flatMap((kind) => USERS.map((user) => [kind, user] as const))

describe('a POST with `who`', () => {
  const all = cases.flatMap(([kind, user]) => PAGES.map((page) => [kind, user, page] as const))
  const rows = atScale(pairs(KINDS, USERS, PAGES), all)

  it.each(rows)("applies only if `who` names the cookie's visitor: %s, by %s, page %s", async (kind, user, page) => {
    const app = await startWithHeaders()
    const visitor = await visitorWith(app, kind)
    const [subject, before] = [browserOf(visitor), visitor.cookie]
    const who = await whoOn(app, visitor, kind, page)
    const isTaken = isOwn(kind, user) && page === 'cookie'
    for (const body of [{}, { tickets: [] }, { set: [CHANGE] }]) {
      const answer = await visitor.store({ who, ...body }, as(user))
      const { results, ...rest } = await answer.json()
      const taken = isTaken && 'set' in body ? [expect.objectContaining({ level: 'memory' })] : []
      expect([answer.status, written(answer).length, results]).toEqual([200, isTaken ? 2 : 0, taken])
      const otherVisitor = isOwn(kind, user)
        ? {
            hasCookie: true,
            who: whoIn(visitor, user),
            greeting: expect.anything(),
            ...(user === undefined ? {} : { user }),
            persisted: [['division', expect.any(Number)]],
          }
        : { persisted: [] }
      if (isTaken) expect(rest).toMatchObject({ who, hasCookie: true })
      else expect(rest).toEqual({ otherVisitor: true, ...otherVisitor })
    }
    expect(isRetired(app, subject)).toBe(hasEnded(kind))
    if (isTaken) expect(cookieContent(visitor)).toMatchObject({ r: [['division', expect.any(Number), 5]] })
    else expect(visitor.cookie).toBe(before)
    if (isTaken) expect(browserSubject(cookieContent(visitor).browser)).toBe(subject)
  })

  it('has no effect without consent', async () => {
    const app = await startWithHeaders()
    for (const user of [undefined, 'ann'] as const) {
      const visitor = await visitorWith(app, user ?? 'guest')
      const answer = await visitor.store({ who: whoIn(visitor, user), set: [CHANGE] }, as(user, false))
      expect(await answer.json()).toEqual({ otherVisitor: true, results: [], persisted: [] })
    }
  })

  it('counts against the rate limit, whatever its `who`', async () => {
    const app = await startWithHeaders({ options: { limits: { changesPerVisitor: 2 } } as never })
    const visitor = await visitorWith(app, 'guest')
    const answers: number[] = []
    for (let count = 0; count < 6; count += 1)
      answers.push((await visitor.store({ who: `${count}`, set: [CHANGE] })).status)
    expect(answers).toEqual([200, 200, 200, 200, 429, 429])
    expect((await visitor.store({ set: [CHANGE] })).status).toBe(200)
  })
})

describe('a POST without `who`', () => {
  it.each(cases)("gets the visitor's cookie: %s, by %s", async (kind, user) => {
    for (const body of [{}, { set: [CHANGE] }]) {
      const app = await startWithHeaders()
      const visitor = await visitorWith(app, kind)
      const subject = browserOf(visitor)
      const answer = await ('set' in body ? visitor.store(body, as(user)) : visitor.ask(as(user)))
      const { persisted, hasCookie } = await answer.json()
      const isRefused = 'set' in body && hasEnded(kind) && user !== 'ann'
      expect([answer.status, hasCookie]).toEqual([isRefused ? 409 : 200, isOwn(kind, user) || undefined])
      const isLate = hasEnded(kind) && !isHeir(kind, user) && 'set' in body
      const isLeft = kind === 'newer' || isLate
      expect(written(answer)).toHaveLength(isLeft ? 0 : 2)
      if (isRefused) continue
      expect(persisted).toHaveLength(isOwn(kind, user) ? 1 : 0)
      if (isLeft) continue
      const content = cookieContent(visitor)
      expect(content.user).toBe(user && subjectHash(userSubject(user)))
      expect(browserSubject(content.browser) === subject).toBe(isOwn(kind, user))
      expect(isRetired(app, subject)).toBe(subject !== undefined && !isOwn(kind, user))
    }
  })

  it.each(cases)('retires no browser id if refused: %s, by %s', async (kind, user) => {
    const bodies = [{ tickets: ['garbage'] }, { set: [['nope', -1, 1]] }, { who: 7 }, { unknown: 1 }]
    for (const body of bodies) {
      const app = await startWithHeaders()
      const visitor = await visitorWith(app, kind)
      const subject = browserOf(visitor)
      const answer = await visitor.store(body, as(user))
      const isNew = written(answer).length > 0
      expect([body, answer.status >= 400, isNew && hasEnded(kind) && !isHeir(kind, user)]).toEqual([body, true, false])
      if (isOwn(kind, user) || kind === 'none' || kind === 'newer') expect(isNew).toBe(false)
      expect(isRetired(app, subject)).toBe(hasEnded(kind) || isNew)
    }
  })
})

describe('a POST of {}', () => {
  it.each(cases)('gets `who` and greeting: cookie %s, by %s', async (kind, user) => {
    const app = await startWithHeaders()
    const visitor = await visitorWith(app, kind)
    const { who, greeting } = await (await visitor.ask(as(user))).json()
    const all = greeting.map(readClaims)
    const isNamed = kind !== 'newer' || user !== undefined
    if (kind !== 'newer') expect(who).toBe(whoIn(visitor, user))
    else expect(who).toEqual(isNamed ? expect.any(String) : undefined)
    const subs = user === undefined ? [] : [subjectHash(userSubject(user))]
    const own = kind === 'newer' ? expect.any(String) : nameOf(visitor)
    expect(all.map(({ sub }: TicketClaims) => sub)).toEqual([...subs, own])
    expect(all.map(({ guest }: TicketClaims) => guest)).toEqual(user === undefined ? [true] : [undefined, undefined])
    const isBrought = kind === 'guest' || (kind === 'retired' && user === 'ann')
    expect(all.flatMap(({ changes }: TicketClaims) => changes)).toHaveLength(isOwn(kind, user) || isBrought ? 1 : 0)
  })

  it.each(USERS)('without consent gets no cookie or browser id: %s', async (user) => {
    const app = await startWithHeaders()
    const visitor = app.visitor()
    const names = new Set<unknown>()
    for (let time = 0; time < 2; time += 1) {
      const answer = await visitor.store({}, as(user, false))
      const { who, hasCookie, greeting } = await answer.json()
      expect([written(answer), hasCookie, greeting.length]).toEqual([[], undefined, user === undefined ? 1 : 2])
      names.add(who)
    }
    expect([...names]).toEqual([user && expect.any(String)])
  })

  it("without consent clears only another visitor's cookie", async () => {
    const app = await startWithHeaders()
    const found: unknown[] = []
    for (const [kind, user] of cases) {
      const visitor = await visitorWith(app, kind)
      const lines = written(await visitor.ask(as(user, false)))
      expect(lines.every((line) => line.includes('1970'))).toBe(true)
      expect(visitor.cookie).not.toMatch(/ended/)
      found.push([kind, user, lines.length])
    }
    const isLeft = (kind: Kind, user: User): boolean => isOwn(kind, user) || kind === 'none' || kind === 'newer'
    expect(found).toEqual(cases.map(([kind, user]) => [kind, user, isLeft(kind, user) ? 0 : 2]))
  })
})

const echo: Koa.Middleware = (ctx) => {
  if (ctx.query['set'] !== undefined) void ctx.liveSession.set('division', Number(ctx.query['set']))
  ctx.body = String(ctx.liveSession.get('division'))
}

describe('the cache', () => {
  it('evicts idle visitors after maxIdle, and reads their cookies again', async () => {
    const app = await App.start({ routes: echo, options: { cache: { maxIdle: HOUR } } })
    const visitor = app.visitor()
    await visitor.text('/?set=5')
    const user = await app.live.user('ann')
    await user.set('division', 7)
    // Eviction happens after up to twice maxIdle.
    app.clock.advance(3 * HOUR)
    await (await app.live.user('bob')).set('division', 1)
    expect(user.loaded).toBe(false)
    expect(await visitor.text('/')).toBe('5')
  })

  it('evicts visitors beyond twice maxVisitors, and reads their cookies again', async () => {
    const app = await App.start({ routes: echo, options: { cache: { maxVisitors: 10 } } })
    const visitors = Array.from({ length: 50 }, () => app.visitor())
    for (const [i, visitor] of visitors.entries()) await visitor.text(`/?set=${i}`)
    expect(coreOf(app.live).memory.counts.browsers).toBeLessThanOrEqual(20)
    for (const [i, visitor] of visitors.entries()) expect(await visitor.text('/')).toBe(String(i))
  })

  it.each([
    ['a guest', undefined],
    ['another user', 'bob'],
  ])("shows %s only the browser's own values of Ann's cookie", async (_, user) => {
    const app = await App.start({
      options: { identify: () => user } as never,
      routes: (ctx) => {
        ctx.body = [ctx.liveSession.get('theme'), ctx.liveSession.get('division')]
      },
    })
    const visitor = app.visitor(cookieFor(app.live, { userId: 'ann', values: { theme: 'dark', division: 3 } }))
    expect(await (await visitor.fetch('/')).json()).toEqual(['dark', -1])
  })
})

describe('an eviction during a request', () => {
  const before = { division: 3, cart: ['x'] }

  it.each<[string, (ctx: Koa.Context) => unknown, object, number?]>([
    ['a read', () => undefined, before],
    ['a write of another key', ({ liveSession }) => liveSession.set('division', 5), { ...before, division: 5 }],
    [
      'an update',
      ({ liveSession }) => liveSession.update('cart', (cart) => [...(cart as string[]), 'y']),
      { ...before, cart: ['x', 'y'] },
    ],
    [
      'a sign-in',
      (ctx) => {
        ctx['session'].user = 'ann'
        return ctx.liveSession.identify()
      },
      before,
    ],
    ['a renewal of the cookie', () => undefined, before, 20 * 24],
  ])('before %s loses nothing from the cookie', async (_, action, after, hours = 0) => {
    const app = await startWithUsers({
      routes: async (ctx) => {
        ctx.liveSession.get('division')
        if (ctx.path === '/evict') {
          emptyCache(app.live)
          await action(ctx)
        }
        ctx.body = { division: ctx.liveSession.get('division'), cart: ctx.liveSession.get('cart') }
      },
    })
    const visitor = app.visitor(cookieFor(app.live, { values: before }))
    const { cookie } = visitor
    app.clock.advance(hours * HOUR)
    expect(await (await visitor.fetch('/evict')).json()).toEqual(after)
    if (hours > 0) expect(visitor.cookie).not.toBe(cookie)
    emptyCache(app.live)
    expect(await (await visitor.fetch('/')).json()).toEqual(after)
  })
})
