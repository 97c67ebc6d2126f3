import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { Store } from 'koa-live-session'
import { cookieFor, emptyCache, memoryStore, testClock } from 'koa-live-session/testing'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { AuthStore, account } from '../support/app/auth.js'
import { awaited } from '../support/app/awaited.js'
import { Bus } from '../support/app/bus.js'
import { startCluster } from '../support/app/cluster.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'
import type { TestSocket } from '../support/app/socket.js'
import { DAY } from '../support/app/times.js'
import { nameOf, set, signedInAs, startWithUsers, values } from '../support/app/users.js'
import { nodes, valuesAt } from './stored-values.js'

/** Nodes with an adapter, each with its own clock. */
function cluster() {
  const bus = new Bus()
  const start = async (given: AppOptions<AppFields> = {}): Promise<App> => {
    const app = await App.start(given)
    bus.join(app.io)
    return app
  }
  return { bus, start }
}

const ann = { options: { identify: () => 'ann' } } as never

describe('several nodes', () => {
  it('broadcast the newest writes of a turn', async () => {
    const { bus, start } = cluster()
    const app = await start(ann)
    await start(ann)
    const handle = await app.live.user('ann')
    const sets = [1, 2, 3].map((division) => handle.set('division', division))
    await Promise.all([...sets, handle.set('cart', ['a'])])
    await handle.delete('division')
    const cart = ['cart', expect.any(Number), ['a']]
    expect(bus.messages.map(([, name, changes]) => [name, changes])).toEqual([
      ['user:s:ann', [['division', expect.any(Number), 3], cart]],
      ['user:s:ann', [['division', expect.any(Number)]]],
    ])
  })

  it('broadcast the values of a ticket', async () => {
    const former = await App.start(ann)
    const socket = await former.visitor(cookieFor(former.live, { userId: 'ann', values: {} })).connect()
    await socket.change('division', 3)
    const { text } = present(socket.tickets.at(-1))
    const { start } = cluster()
    const [one, two] = [await start(ann), await start(ann)]
    expect((await one.visitor().store({ tickets: [text] })).status).toBe(200)
    expect((await two.live.user('ann')).get('division')).toBe(3)
  })

  it('end a guest’s sockets before another node answers the sign-in', async () => {
    const gate = new Gate()
    const { one, two } = await startCluster(undefined, async (ctx, next) => {
      await account(ctx, next)
      if (ctx.path === '/login/now') await gate.pass()
    })
    const guest = one.visitor()
    await guest.fetch('/set?values={"division":3}')
    const { closed } = await two.visitor(guest.cookie).connect()
    const answer = guest.fetch('/login/now?user=ann')
    await gate.entered
    expect(await closed).toBe('transport close')
    gate.open()
    expect(await (await answer).json()).toMatchObject({ division: 3 })
  })

  it('broadcast nothing of a connection without a cookie', async () => {
    const { bus, start } = cluster()
    const app = await start()
    await start()
    const socket = await app.visitor().connect()
    const { length } = bus.messages
    expect(await socket.change('division', 3)).toMatchObject({ level: 'memory' })
    await new Promise((resolve) => setImmediate(resolve))
    expect(bus.messages.slice(length)).toEqual([])
  })

  it('converge despite clocks an hour apart, unless messages are lost', async () => {
    const { bus, start } = cluster()
    const clocks = [testClock(10_000_000), testClock(10_000_000 + 60 * 60 * 1000)]
    const nodes = await Promise.all(clocks.map((clock) => start({ ...(ann as object), clock })))
    const handles = await Promise.all(nodes.map(({ live }) => live.user('ann')))
    await present(handles[1]).set('division', 1)
    await present(handles[0]).set('division', 2)
    expect(handles.map((handle) => handle.get('division'))).toEqual([2, 2])
    bus.isCut = true
    await present(handles[0]).set('division', 3)
    await present(handles[1]).set('division', 4)
    bus.isCut = false
    await present(handles[0]).set('cart', ['a'])
    expect(handles.map((handle) => handle.get('cart'))).toEqual([['a'], ['a']])
    expect(handles.map((handle) => handle.get('division'))).toEqual([3, 4])
  })

  it('accept an update over a newer write of another node', async () => {
    const store = memoryStore()
    const clocks = [testClock(10_000_000), testClock(10_000_000 + 20_000)]
    const given = { options: { identify: () => 'ann', store } } as never
    const [behind, ahead] = await Promise.all(clocks.map((clock) => App.start({ ...(given as object), clock })))
    const handle = await present(ahead).live.user('ann')
    await present(handle).set('cart', ['a'])
    expect((await behind?.live.user('ann'))?.get('cart')).toEqual(['a'])
    const over = await present(handle).set('cart', ['a', 'b'])
    const visitor = present(behind).visitor()
    await present(visitor).store()
    const socket = await present(visitor).connect()
    const change = ['cart', over?.stamp ?? 0, 'id', ['a', 'b', 'c']] as const
    expect(await socket?.set(change)).toMatchObject({ results: [{ stamp: Number(over?.stamp) + 1, level: 'store' }] })
    expect(await store.load('user:s:ann')).toMatchObject([{ key: 'cart', value: ['a', 'b', 'c'] }])
  })

  it("log no broadcast warning with socket.io's in-memory adapter", async () => {
    const app = await App.start(ann)
    await (await app.live.user('ann')).set('division', 4)
    expect(app.warnings).toEqual([expect.stringContaining('there is no store')])
  })

  it('ignore malformed messages', async () => {
    const { start } = cluster()
    const [one, two] = [await start(ann), await start(ann)]
    const junk: unknown[][] = [
      [],
      [7, []],
      ['user:s:ann', 7],
      ['user:s:ann', [['division', 'soon', 4]]],
      ['no one we know', []],
    ]
    for (const message of junk) one.io.serverSideEmit('live_session:merge', ...message)
    one.io.serverSideEmit('live_session:merge', 'user:s:ann', [
      ['__proto__', 5, 1],
      ['division', 5, 4],
    ])
    expect((await two.live.user('ann')).get('division')).toBe(4)
    expect(two.warnings.slice(1)).toEqual([expect.stringContaining('ignored a malformed')])
  })

  it('accept additions of a newer build', async () => {
    const { start } = cluster()
    const [one, two] = [await start(ann), await start(ann)]
    one.io.serverSideEmit('live_session:merge', 'user:s:ann', [['division', 5, 4, 'more']], { more: true })
    one.io.serverSideEmit('live_session:merge', 'tab:of a newer build', [['division', 5, 4]])
    one.io.serverSideEmit('live_session:merge', 'user:s:ann', [
      { key: 'cart', stamp: 5, value: ['x'] },
      ['$new', 5, []],
    ])
    const there = await two.live.user('ann')
    expect([there.get('division'), there.get('cart')]).toEqual([4, []])
    expect(two.errors).toEqual([])
  })

  it.each([Number.MAX_SAFE_INTEGER, 5])('revoke and erase a user despite a broadcast revocation: %d', async (end) => {
    const { start } = cluster()
    const [one, two] = [await start(ann), await start(ann)]
    one.io.serverSideEmit('live_session:merge', 'user:s:ann', [['$epoch', end, end]])
    const visitor = two.visitor(cookieFor(two.live, { userId: 'ann' }))
    const socket = await visitor.connect()
    const handle = await two.live.user('ann')
    await handle.set('division', 4)
    expect(handle.get('division')).toBe(4)
    await two.live.revoke('ann')
    await socket.closed
    await expect(two.visitor(visitor.cookie).connect()).rejects.toThrow()
    await two.live.erase('ann')
    await (await one.live.user('ann')).set('division', 5)
    expect(handle.get('division')).toBe(5)
  })

  it('hide unknown keys from browsers', async () => {
    const { start } = cluster()
    const [one, two] = [await start(ann), await start(ann)]
    one.io.serverSideEmit('live_session:merge', 'user:s:ann', [['hidden-there', 5, 'x']])
    const visitor = two.visitor()
    await visitor.fetch('/')
    const socket = await visitor.connect()
    expect(JSON.stringify((await socket.ticket()).claims)).not.toMatch('hidden-there')
  })

  it('answer from memory while values reload', async () => {
    const { start } = cluster()
    const store = memoryStore()
    const clock = testClock()
    const options = { identify: () => 'ann', store, storeRefresh: 1000 } as never
    const one = await start({ clock, options, routes: account })
    const here = await one.live.user('ann')
    await here.set('division', 4)
    clock.advance(1000)
    const [gate, load] = [new Gate(), store.load.bind(store)]
    Object.assign(store, { load: (subject: string) => gate.pass().then(() => load(subject)) })
    await store.merge('user:s:ann', [{ key: 'division', stamp: clock.now(), value: 5 }])
    expect(await (await one.visitor().fetch('/')).json()).toMatchObject({ division: 4 })
    const loaded = new Promise((resolve) => here.onChange(resolve))
    gate.open()
    expect(await awaited('the value', loaded)).toMatchObject({ value: 5, source: 'store' })
  })
})

