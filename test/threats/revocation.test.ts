import { describe, expect, it, jest } from '@jest/globals'
import { cookieFor, memoryStore, testClock } from 'koa-live-session/testing'
import type { App } from '../support/app/app.js'
import { account } from '../support/app/auth.js'
import { liveOnly } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { idleIntervals } from '../support/app/idle-intervals.js'
import { present } from '../support/app/present.js'
import { poll } from '../support/app/raw-http.js'
import type { TestSocket } from '../support/app/socket.js'
import { set, startWithUsers, values } from '../support/app/users.js'

const nothing = { division: -1, theme: 'light', cart: [], role: 'guest' }

/** Ann, signed in, with a value, a socket and the ticket of another change. */
async function ann(app: App) {
  const visitor = app.visitor()
  await visitor.fetch('/login/now?user=ann')
  await set(visitor, { division: 3 })
  const socket = await visitor.connect()
  await socket.ticket()
  await socket.ticket()
  await socket.change('cart', ['a'])
  return { visitor, socket, ticket: (await socket.ticket()).text }
}

/** Ann is erased while a request of hers is under way, which has read a value. */
async function eraseMeanwhile() {
  const gate = new Gate()
  const app = await startWithUsers({
    routes: async (ctx, next) => {
      if (ctx.path !== '/slow') return account(ctx, next)
      ctx.body = String(ctx.liveSession.get('division'))
      await gate.pass()
    },
  })
  const { visitor } = await ann(app)
  const slow = visitor.fetch('/slow')
  await gate.entered
  await app.live.erase('ann')
  gate.open()
  return { app, visitor, slow }
}

describe('threat 3: what is left of a user who was revoked', () => {
  it('ends the sockets of every browser; the values stay in memory', async () => {
    const app = await startWithUsers()
    const [home, work] = [await ann(app), await ann(app)]
    const told = new Promise((resolve) => home.socket.io.once('live_session:reconnect', resolve))
    await app.live.revoke('ann')
    expect(await told).toBe('other_subject')
    await Promise.all([home.socket.closed, work.socket.closed])
    expect((await app.live.user('ann')).get('division')).toBe(3)
  })

  it('ends the sockets of a browser that polls, and has stopped to, within a second', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    expect(await poll(app.url, { cookie: visitor.cookie, origin: app.url })).toMatch(/^40/)
    const [socket] = app.io.sockets.sockets.values()
    let isClosed = false
    present(socket).conn.once('close', () => {
      isClosed = true
    })
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] })
    await app.live.revoke('ann')
    jest.advanceTimersByTime(1000)
    jest.useRealTimers()
    expect(isClosed).toBe(true)
  })

  it('refuses tickets from before, over HTTP and over the socket', async () => {
    const app = await startWithUsers()
    const { visitor, ticket } = await ann(app)
    await app.live.revoke('ann')
    const answer = await visitor.store({ tickets: [ticket] })
    expect(answer.status).toBe(403)
    expect((await answer.json()).error).toMatchObject({ code: 'bad_ticket', index: 0 })
    const again = await visitor.connect()
    expect(await again.sendTickets(ticket)).toEqual({ ok: false, code: 'bad_ticket', index: 0 })
  })

  it('takes nothing from a cookie from before, and replaces it', async () => {
    const app = await startWithUsers()
    const { visitor } = await ann(app)
    const former = visitor.cookie
    await app.live.revoke('ann')
    expect(await values(app.visitor(liveOnly(former)))).toEqual(nothing)
    expect(await values(visitor)).toMatchObject({ division: 3 })
    expect(await (await visitor.store()).json()).toMatchObject({ held: [] })
    expect(liveOnly(visitor.cookie)).not.toBe(liveOnly(former))
    expect((await (await visitor.store()).json()).held.map(([key]: [string]) => key)).toEqual(['division', 'cart'])
  })

  it('leaves other users as they are, and the user free to sign in again', async () => {
    const app = await startWithUsers()
    const { visitor } = await ann(app)
    const bob = app.visitor()
    await bob.fetch('/login/now?user=bob')
    await set(bob, { division: 8 })
    const socket = await bob.connect()
    await app.live.revoke('ann')
    await visitor.fetch('/login/now?user=ann')
    expect(await set(visitor, { division: 4 })).toMatchObject({ division: 4 })
    expect(await values(visitor)).toMatchObject({ division: 4 })
    expect(await socket.change('division', 9)).toHaveProperty('stamp')
  })
})

