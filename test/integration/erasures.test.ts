import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import type { Store } from 'koa-live-session'
import { memoryStore } from 'koa-live-session/testing'
import { userSubject } from '../../server/kernel/names/subject.js'
import { coreOf } from '../../server/plugin.js'
import { account } from '../support/app/auth.js'
import { startCluster } from '../support/app/cluster.js'
import { Gate } from '../support/app/gate.js'
import { set, startWithUsers, values } from '../support/app/users.js'
import { within } from '../support/app/within.js'

const REFRESH = 20

it('erases what a sign-in at another node had brought along, also where word of that comes after the erasure', async () => {
  const { bus, one, two } = await startCluster()
  const ann = one.visitor()
  await set(ann, { division: 4 })
  bus.isHeld = true
  await ann.fetch('/login/now?user=ann')
  await two.live.erase('ann')
  bus.isHeld = false
  for (const { live } of [one, two]) expect((await live.user('ann')).get('division')).toBe(-1)
})

it('leaves what a sign-in has brought along since, also where a revocation tells of it once more', async () => {
  const { clock, one, two } = await startCluster()
  await one.live.erase('ann')
  clock.advance(1000)
  const guest = one.visitor()
  await set(guest, { division: 4, cart: ['a'] })
  await guest.fetch('/login/now?user=ann')
  await one.live.revoke('ann')
  for (const node of [one, two]) {
    const ann = await node.live.user('ann')
    expect([ann.get('division'), ann.get('cart')]).toEqual([4, ['a']])
  }
})

it('has what is written since win over what a sign-in brings along, also where the clock of the erasure was ahead', async () => {
  const { bus, clock, one, two } = await startCluster()
  clock.advance(1000)
  await one.live.erase('ann')
  clock.advance(-1000)
  bus.isHeld = true
  const guest = one.visitor()
  await set(guest, { division: 9 })
  await guest.fetch('/login/now?user=ann')
  await (await two.live.user('ann')).set('division', 4)
  bus.isHeld = false
  for (const { live } of [one, two]) expect((await live.user('ann')).get('division')).toBe(4)
  expect(await values(guest)).toMatchObject({ division: 4 })
})

it('keeps what a sign-in brings at a node that hears of the erasure from the store alone: that came after it', async () => {
  const store = memoryStore()
  const { bus, clock, one, two } = await startCluster(() => ({ store, storeRefresh: REFRESH }))
  const guest = two.visitor()
  await set(guest, { division: 4 })
  await two.live.user('ann')
  bus.isCut = true
  await one.live.erase('ann')
  expect(await values(guest, '/login/now?user=ann')).toMatchObject({ division: 4 })
  await two.live.settled()
  clock.advance(REFRESH)
  const back = one.visitor(guest.cookie)
  expect(await values(back)).toMatchObject({ division: 4 })
  await one.live.settled()
  const ends = await store.load('user:s:ann')
  const generation = ends.find(({ key }) => key === '$generation')?.stamp
  expect(await store.load(`user@${generation}:s:ann`)).toContainEqual(
    expect.objectContaining({ key: 'division', value: 4 }),
  )
})

const DAY = 24 * 60 * 60 * 1000

/** A store that a process reaches, or not; and holds back what it is asked, where the test says so. */
function linked(store: Store) {
  const link = {
    isCut: false,
    hold: undefined as ((act: string, name: string) => Promise<void> | undefined) | undefined,
  }
  const via = <A extends unknown[], T>(act: string, run: (...args: A) => Promise<T>) => {
    return async (...args: A): Promise<T> => {
      await link.hold?.(act, String(args[0]))
      if (link.isCut) throw new Error('cut')
      return run(...args)
    }
  }
  const far: Store = {
    load: via('load', (name) => store.load(name)),
    merge: via('merge', (name, rows) => store.merge(name, rows)),
    compareAndSet: via('cas', (name, row, expected) => store.compareAndSet(name, row, expected)),
    remove: via('remove', (name) => store.remove(name)),
    sweep: async () => 0,
    close: async () => undefined,
  }
  return { link, far }
}