const REFRESH = 20

/** Ann's browser at the first node, and a socket of her other device at the second. */
async function start(optionsOf?: (node: 1 | 2) => object) {
  const cluster = await startCluster(optionsOf)
  const ann = cluster.one.visitor()
  await ann.fetch('/login/now?user=ann')
  await set(ann, { division: 1 })
  const device = cluster.two.visitor()
  await device.fetch('/login/now?user=ann')
  const socket = await device.connect()
  // A ticket for the user, and a ticket for the browser's own values.
  for (const _ of [1, 2]) await socket.ticket()
  return { ...cluster, ann, device, socket }
}

/** Options of nodes with a store; while the link is cut, the second node cannot write. */
function shared() {
  const store = memoryStore()
  const link = { isCut: false }
  const merge: Store['merge'] = (...args) => (link.isCut ? Promise.reject(new Error('cut')) : store.merge(...args))
  const optionsOf = (node: 1 | 2): object => ({
    store: node === 1 ? store : { ...store, merge },
    storeRefresh: REFRESH,
    // Short, so that a node does not wait for the cut link.
    storeTimeout: 20,
  })
  return { link, optionsOf }
}

function outcome(socket: TestSocket): Promise<string> {
  return Promise.race([socket.closed.then(() => 'ended'), socket.change('division', 9).then(() => 'still open')])
}

