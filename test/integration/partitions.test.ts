import { describe, expect, it } from '@jest/globals'
import type { Store } from 'koa-live-session'
import { memoryStore } from 'koa-live-session/testing'
import { awaited } from '../support/app/awaited.js'
import { startCluster } from '../support/app/cluster.js'
import type { TestSocket } from '../support/app/socket.js'
import { set, values } from '../support/app/users.js'

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
