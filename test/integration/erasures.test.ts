import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import type { Store } from 'koa-live-session'
import { memoryStore } from 'koa-live-session/testing'
import { coreOf } from '../../server/plugin.js'
import { userSubject } from '../../server/subjects/subject.js'
import type { App } from '../support/app/app.js'
import { account } from '../support/app/auth.js'
import { startCluster } from '../support/app/cluster.js'
import { appOnly } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'
import { set, startWithUsers, values } from '../support/app/users.js'
import { within } from '../support/app/within.js'

const REFRESH = 20
const DAY = 24 * 60 * 60 * 1000

/** A store behind a link that the test can cut. */
function linked(store: Store) {
  const link = { isCut: false }
  const via = <A extends unknown[], T>(run: (...args: A) => Promise<T>) => {
    return async (...args: A): Promise<T> => {
      if (link.isCut) throw new Error('cut')
      return run(...args)
    }
  }
  const far: Store = {
    load: via((name) => store.load(name)),
    merge: via((name, rows) => store.merge(name, rows)),
    compareAndSet: via((name, row, expected) => store.compareAndSet(name, row, expected)),
    remove: via((name) => store.remove(name)),
    sweep: async () => 0,
    close: async () => undefined,
  }
  return { link, far }
}

async function generationIn(store: Store): Promise<number> {
  return (await store.load('user:s:ann')).find(({ key }) => key === '$generation')?.stamp ?? 0
}

const rowsOf = async (store: Store, generation: number): Promise<string> =>
  JSON.stringify(await store.load(`user@${generation}:s:ann`))

/** Makes a process reload Ann from the store, and settle. */
async function reload({ live, clock }: App): Promise<void> {
  clock.advance(REFRESH)
  await live.user('ann')
  await live.settled()
}

describe('an erasure', () => {
  it('erases even values of a sign-in that another node announces later', async () => {
    const { bus, one, two } = await startCluster()
    const ann = one.visitor()
    await set(ann, { division: 4 })
    bus.isHeld = true
    await ann.fetch('/login/now?user=ann')
    await two.live.erase('ann')
    bus.isHeld = false
    for (const { live } of [one, two]) expect((await live.user('ann')).get('division')).toBe(-1)
  })

  it('keeps values of a later sign-in at a cut-off node', async () => {
    const store = memoryStore()
    const { bus, one, two } = await startCluster(() => ({ store, storeRefresh: REFRESH }))
    const guest = two.visitor()
    await set(guest, { division: 4 })
    await two.live.user('ann')
    bus.isCut = true
    await one.live.erase('ann')
    expect(await values(guest, '/login/now?user=ann')).toMatchObject({ division: 4 })
    await two.live.settled()
    one.clock.advance(REFRESH)
    expect(await values(one.visitor(guest.cookie))).toMatchObject({ division: 4 })
    await one.live.settled()
    expect(await rowsOf(store, await generationIn(store))).toContain('"division"')
  })

  it('keeps later values despite a swept $generation and an old cookie', async () => {
    const { clock } = await startWithUsers()
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
    const now = clock.now()
    await store.sweep(now - 100 * DAY, { guests: now - 100 * DAY, revocations: now - 365 * DAY })
    const next = await startWithUsers({ clock, options })
    const phone = next.visitor()
    await phone.fetch('/login/now?user=ann')
    await set(phone, { cart: ['bought'] })
    await next.live.settled()
    // koa-session's own cookie has expired, so the app signs the user in again.
    const again = next.visitor(laptop.cookie)
    await again.fetch('/login?user=ann')
    await again.fetch('/')
    expect((await next.live.user('ann')).get('cart')).toEqual(['bought'])
    expect(await values(phone)).toMatchObject({ cart: ['bought'] })
  })
})

describe('rows of a cut-off process', () => {
  it('written after a second erasure are deleted at the next load', async () => {
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
    for (let round = 0; round < 3; round += 1) await reload(one)
    expect(await rowsOf(store, first)).not.toContain('late')
  })

  it('written before an erasure are deleted by another process', async () => {
    const store = memoryStore()
    const { link, far } = linked(store)
    const { bus, clock, one, two } = await startCluster((node) => ({
      store: node === 1 ? store : far,
      storeRefresh: REFRESH,
      onError: () => undefined,
    }))
    bus.isCut = true
    link.isCut = true
    await one.live.erase('ann')
    const first = await generationIn(store)
    await (await one.live.user('ann')).set('cart', ['secret-thing'])
    await one.live.settled()
    await one.stop()
    clock.advance(1000)
    await two.live.erase('ann')
    link.isCut = false
    await two.live.settled()
    for (let round = 0; round < 2; round += 1) await reload(two)
    expect(await rowsOf(store, first)).not.toContain('secret-thing')
  })
})

it('a request begun before an erasure rejects its write as superseded', async () => {
  const store = memoryStore()
  const gate = new Gate()
  const { bus, clock, one, two } = await startCluster(
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
  bus.isCut = true
  const ann = two.visitor()
  await ann.fetch('/login/now?user=ann')
  await set(ann, { cart: ['x'] })
  await two.live.settled()
  const answer = ann.text('/slow')
  await gate.entered
  await one.live.erase('ann')
  clock.advance(REFRESH)
  // Like another request or a job, this makes the process load the user.
  await two.live.user('ann')
  const cart = async (): Promise<unknown> => (await two.live.user('ann')).get('cart')
  expect(await within(cart, (found) => isDeepStrictEqual(found, []))).toEqual([])
  gate.open()
  const said = await answer
  await two.live.settled()
  expect([said, await cart()]).toEqual(['superseded', []])
})

it('a process reloads a user after a cookie reveals an erasure', async () => {
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
  await values(two.visitor(ann.cookie))
  expect(coreOf(two.live).revocations.generation(userSubject('ann'))).toBeGreaterThan(0)
  const secret = async (): Promise<unknown> => (await two.live.user('ann')).get('secret')
  expect(await within(secret, (found) => found === 'new')).toBe('new')
})

it('a process learns of an erasure from a ticket', async () => {
  const { bus, one, two } = await startCluster()
  bus.isCut = true
  await (await two.live.user('ann')).set('role', 'former')
  await one.live.erase('ann')
  const ann = one.visitor()
  await ann.fetch('/login/now?user=ann')
  const socket = await ann.connect()
  await socket.change('division', 5)
  const session = appOnly(ann.cookie)
  const there = two.visitor(session.join('; '))
  expect((await there.store({ tickets: [present(socket.tickets.at(-1)).text] })).status).toBe(200)
  expect(await values(there)).toMatchObject({ division: 5, role: 'guest' })
})

it('a process restores a lost revocation in the store', async () => {
  const store = memoryStore()
  const one = await startWithUsers({ options: { store, storeRefresh: REFRESH } })
  await one.live.revoke('ann')
  await one.live.erase('bob')
  await one.live.settled()
  // A store with several connections may reorder two removals.
  for (const name of ['ann', 'bob']) await store.remove(`user:s:${name}`)
  one.clock.advance(REFRESH)
  for (const name of ['ann', 'bob']) await one.live.user(name)
  await one.live.settled()
  const ends = async (name: string) => (await store.load(`user:s:${name}`)).map(({ key }) => key).sort()
  expect([await ends('ann'), await ends('bob')]).toEqual([['$epoch'], ['$epoch', '$generation']])
})
