import { describe, expect, it, jest } from '@jest/globals'
import { cookieFor, memoryStore, testClock } from 'koa-live-session/testing'
import type { Socket } from 'socket.io'
import type { App } from '../support/app/app.js'
import { account } from '../support/app/auth.js'
import { once } from '../support/app/awaited.js'
import { outcome } from '../support/app/bounded.js'
import { appOnly, liveOnly } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'
import { poll } from '../support/app/raw-http.js'
import type { TestSocket } from '../support/app/socket.js'
import { set, signedInAs, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { turns } from '../support/app/within.js'
import { withoutTime } from '../support/app/without-time.js'

const nothing = { division: -1, theme: 'light', cart: [], role: 'guest' }

/** Signs ann in, with a value, a socket and the ticket of another change. */
async function ann(app: App) {
  const visitor = await signedInAs(app)
  await set(visitor, { division: 3 })
  const socket = await visitor.connect()
  await socket.ticket()
  await socket.ticket()
  await socket.change('cart', ['a'])
  return { visitor, socket, ticket: (await socket.ticket()).text }
}

/** Revokes or erases ann during a request of hers, which then sets a value. */
async function endMeanwhile(end: 'revoke' | 'erase') {
  const gate = new Gate()
  const outcomes: unknown[] = []
  const app = await startWithUsers({
    routes: async (ctx, next) => {
      if (ctx.path !== '/slow') return account(ctx, next)
      ctx.body = String(ctx.liveSession.get('division'))
      await gate.pass()
      outcomes.push(await outcome(ctx.liveSession.set('division', 666)))
    },
  })
  const { visitor } = await ann(app)
  const slow = visitor.fetch('/slow')
  await gate.entered
  await app.live[end]('ann')
  gate.open()
  return { app, visitor, answer: await slow, outcomes }
}

const HANDLER_ENDS = [
  ['revoke()', 'a live cookie', (app: App) => app.live.revoke('ann')],
  ['erase()', 'a live cookie', (app: App) => app.live.erase('ann')],
  ['leave()', 'a live cookie', (_: App, ann: Visitor) => ann.fetch('/logout/leave')],
  ['revoke()', 'no live cookie', (app: App) => app.live.revoke('ann')],
  ['leave()', 'no live cookie', (_: App, ann: Visitor) => ann.fetch('/logout/leave')],
] as const

/** Returns the session of ann's socket handler, and her browser with all cookies. */
async function handlerOf(brought: (typeof HANDLER_ENDS)[number][1]) {
  const app = await startWithUsers()
  const connected = once(app.io, 'connection')
  const visitor = await signedInAs(app)
  const full = app.visitor(visitor.cookie)
  if (brought === 'no live cookie') visitor.forget()
  const page = await visitor.connect()
  await page.ticket()
  const [socket] = (await connected) as [Socket]
  const close = async (): Promise<void> => {
    const closed = once(socket.conn, 'close')
    page.io.disconnect()
    await closed
  }
  return { app, liveSession: socket.liveSession, full, close }
}

describe('threat 3: a revoked user', () => {
  it('loses the sockets in all browsers and keeps the values', async () => {
    const app = await startWithUsers()
    const [home, work] = [await ann(app), await ann(app)]
    const reason = once(home.socket.io, 'live_session:reconnect')
    await app.live.revoke('ann')
    expect(await reason).toEqual(['other_visitor'])
    await Promise.all([home.socket.closed, work.socket.closed])
    expect((await app.live.user('ann')).get('division')).toBe(3)
  })

  it('loses an idle polling socket within a second', async () => {
    const app = await startWithUsers()
    const visitor = await signedInAs(app)
    expect(await poll(app.url, { cookie: visitor.cookie, origin: app.url })).toMatch(/^40/)
    const [socket] = app.io.sockets.sockets.values()
    let isClosed = false
    present(socket).conn.once('close', () => {
      isClosed = true
    })
    await withoutTime(async () => {
      await app.live.revoke('ann')
      jest.advanceTimersByTime(1000)
    })
    expect(isClosed).toBe(true)
  })

  it('cannot redeem earlier tickets over HTTP or a socket', async () => {
    const app = await startWithUsers()
    const { visitor, ticket } = await ann(app)
    await app.live.revoke('ann')
    const answer = await visitor.store({ tickets: [ticket] })
    expect(answer.status).toBe(403)
    expect((await answer.json()).error).toMatchObject({ code: 'bad_ticket', index: 0 })
    const again = await visitor.connect()
    expect(await again.sendTickets(ticket)).toEqual({ ok: false, code: 'bad_ticket', index: 0 })
  })

  it('gets a new cookie', async () => {
    const app = await startWithUsers()
    const { visitor } = await ann(app)
    const former = visitor.cookie
    await app.live.revoke('ann')
    expect(await values(app.visitor(liveOnly(former)))).toEqual(nothing)
    expect(await values(visitor)).toMatchObject({ division: 3 })
    expect(await (await visitor.store()).json()).toMatchObject({ persisted: [] })
    expect(liveOnly(visitor.cookie)).not.toBe(liveOnly(former))
    expect((await (await visitor.store()).json()).persisted.map(([key]: [string]) => key)).toEqual(['division', 'cart'])
  })

  it('can sign in again without effects on others', async () => {
    const app = await startWithUsers()
    const { visitor } = await ann(app)
    const bob = await signedInAs(app, 'bob')
    await set(bob, { division: 8 })
    const socket = await bob.connect()
    await app.live.revoke('ann')
    await visitor.fetch('/login/now?user=ann')
    expect(await set(visitor, { division: 4 })).toMatchObject({ division: 4 })
    expect(await values(visitor)).toMatchObject({ division: 4 })
    expect(await socket.change('division', 9)).toHaveProperty('stamp')
  })
})

describe('threat 3: an erased user', () => {
  it('has no values, even if old cookies and tickets arrive later', async () => {
    const app = await startWithUsers()
    const { visitor, ticket } = await ann(app)
    const former = visitor.cookie
    await app.live.erase('ann')
    const user = await app.live.user('ann')
    expect([user.loaded, user.has('division'), user.inspect().size]).toEqual([false, false, 0])
    expect((await visitor.store({ tickets: [ticket] })).status).toBe(403)
    expect(await values(visitor)).toEqual(nothing)
    expect(await values(app.visitor(former))).toEqual(nothing)
    await expect(app.visitor(former).connect()).rejects.toMatchObject({ data: { code: 'other_visitor' } })
    expect((await (await visitor.connect()).ticket()).claims.changes).toEqual([])
  })

  it('causes change events with the default values', async () => {
    const app = await startWithUsers()
    await ann(app)
    using user = await app.live.user('ann')
    const changes: unknown[] = []
    user.onChange((change) => changes.push(change))
    await app.live.erase('ann')
    expect(changes).toEqual([
      { key: 'division', value: -1, previous: 3, source: 'job' },
      { key: 'cart', value: [], previous: ['a'], source: 'job' },
    ])
    await user.set('division', 5)
    expect(changes).toHaveLength(3)
  })
})

describe('threats 3 and 9: code of a revoked, erased or departed user', () => {
  it.each([
    ['revoke', 3],
    ['erase', -1],
  ] as const)('cannot write in a request after %s()', async (end, division) => {
    const { app, visitor, answer, outcomes } = await endMeanwhile(end)
    expect([outcomes, answer.headers.getSetCookie()]).toEqual([['superseded'], []])
    expect((await app.live.user('ann')).get('division')).toBe(division)
    expect((await visitor.fetch('/')).headers.getSetCookie()).not.toEqual([])
    expect(await values(visitor)).toMatchObject({ division })
  })

  it.each(HANDLER_ENDS)('cannot write in a socket handler after %s; handshake with %s', async (_, brought, end) => {
    const { app, liveSession, full } = await handlerOf(brought)
    await end(app, full)
    expect(await outcome(liveSession.set('division', 666 as never))).toBe('superseded')
    expect((await app.live.user('ann')).get('division')).toBe(-1)
  })

  it.each(HANDLER_ENDS)('cannot write after its socket closed and %s; handshake with %s', async (_, brought, end) => {
    const { app, liveSession, full, close } = await handlerOf(brought)
    await close()
    await end(app, full)
    expect(await outcome(liveSession.set('division', 666 as never))).toBe('superseded')
    expect((await app.live.user('ann')).get('division')).toBe(-1)
  })

  it('can still write after its socket closed, if the visitor stays', async () => {
    const { app, liveSession, close } = await handlerOf('a live cookie')
    await close()
    expect(await outcome(liveSession.set('division', 7 as never))).toBe('saved')
    expect((await app.live.user('ann')).get('division')).toBe(7)
  })
})

describe('threat 3: a cookie of a newer epoch', () => {
  it('tells a restarted server of the revocation', async () => {
    const before = await startWithUsers()
    const { visitor, ticket } = await ann(before)
    const stolen = liveOnly(visitor.cookie)
    before.clock.advance(1000)
    await before.live.revoke('ann')
    await values(visitor)
    const fresh = cookieFor(before.live, { userId: 'ann' })
    const after = await startWithUsers({ clock: before.clock })
    const session = appOnly(visitor.cookie)
    await after.visitor([fresh, ...session].join('; ')).fetch('/')
    const thief = after.visitor([stolen, ...session].join('; '))
    expect((await thief.store({ tickets: [ticket] })).status).toBe(403)
    expect(await values(thief)).toEqual(nothing)
  })

  it('closes the older sockets at a node that missed the revocation', async () => {
    const [here, there] = [await startWithUsers(), await startWithUsers()]
    const { visitor, socket } = await ann(there)
    await here.live.revoke('ann')
    const session = appOnly(visitor.cookie)
    await there.visitor([cookieFor(here.live, { userId: 'ann' }), ...session].join('; ')).fetch('/')
    socket.io.emit('live_session:exchange', { set: [['division', -1, '', 666]] })
    await socket.closed
    expect((await there.live.user('ann')).get('division')).toBe(3)
  })
})

const REFRESH = 60_000
const STEP = REFRESH / 20

/** Two nodes with a shared store; the second loads ann so many ms after its start, and has her socket. */
async function apart(loadedAt: number) {
  const [clock, store] = [testClock(), memoryStore()]
  const given = { clock, options: { store, storeRefresh: REFRESH } as never }
  const [one, two] = [await startWithUsers(given), await startWithUsers(given)]
  const outcomes: unknown[] = []
  two.io.on('connection', (socket) => {
    const { liveSession } = socket
    const tell = async (written: Promise<unknown>): Promise<unknown> => outcomes.push(await outcome(written))
    socket.on('are you there', (answer) => answer('still open'))
    socket.on('set', (value) => tell(liveSession.set('division', value)))
    socket.on('update', (value) => tell(liveSession.update('division', () => value)))
  })
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    await turns(5)
  }
  await pass(loadedAt)
  const ann = await signedInAs(two)
  const socket = await ann.connect()
  for (const _ of [1, 2]) await socket.ticket()
  return { one, store, pass, socket, outcomes }
}