describe('threat 3: a user who was erased', () => {
  it('has no values any more, here or in any browser, whatever comes back', async () => {
    const app = await startWithUsers()
    const { visitor, ticket } = await ann(app)
    const former = visitor.cookie
    await app.live.erase('ann')
    const user = await app.live.user('ann')
    expect([user.loaded, user.has('division'), user.inspect().size]).toEqual([false, false, 0])
    expect((await visitor.store({ tickets: [ticket] })).status).toBe(403)
    expect(await values(visitor)).toEqual(nothing)
    expect(await values(app.visitor(former))).toEqual(nothing)
    await expect(app.visitor(former).connect()).rejects.toMatchObject({ data: { code: 'other_subject' } })
    expect((await (await visitor.connect()).ticket()).claims.changes).toEqual([])
  })

  it('is told to the listeners', async () => {
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

  it('is not brought back by a request that was under way', async () => {
    const { app, slow } = await eraseMeanwhile()
    expect((await slow).headers.getSetCookie()).toEqual([])
    expect((await app.live.user('ann')).has('division')).toBe(false)
  })

  it('leaves no cookie standing that a request under way had', async () => {
    const { visitor, slow } = await eraseMeanwhile()
    await slow
    expect((await visitor.fetch('/')).headers.getSetCookie()).not.toEqual([])
    expect(await values(visitor)).toEqual(nothing)
  })
})

describe('threat 3: a cookie of a newer epoch', () => {
  it('teaches a server that has restarted since the revocation what was revoked', async () => {
    const before = await startWithUsers()
    const { visitor, ticket } = await ann(before)
    const stolen = liveOnly(visitor.cookie)
    before.clock.advance(1000)
    await before.live.revoke('ann')
    await values(visitor)
    const fresh = cookieFor(before.live, { userId: 'ann' })
    const after = await startWithUsers({ clock: before.clock })
    const session = visitor.cookie.split('; ').filter((pair) => pair.startsWith('app'))
    await after.visitor([fresh, ...session].join('; ')).fetch('/')
    const thief = after.visitor([stolen, ...session].join('; '))
    expect((await thief.store({ tickets: [ticket] })).status).toBe(403)
    expect(await values(thief)).toEqual(nothing)
  })
})

const REFRESH = 60_000

const STEP = REFRESH / 20

const passIntervals = idleIntervals()

/** Two nodes that share a store and nothing else; a socket of ann at the second, which has loaded her that long after it began. */
async function apart(loadedAt: number) {
  const [clock, store] = [testClock(), memoryStore()]
  const given = { clock, options: { store, storeRefresh: REFRESH } as never }
  const [one, two] = [await startWithUsers(given), await startWithUsers(given)]
  /** What became of what handlers of the app have set. */
  const told: unknown[] = []
  two.io.on('connection', (socket) => {
    const { liveSession } = socket
    const tell = (written: Promise<unknown>): unknown =>
      written.then(
        (outcome) => told.push(outcome),
        ({ code }) => told.push(code),
      )
    socket.on('are you there', (answer) => answer('still open'))
    socket.on('set', (value) => tell(liveSession.set('division', value)))
    socket.on('update', (value) => tell(liveSession.update('division', () => value)))
  })
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    await passIntervals(ms)
  }
  await pass(loadedAt)
  const ann = two.visitor()
  await ann.fetch('/login/now?user=ann')
  const socket = await ann.connect()
  for (const _ of [1, 2]) await socket.ticket()
  return { one, store, pass, socket, told }
}

/** Whether a socket is there still. */
function outcome(socket: TestSocket): Promise<unknown> {
  return Promise.race([socket.closed.then(() => 'ended'), socket.io.emitWithAck('are you there')])
}

describe('threat 64: a user who is revoked at one node, a socket at another, no adapter', () => {
  it.each([0, 1, REFRESH / 2 - 1, REFRESH / 2, REFRESH / 2 + 1, REFRESH - 1])(
    'ends within storeRefresh: loaded %i ms after its node began, and revoked right then',
    async (loadedAt) => {
      const { one, pass, socket } = await apart(loadedAt)
      await one.live.revoke('ann')
      expect(await outcome(socket)).toBe('still open')
      for (let passed = 0; passed < REFRESH; passed += STEP) await pass(STEP)
      expect(await outcome(socket)).toBe('ended')
    },
  )

  it('is not asked for more often for that: ten times in nine', async () => {
    const { store, pass, socket } = await apart(REFRESH / 2)
    const { load } = store
    let loads = 0
    store.load = (name) => {
      if (name === 'user:s:ann') loads += 1
      return load.call(store, name)
    }
    for (let passed = 0; passed < 9 * REFRESH; passed += STEP) await pass(STEP)
    expect(await outcome(socket)).toBe('still open')
    expect(loads).toBe(10)
  })
})

describe('threat 64: what a socket sets whose user was revoked at another node, no adapter', () => {
  it.each(['set', 'update'])('is refused to a handler of the app at once, as the store knows: %s', async (method) => {
    const { one, socket, told } = await apart(0)
    await one.live.revoke('ann')
    socket.io.emit(method, 9)
    await socket.closed
    expect(told).toEqual(['superseded'])
  })

  it('is never told to its page as saved: the socket ends with the first write', async () => {
    const { one, socket } = await apart(0)
    await one.live.revoke('ann')
    const answer = socket.change('division', 9).catch(() => 'none')
    await socket.closed
    expect(Object(await answer).ok).not.toBe(true)
  })
})
