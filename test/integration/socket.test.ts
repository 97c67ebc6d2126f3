import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { once } from '../support/app/awaited.js'
import { as, browserOf, isRetired, type Kind, startWithHeaders, visitorWith } from '../support/app/kinds-of-cookies.js'
import { present } from '../support/app/present.js'
import { nameOf, whoIn } from '../support/app/users.js'
import { turn } from '../support/app/within.js'

const DAY = 24 * 60 * 60 * 1000

describe('socket.liveSession', () => {
  it('greets with a ticket of readable registers, tombstones and defaults', async () => {
    const app = await App.start({
      routes: async (ctx) => {
        await ctx.liveSession.setMany({ division: 4, cart: ['a'], secret: 'hush' })
        await ctx.liveSession.delete('cart')
        ctx.body = ''
      },
    })
    const visitor = app.visitor()
    await visitor.fetch('/')
    const socket = await visitor.connect()
    const { claims } = await socket.ticket()
    const now = app.clock.now()
    expect(claims).toMatchObject({ aud: 'store_session', epoch: 0, iat: Math.floor(now / 1000) })
    expect(claims.exp - claims.iat).toBe((31 * DAY) / 1000)
    expect(claims.changes).toEqual([
      ['division', now, 4],
      ['cart', now + 1],
    ])
    expect(claims.defaults).toEqual({ division: -1, theme: 'light', cart: [], role: 'guest' })
    expect([claims.guest, claims.sub]).toEqual([true, nameOf(visitor)])
    expect((await socket.greeted).who).toBe(whoIn(visitor))
  })

  it('sends a change to every tab of this visitor only', async () => {
    const app = await App.start()
    const cookie = cookieFor(app.live, {})
    const [a, b, other] = [app.visitor(cookie), app.visitor(cookie), app.visitor()]
    const [one, two, three] = [await a.connect(), await b.connect(), await other.connect()]
    for (const socket of [one, two, three]) await socket.ticket()
    const answer = await one.change('division', 6)
    expect(answer).toEqual({ stamp: app.clock.now(), level: 'memory' })
    for (const socket of [one, two]) {
      expect((await socket.ticket()).claims.changes).toEqual([['division', app.clock.now(), 6]])
    }
    await three.change('division', 1)
    expect((await three.ticket()).claims.changes).toEqual([['division', app.clock.now(), 1]])
    expect(three.tickets).toHaveLength(2)
  })

  it('notifies once of each change by requests, sockets and jobs', async () => {
    const app = await App.start({
      options: { identify: () => 'ann' },
      routes: (ctx) => {
        void ctx.liveSession.set('division', 2)
        ctx.body = ''
      },
    })
    const heard: unknown[] = []
    app.io.on('connection', (socket) => {
      socket.liveSession.subscribe('division', (value) => heard.push(value))
      socket.liveSession.onChange(({ key, value, previous, source }) => heard.push([key, value, previous, source]))
    })
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await visitor.fetch('/')
    await socket.change('division', 3)
    await socket.change('division', 3)
    const ann = await app.live.user('ann')
    await ann.set('division', 4)
    expect(heard).toEqual([
      -1,
      2,
      ['division', 2, -1, 'request'],
      3,
      ['division', 3, 2, 'socket'],
      4,
      ['division', 4, 3, 'job'],
    ])
  })

  it('issues a new stamp and ticket even for an equal value', async () => {
    const app = await App.start()
    const socket = await app.visitor().connect()
    await socket.ticket()
    const first = await socket.change('division', 3)
    await socket.ticket()
    const second = await socket.change('division', 3)
    expect([first, second]).toMatchObject([{ stamp: app.clock.now() }, { stamp: app.clock.now() + 1 }])
    expect((await socket.ticket()).claims.changes).toEqual([['division', app.clock.now() + 1, 3]])
  })

  it('coalesces the changes of a turn', async () => {
    const app = await App.start()
    app.io.on('connection', (socket) => {
      socket.on('burst', async (done) => {
        for (let i = 0; i < 100; i += 1) void socket.liveSession.set('division', i)
        void socket.liveSession.set('cart', ['x'])
        done()
      })
    })
    const socket = await app.visitor().connect()
    await socket.ticket()
    await socket.io.emitWithAck('burst')
    const { claims } = await socket.ticket()
    expect(claims.changes.map(([key, , value]) => [key, value])).toEqual([
      ['division', 99],
      ['cart', ['x']],
    ])
  })

  it.each([
    ['a list in place of changes', { set: { division: 1 } }],
    ['nothing', undefined],
    ['a `base` that is no stamp', { set: [['division', 1.25, '', 1]] }],
    ['five members', { set: [['division', -1, '', 1, 1]] }],
    ['an unknown member', { set: [['division', -1, '', 1]], subject: 'x' }],
  ])('refuses %s as malformed', async (_, message) => {
    const app = await App.start()
    const socket = await app.visitor().connect()
    await socket.ticket()
    expect(await socket.io.emitWithAck('live_session:exchange', message)).toMatchObject({
      ok: false,
      code: 'malformed',
    })
    expect(await socket.change('division', 9)).toHaveProperty('stamp')
    expect((await socket.ticket()).claims.changes).toEqual([['division', app.clock.now(), 9]])
  })

  it("is ready in all namespaces before the app's handlers run", async () => {
    const app = await App.start()
    const order: string[] = []
    const watch = (name: string): void => {
      app.io.of(name === '/room-1' ? /^\/room-\d$/ : name).use((socket, next) => {
        order.push(`${socket.nsp.name} ${socket.liveSession.get('division')}`)
        next()
      })
    }
    for (const name of ['/', '/admin', '/room-1']) watch(name)
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 2 } }))
    const sockets = [await visitor.connect('/'), await visitor.connect('/admin'), await visitor.connect('/room-1')]
    expect(order).toEqual(['/ 2', '/admin 2', '/room-1 2'])
    for (const socket of sockets) await socket.ticket()
    await present(sockets[2]).change('division', 5)
    for (const socket of sockets) {
      expect((await socket.ticket()).claims.changes).toEqual([['division', expect.any(Number), 5]])
    }
  })

  it('rejects a second or late attach()', async () => {
    const app = await App.start()
    expect(() => app.live.attach(app.io, { handshake: [] })).toThrow('koa-live-session: attach(io): already attached')
    const late = await App.start({ isAttached: false })
    const connected = once(late.io, 'connection')
    await late.visitor().connect()
    await connected
    expect(() => late.live.attach(late.io, { handshake: [] })).toThrow(
      "koa-live-session: attach(io): 1 sockets are already connected; attach before io.on('connection')",
    )
  })
})

