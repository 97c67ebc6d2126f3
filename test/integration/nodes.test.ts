import { describe, expect, it } from '@jest/globals'
import { cookieFor, memoryStore, testClock } from 'koa-live-session/testing'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { account } from '../support/app/auth.js'
import { awaited } from '../support/app/awaited.js'
import { Bus } from '../support/app/bus.js'
import { startCluster } from '../support/app/cluster.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'

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
