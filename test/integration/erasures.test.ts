import { expect, it } from '@jest/globals'
import { memoryStore } from 'koa-live-session/testing'
import { startCluster } from '../support/cluster.js'
import { set, values } from '../support/users.js'

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