const subOf = (user: string) => subjectHash(userSubject(user))

/** The handshake's cookie, its user, and the outcome: `own` includes the cookie's values. */
const TABLE: readonly (readonly [Kind, string | undefined, 'refused' | 'connection' | 'own'])[] = [
  ['none', undefined, 'connection'],
  ['none', 'ann', 'connection'],
  ['guest', undefined, 'own'],
  ['guest', 'ann', 'connection'],
  ['ann', 'ann', 'own'],
  ['ann', undefined, 'refused'],
  ['ann', 'bob', 'refused'],
  ['retired', undefined, 'refused'],
  ['retired', 'ann', 'refused'],
  ['retired ann', 'ann', 'refused'],
  ['retired ann', undefined, 'refused'],
  ['retired ann', 'bob', 'refused'],
  ['revoked ann', 'ann', 'refused'],
  ['revoked ann', undefined, 'refused'],
  ['revoked ann', 'bob', 'refused'],
  ['newer', undefined, 'connection'],
  ['newer', 'ann', 'connection'],
]

const rows = TABLE.flatMap((row) => [true, false].map((hasConsent) => [...row, hasConsent] as const))

describe('a handshake', () => {
  it.each(rows)('with cookie %s, by %s: %s; consent: %s', async (kind, user, outcome, hasConsent) => {
    const app = await startWithHeaders()
    const visitor = await visitorWith(app, kind)
    const subject = browserOf(visitor)
    const before = isRetired(app, subject)
    const connecting = visitor.connect('/', as(user, hasConsent))
    if (outcome === 'refused') {
      await expect(connecting).rejects.toMatchObject({ message: 'other_visitor', data: { code: 'other_visitor' } })
    } else {
      const socket = await connecting
      const greeting = [(await socket.ticket()).claims, ...(user === undefined ? [] : [(await socket.ticket()).claims])]
      const { who, hasCookie: kept } = await socket.greeted
      const isKept = outcome === 'own' && hasConsent
      expect([isKept ? who : who !== undefined, kept]).toEqual([
        isKept ? whoIn(visitor, user) : user !== undefined,
        isKept || undefined,
      ])
      expect(greeting.map(({ guest }) => guest)).toEqual(greeting.map(() => user === undefined || undefined))
      const own = greeting.at(-1)?.sub
      if (outcome === 'own') expect(own).toBe(nameOf(visitor))
      else if (subject !== undefined) expect(own).not.toBe(nameOf(visitor))
      if (user !== undefined) expect(greeting[0]?.sub).toBe(subOf(user))
      const changes = outcome === 'own' ? [['division', expect.any(Number), 1]] : []
      expect(greeting.flatMap((claims) => claims.changes)).toEqual(changes)
    }
    // A handshake cannot set another cookie, so no id is retired.
    expect(isRetired(app, subject)).toBe(before)
  })

  it("determines the connection's visitor, even after a later sign-in", async () => {
    const app = await startWithHeaders()
    const visitor = app.visitor()
    const socket = await visitor.connect()
    const { sub } = (await socket.ticket()).claims
    await visitor.fetch('/set', { headers: as('ann') })
    expect(await socket.change('division', 7)).toHaveProperty('stamp')
    expect((await socket.ticket()).claims.sub).toBe(sub)
    expect((await app.live.user('ann')).get('division')).toBe(5)
  })
})