async function everything(store: Store, names: readonly string[]): Promise<string> {
  return JSON.stringify(await Promise.all(names.map(async (name) => [name, await store.load(name)])))
}

async function generationIn(store: Store): Promise<number> {
  return (await store.load('user:s:ann')).find(({ key }) => key === '$generation')?.stamp ?? 0
}

describe('sweeps', () => {
  it('keeps what a user has set since $generation was swept, where a cookie of before comes back', async () => {
    const clock = (await startWithUsers()).clock
    const store = memoryStore(clock.now)
    const options = { store, maxAge: 365 * DAY, storeMaxIdle: 100 * DAY, storeRefresh: 60_000 }
    const first = await startWithUsers({ clock, options })
    await first.live.erase('ann')
    const laptop = first.visitor()
    await laptop.fetch('/login/now?user=ann')
    await set(laptop, { division: 3 })
    await first.live.settled()
    await first.stop()
    clock.advance(101 * DAY)
    // As `Sweeps` does.
    const now = clock.now()
    await store.sweep(now - 100 * DAY, { guests: now - 100 * DAY, ended: now - 365 * DAY })
    const next = await startWithUsers({ clock, options })
    const phone = next.visitor()
    await phone.fetch('/login/now?user=ann')
    await set(phone, { cart: ['bought'] })
    await next.live.settled()
    expect((await next.live.user('ann')).get('cart')).toEqual(['bought'])
    const again = next.visitor(laptop.cookie)
    // koa-session's own cookie is over after a day: the app signs the user in again.
    await again.fetch('/login?user=ann')
    await again.fetch('/')
    expect((await next.live.user('ann')).get('cart')).toEqual(['bought'])
    expect(await values(phone)).toMatchObject({ cart: ['bought'] })
  })
})

describe('a process that dies', () => {
  it('undoes no erasure that was stored, where it dies as it clears what it has written late', async () => {
    const store = memoryStore()
    const two = linked(store)
    const cluster = await startCluster((node) => ({ store: node === 1 ? store : two.far, onError: () => undefined }))
    const ann = cluster.one.visitor()
    await ann.fetch('/login/now?user=ann')
    await set(ann, { division: 4 })
    const device = ann.cookie
    await cluster.one.live.settled()
    const job = await cluster.two.live.user('ann')
    const gate = new Gate()
    two.link.hold = (act) => (act === 'merge' ? gate.pass() : undefined)
    void job.set('role', 'late')
    await gate.entered
    await cluster.one.live.erase('ann')
    expect(await generationIn(store)).toBeGreaterThan(0)
    // It dies right after its next removal.
    two.link.hold = (act) => {
      if (act === 'merge') two.link.isCut = true
      return undefined
    }
    gate.open()
    await cluster.two.live.user('ann')
    await within(
      async () => two.link.isCut || coreOf(cluster.two.live).store?.unsaved.size === 0,
      (isOver) => isOver,
    )
    two.link.isCut = true
    await cluster.one.stop()
    const three = await startWithUsers({ clock: cluster.clock, options: { store } })
    const shown = await values(three.visitor(device))
    expect([await generationIn(store), shown]).toEqual([expect.any(Number), expect.objectContaining({ division: -1 })])
    expect(await generationIn(store)).toBeGreaterThan(0)
    two.link.isCut = false
    two.link.hold = undefined
  })
})