describe('after lost adapter messages, with a store', () => {
  it('nodes and sockets get the newest value after storeRefresh', async () => {
    const { bus, clock, one, two, ann, socket } = await start(shared().optionsOf)
    bus.isCut = true
    await set(ann, { division: 2 })
    bus.isCut = false
    expect((await two.live.user('ann')).get('division')).toBe(1)
    clock.advance(REFRESH)
    expect((await socket.ticket()).claims.changes).toEqual([['division', expect.any(Number), 2]])
    await socket.change('division', 3)
    expect((await one.live.user('ann')).get('division')).toBe(3)
  })

  it('a revocation ends sockets even if the new cookie precedes it', async () => {
    const { bus, clock, one, two, ann, socket } = await start(shared().optionsOf)
    bus.isCut = true
    await one.live.revoke('ann')
    await ann.fetch('/')
    await set(two.visitor(ann.cookie), { theme: 'dark' })
    const there = await two.live.user('ann')
    const isLoaded = new Promise((resolve) => there.onChange(resolve))
    await set(ann, { division: 2 })
    bus.isCut = false
    clock.advance(REFRESH)
    await awaited('the value', isLoaded)
    expect(await outcome(socket)).toBe('ended')
  })

  it('erased values stay deleted even if the new cookie precedes the erasure', async () => {
    const { bus, clock, one, two, ann } = await start(shared().optionsOf)
    bus.isCut = true
    await one.live.erase('ann')
    await ann.fetch('/')
    const there = two.visitor(ann.cookie)
    await there.fetch('/')
    const handle = await two.live.user('ann')
    const isLoaded = new Promise((resolve) => handle.onChange(resolve))
    await set(ann, { cart: ['new'] })
    bus.isCut = false
    clock.advance(REFRESH)
    await awaited('the value', isLoaded)
    expect(await values(there)).toMatchObject({ division: -1, cart: ['new'] })
    const back = one.visitor(there.cookie)
    expect(await values(back)).toMatchObject({ division: -1, cart: ['new'] })
  })

  it('erased values stay deleted after a node retries its pending write', async () => {
    const { link, optionsOf } = shared()
    const { one, two, clock } = await start(optionsOf)
    link.isCut = true
    const there = await two.live.user('ann')
    await there.set('division', 5)
    await one.live.erase('ann')
    expect(there.get('division')).toBe(-1)
    link.isCut = false
    await two.live.settled()
    clock.advance(REFRESH)
    const fresh = await startCluster(optionsOf)
    expect((await fresh.one.live.user('ann')).get('division')).toBe(-1)
  })
})