describe('a writing listener', () => {
  type User = Awaited<ReturnType<App['live']['user']>>

  async function handles(): Promise<readonly [one: User, other: User]> {
    const app = await App.start()
    return [await app.live.user('ann'), await app.live.user('ann')]
  }

  afterEach(() => {
    jest.restoreAllMocks()
  })

  it('notifies others of its own change after the original change', async () => {
    const [one, other] = await handles()
    const heard: unknown[] = []
    one.onChange(({ value }) => void (value === 3 && one.set('division', 6)))
    other.onChange(({ value, previous }) => heard.push([previous, value]))
    other.subscribe('division', (value) => heard.push(value))
    await other.set('division', 3)
    expect(heard).toEqual([-1, [-1, 3], 3, [3, 6], 6])
  })

  it('reads all values of a setMany', async () => {
    const [one, other] = await handles()
    const heard: unknown[] = []
    one.onChange(({ key }) => heard.push([key, one.get('division'), one.get('role')]))
    await other.setMany({ division: 3, role: 'admin' })
    expect(heard).toEqual([
      ['division', 3, 'admin'],
      ['role', 3, 'admin'],
    ])
  })

  it('notifies others of the newest value if two listeners alternate', async () => {
    const [one, other] = await handles()
    const heard: unknown[] = []
    const count = (user: User) =>
      user.onChange(({ value }) => void (Number(value) < 10 && user.update('division', (division) => division + 1)))
    count(one)
    count(other)
    other.onChange(({ previous, value }) => heard.push([previous, value]))
    await other.set('division', 5)
    expect(heard).toEqual([
      [-1, 5],
      [5, 7],
      [7, 9],
      [9, 11],
    ])
  })

  it('overrides a change of one setMany; others hear only the override', async () => {
    const [one, other] = await handles()
    const heard: unknown[] = []
    one.onChange(({ key }) => void (key === 'division' && one.set('cart', ['mine'])))
    other.onChange(({ key, previous, value }) => heard.push([key, previous, value]))
    await other.setMany({ division: 5, cart: ['a'] })
    expect(other.get('cart')).toEqual(['mine'])
    expect(heard).toEqual([
      ['division', -1, 5],
      ['cart', [], ['mine']],
    ])
  })

  it('yields to the event loop if it never stops', async () => {
    const told = jest.spyOn(console, 'warn').mockReturnValue()
    const [one, other] = await handles()
    let count = 0
    one.onChange(({ value }) => void (count++ < 5000 && one.set('division', Number(value) + 1)))
    await other.set('division', 0)
    expect(count).toBeLessThan(5000)
    for (let i = 0; i < 10; i += 1) await turn()
    expect(other.get('division')).toBe(5000)
    expect(told.mock.calls.slice(-1)).toEqual([
      [expect.stringContaining('listeners answer each change with another change')],
    ])
  })
})