describe('what is left in the store', () => {
  it('of what a process stores after a second erasure that it has not heard of, which goes on, is deleted by those who load the user', async () => {
    const store = memoryStore()
    const { bus, clock, one, two } = await startCluster(() => ({ store, storeRefresh: REFRESH }))
    await one.live.erase('ann')
    await one.live.settled()
    const first = await generationIn(store)
    const job = await two.live.user('ann')
    bus.isCut = true
    clock.advance(1)
    await one.live.erase('ann')
    await job.set('cart', ['late'])
    await two.live.settled()
    for (let round = 0; round < 3; round += 1) {
      clock.advance(REFRESH)
      await one.live.user('ann')
      await one.live.settled()
    }
    expect(await everything(store, [`user@${first}:s:ann`])).not.toContain('late')
  })

  it('of before an erasure by a process that had not heard of the one before goes, also where who wrote it is no more', async () => {
    const store = memoryStore()
    const two = linked(store)
    const cluster = await startCluster((node) => ({
      store: node === 1 ? store : two.far,
      storeRefresh: REFRESH,
      onError: () => undefined,
    }))
    const { bus, clock, one } = cluster
    bus.isCut = true
    two.link.isCut = true
    await one.live.erase('ann')
    const first = await generationIn(store)
    await (await one.live.user('ann')).set('cart', ['secret-thing'])
    await one.live.settled()
    await one.stop()
    clock.advance(1000)
    await cluster.two.live.erase('ann')
    two.link.isCut = false
    await cluster.two.live.settled()
    clock.advance(REFRESH)
    await cluster.two.live.user('ann')
    await cluster.two.live.settled()
    clock.advance(REFRESH)
    await cluster.two.live.user('ann')
    await cluster.two.live.settled()
    expect(await everything(store, [`user@${first}:s:ann`])).not.toContain('secret-thing')
  })
})

describe('a request over an erasure', () => {
  it('stores nothing that it has read before, where its process hears of the erasure from the store', async () => {
    const store = memoryStore()
    const gate = new Gate()
    const cluster = await startCluster(
      () => ({ store, storeRefresh: REFRESH }),
      async (ctx, next) => {
        if (ctx.path !== '/slow') return account(ctx, next)
        const cart = ctx['liveSession'].get('cart')
        await gate.pass()
        ctx.body = await ctx['liveSession'].set('cart', [...(cart as string[]), 'y']).then(
          () => 'set',
          (error: { code?: string }) => error.code,
        )
      },
    )
    const { bus, clock, one, two } = cluster
    bus.isCut = true
    const ann = two.visitor()
    await ann.fetch('/login/now?user=ann')
    await set(ann, { cart: ['x'] })
    await two.live.settled()
    const answer = ann.text('/slow')
    await gate.entered
    await one.live.erase('ann')
    clock.advance(REFRESH)
    // Another request, or a job, has the process load the user.
    await two.live.user('ann')
    const cartNow = async (): Promise<unknown> => (await two.live.user('ann')).get('cart')
    expect(await within(cartNow, (found) => isDeepStrictEqual(found, []))).toEqual([])
    gate.open()
    const said = await answer
    await two.live.settled()
    const cart = (await two.live.user('ann')).get('cart')
    expect([said, cart]).toEqual(['superseded', []])
  })
})

describe('a process that learns of an erasure by a cookie', () => {
  it('asks the store for what has been stored since', async () => {
    const store = memoryStore()
    const { bus, clock, one, two } = await startCluster(() => ({ store }))
    bus.isCut = true
    await (await two.live.user('ann')).set('role', 'former')
    await two.live.settled()
    clock.advance(10)
    await one.live.erase('ann')
    const ann = one.visitor()
    await ann.fetch('/login/now?user=ann')
    await (await one.live.user('ann')).set('secret', 'new')
    await one.live.settled()
    const there = two.visitor(ann.cookie)
    await values(there)
    expect(coreOf(two.live).epochs.generation(userSubject('ann'))).toBeGreaterThan(0)
    const secret = async (): Promise<unknown> => (await two.live.user('ann')).get('secret')
    expect(await within(secret, (found) => found === 'new')).toBe('new')
  })
})

it('an end that the store has lost is told to it again by a process that knows it, and loads the user', async () => {
  const store = memoryStore()
  const one = await startWithUsers({ options: { store, storeRefresh: REFRESH } })
  await one.live.revoke('ann')
  await one.live.erase('bob')
  await one.live.settled()
  // As two removals do that a store of several connections answers in another order.
  for (const name of ['ann', 'bob']) await store.remove(`user:s:${name}`)
  one.clock.advance(REFRESH)
  for (const name of ['ann', 'bob']) await one.live.user(name)
  await one.live.settled()
  const ends = async (name: string) => (await store.load(`user:s:${name}`)).map(({ key }) => key).sort()
  expect([await ends('ann'), await ends('bob')]).toEqual([['$epoch'], ['$epoch', '$generation']])
})