/** Returns whether a socket is still open. */
function stateOf(socket: TestSocket): Promise<unknown> {
  return Promise.race([socket.closed.then(() => 'ended'), socket.io.emitWithAck('are you there')])
}

describe('threat 64: a socket at a node that misses revocations', () => {
  it.each([0, 1, REFRESH / 2 - 1, REFRESH / 2, REFRESH / 2 + 1, REFRESH - 1])(
    'ends within storeRefresh; ann is loaded and revoked at %i ms',
    async (loadedAt) => {
      const { one, pass, socket } = await apart(loadedAt)
      await one.live.revoke('ann')
      expect(await stateOf(socket)).toBe('still open')
      for (let passed = 0; passed < REFRESH; passed += STEP) await pass(STEP)
      expect(await stateOf(socket)).toBe('ended')
    },
  )

  it('costs 10 loads in nine periods of storeRefresh', async () => {
    const { store, pass, socket } = await apart(REFRESH / 2)
    const { load } = store
    let loads = 0
    store.load = (name) => {
      if (name === 'user:s:ann') loads += 1
      return load.call(store, name)
    }
    for (let passed = 0; passed < 9 * REFRESH; passed += STEP) await pass(STEP)
    expect(await stateOf(socket)).toBe('still open')
    expect(loads).toBe(10)
  })
})

describe('threat 64: a change over the socket of a user revoked elsewhere', () => {
  it.each(['set', 'update'])('fails in a handler at once: %s', async (method) => {
    const { one, socket, outcomes } = await apart(0)
    await one.live.revoke('ann')
    socket.io.emit(method, 9)
    await socket.closed
    expect(outcomes).toEqual(['superseded'])
  })

  it('is not acknowledged to its page, and closes the socket', async () => {
    const { one, socket } = await apart(0)
    await one.live.revoke('ann')
    const answer = socket.change('division', 9).catch(() => 'none')
    await socket.closed
    expect(Object(await answer).ok).not.toBe(true)
  })
})