describe('after lost adapter messages, without a store', () => {
  it('the next cookie updates the other node and its sockets', async () => {
    const { bus, two, ann, socket } = await start()
    bus.isCut = true
    await set(ann, { division: 2 })
    bus.isCut = false
    expect((await two.live.user('ann')).get('division')).toBe(1)
    await two.visitor(ann.cookie).fetch('/')
    expect((await socket.ticket()).claims.changes).toEqual([['division', expect.any(Number), 2]])
  })

  it('the next cookie of a revoked user ends earlier sockets', async () => {
    const { bus, one, two, ann, socket } = await start()
    bus.isCut = true
    await one.live.revoke('ann')
    bus.isCut = false
    await ann.fetch('/')
    await two.visitor(ann.cookie).fetch('/')
    expect(await outcome(socket)).toBe('ended')
  })

  it('a late erasure ends sockets even if the new cookie precedes it', async () => {
    const { bus, one, two, ann, socket } = await start()
    bus.isHeld = true
    await one.live.erase('ann')
    await ann.fetch('/')
    const there = two.visitor(ann.cookie)
    await there.fetch('/')
    bus.isHeld = false
    expect(await outcome(socket)).toBe('ended')
    expect(await values(there)).toMatchObject({ division: -1 })
  })
})

describe('with a store', () => {
  it('restores values outside the cookie after a restart', async () => {
    const { start } = nodes(memoryStore())
    const before = await start()
    const visitor = before.visitor()
    expect(await valuesAt(visitor, '/set?secret="x"&draft="half"')).toMatchObject({ level: 'store' })
    await before.stop()
    const after = await start()
    const again = after.visitor(visitor.cookie)
    expect(await valuesAt(again)).toMatchObject({ division: -1, draft: 'half', secret: 'x' })
  })

  it("restores a user's values after all cookies are lost", async () => {
    const { start } = nodes(memoryStore(), { identify: () => 'ann' })
    const app = await start()
    await app.visitor().fetch('/set?division=4')
    emptyCache(app.live)
    expect(await valuesAt(app.visitor())).toMatchObject({ division: 4, draft: '', secret: '' })
  })

  it.each(['/logout/now', '/logout/leave'])(
    'keep what another node just stored for the browser, at %s',
    async (path) => {
      const shared = { store: new AuthStore(), options: { store: memoryStore() } as never }
      const [here, there] = [await startWithUsers(shared), await startWithUsers(shared)]
      const ann = await signedInAs(here)
      const socket = await there.visitor(ann.cookie).connect()
      await socket.change('theme', 'dark')
      await there.live.settled()
      await ann.fetch(path)
      expect(await values(ann)).toMatchObject({ theme: 'dark' })
    },
  )

  describe('at a node whose clock is behind', () => {
    const SKEW = 20_000
    async function pair() {
      const { start, store } = nodes(memoryStore(), { identify: () => 'ann', storeRefresh: 1 })
      const ahead = testClock(Date.now() + SKEW)
      const [one, two] = [await start({ clock: ahead }), await start({ clock: testClock(Date.now()) })]
      return { one, two, ahead, store }
    }

    it("erases the other node's writes", async () => {
      const { one, two, ahead } = await pair()
      await one.visitor().fetch('/set?division=4&secret="x"')
      await two.live.erase('ann')
      ahead.advance(1)
      expect(await valuesAt(one.visitor())).toMatchObject({ division: -1, draft: '', secret: '' })
      expect(await valuesAt(two.visitor())).toMatchObject({ division: -1, draft: '', secret: '' })
    })

    it.each(['revoke', 'erase'] as const)("revokes the other node's cookies with %s()", async (end) => {
      const { one, two } = await pair()
      await one.live.revoke('ann')
      const visitor = one.visitor()
      await visitor.fetch('/set?division=4')
      await two.live[end]('ann')
      await expect(two.visitor(visitor.cookie).connect()).rejects.toThrow()
    })
  })

  it('writes nothing for a reading visitor', async () => {
    const { start, store } = nodes(memoryStore())
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    await visitor.fetch('/')
    await app.live.settled()
    expect(await store.sweep(Number.POSITIVE_INFINITY)).toBe(0)
  })

  it('applies each update to the newest value of any node', async () => {
    const { start } = nodes(memoryStore())
    const [one, two] = [await start(), await start()]
    const users = [await one.live.user('ann'), await two.live.user('ann')]
    const updates = Array.from({ length: 50 }, (_, at) => present(users[at % 2]).update('visits', (count) => count + 1))
    await Promise.all(updates)
    const fresh = await (await start()).live.user('ann')
    expect(fresh.get('visits')).toBe(50)
  })

  it('inspect() names the places of a write', async () => {
    const { start, store } = nodes(memoryStore(), { storeTimeout: 20 })
    const ann = await (await start()).live.user('ann')
    await ann.set('secret', 'x')
    expect(ann.inspect().get('secret')?.places).toEqual(['cache', 'store'])
    store.fail(Number.POSITIVE_INFINITY)
    await ann.set('secret', 'y')
    expect(ann.inspect().get('secret')?.places).toEqual(['cache'])
    store.fail(0)
  })

  it('accepts long ids and ids with control characters', async () => {
    const { start, store } = nodes(memoryStore())
    const app = await start()
    const ids = ['é'.repeat(256), 'a\0b']
    for (const id of ids) await (await app.live.user(id)).set('secret', id)
    emptyCache(app.live)
    for (const id of ids) expect((await app.live.user(id)).get('secret')).toBe(id)
    expect(await store.sweep(Number.POSITIVE_INFINITY)).toBe(2)
  })

  it("shows another node's write after storeRefresh", async () => {
    const { start, clock } = nodes(memoryStore(), { identify: () => 'ann', storeRefresh: 1000 })
    const [one, two] = [await start(), await start()]
    const visitor = two.visitor()
    await visitor.fetch('/')
    await (await one.live.user('ann')).set('division', 5)
    clock.advance(1000)
    expect(await valuesAt(visitor)).toMatchObject({ division: 5, draft: '', secret: '' })
  })

  it('sweeps values after storeMaxIdle, but no revocation', async () => {
    const [maxAge, storeMaxIdle] = [365 * DAY, 100 * DAY]
    const identify = (ctx: Koa.Context) => ctx.query['user'] as string
    const { start, store, clock } = nodes(memoryStore(), { maxAge, storeMaxIdle, identify } as never)
    const app = await start()
    const guest = app.visitor()
    await guest.fetch('/set?draft="half"')
    const stolen = cookieFor(app.live, { userId: 'ann', values: { division: 666 } })
    await app.live.revoke('ann')
    const { cookie } = guest
    clock.advance(101 * DAY)
    await store.sweep(clock.now() - storeMaxIdle, { revocations: clock.now() - maxAge })
    expect(await valuesAt(guest)).toMatchObject({ division: -1, draft: '', secret: '' })
    expect([guest.cookie, await store.load(`browser:${nameOf(guest)}`)]).toEqual([cookie, []])
    const thief = (await start()).visitor(stolen)
    expect(await valuesAt(thief, '/get?user=ann')).toMatchObject({ division: -1, draft: '', secret: '' })
  })

  it('returns revokedAt at another node and after a restart', async () => {
    const { start, clock } = nodes(memoryStore())
    const [one, two] = [await start(), await start()]
    expect(await two.live.revokedAt('ann')).toBeUndefined()
    await one.live.revoke('ann')
    const revokedAt = clock.now()
    clock.advance(60_000)
    for (const app of [one, two, await start()]) {
      expect(await app.live.revokedAt('ann')).toBe(revokedAt)
      expect(await app.live.revokedAt('bob')).toBeUndefined()
    }
    await expect(one.live.revokedAt('')).rejects.toThrow('revokedAt(id): expected a string')
  })
})

describe('a connection without a cookie', () => {
  it('acknowledges writes with level memory', async () => {
    const { start } = nodes(memoryStore())
    const app = await start()
    const levels = new Promise((resolve) => {
      app.io.on('connection', async ({ liveSession }) => {
        const set = await liveSession.set('division', 3)
        const updated = await liveSession.update('division', (division) => Number(division) + 1)
        resolve([set.level, updated.level])
      })
    })
    const socket = await app.visitor().connect()
    expect(await awaited('the writes', levels)).toEqual(['memory', 'memory'])
    expect(await socket.set(['division', -1, '', 5])).toMatchObject({ results: [{ level: 'memory' }] })
  })
})

describe('close()', () => {
  it('refuses all later writes with a code', async () => {
    const app = await App.start({
      routes: async (ctx) => {
        const failure: unknown = await ctx.liveSession.set('division', 1).catch((error: unknown) => error)
        ctx.body = failure as never
      },
    })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 4 } }))
    const socket = await visitor.connect()
    await app.live.close()
    expect(await (await visitor.fetch('/')).json()).toMatchObject({ code: 'closed', status: 503 })
    expect(await socket.change('division', 2)).toEqual({ ok: false, code: 'closed' })
    const posted = await visitor.store({ set: [['division', -1, '', 2]] })
    expect([posted.status, (await posted.json()).error.code]).toEqual([503, 'closed'])
    await expect((await app.live.user('ann')).set('division', 1)).rejects.toMatchObject({ code: 'closed' })
    expect((await (await visitor.store()).json()).persisted).toEqual([['division', app.clock.now()]])
  })

  it('leaves changes pending in the page until a server starts again', async () => {
    const app = await App.start()
    const { clock, port } = app
    const page = await app.visitor(cookieFor(app.live, {})).open()
    await page.connected()
    await app.live.close()
    const refused = new Promise<void>((resolve) => {
      page.socket.io.engine.on('packet', ({ data = '' }: { data?: string }) => {
        if (String(data).includes('closed')) resolve()
      })
    })
    const saved = page.live.set('division', 6)
    await awaited('the refusal', refused)
    expect(page.live.get('division')).toBe(6)
    await app.stop()
    await App.start({ clock, port })
    await saved
    expect(page.live.status('division')).toEqual({ status: 'saved' })
  })
})
