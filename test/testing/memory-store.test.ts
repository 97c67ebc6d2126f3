import { describe, expect, it } from '@jest/globals'
import { memoryStore, storeContract, testClock } from 'koa-live-session/testing'

const DAY = 24 * 60 * 60 * 1000

describe('memoryStore', () => {
  const shared = memoryStore()
  for (const { name, run } of storeContract(async () => shared)) it(name, run)

  it('sweeps guests sooner than users, and never later', async () => {
    const clock = testClock()
    const store = memoryStore(clock.now)
    for (const subject of ['browser:b', 'user:s:ann']) await store.merge(subject, [{ key: 'a', stamp: 1 }])
    clock.advance(1000)
    expect(await store.sweep(clock.now() - 2000, { guests: clock.now() })).toBe(1)
    expect([await store.load('browser:b'), await store.load('user:s:ann')]).toMatchObject([[], [{ key: 'a' }]])
    await store.merge('browser:b', [{ key: 'a', stamp: 1 }])
    clock.advance(1000)
    expect(await store.sweep(clock.now(), { guests: clock.now() - 5000 })).toBe(2)
  })

  it('fails a given number of calls, without writing', async () => {
    const store = memoryStore()
    store.fail()
    await expect(store.merge('s', [{ key: 'a', stamp: 1 }])).rejects.toThrow('memoryStore: fails, as it was told to')
    expect(await store.load('s')).toEqual([])
    store.fail(2)
    await expect(store.load('s')).rejects.toThrow()
    await expect(store.compareAndSet('s', { key: 'a', stamp: 1 }, 0)).rejects.toThrow()
    expect(await store.load('s')).toEqual([])
    store.fail(Number.POSITIVE_INFINITY)
    for (let turn = 0; turn < 5; turn += 1) await expect(store.sweep(0)).rejects.toThrow()
    store.fail(0)
    expect(await store.sweep(0)).toBe(0)
  })

  it('delays a call without holding up a later call', async () => {
    const store = memoryStore()
    const order: string[] = []
    store.delay(20)
    const slow = store.merge('s', [{ key: 'a', stamp: 1 }]).then(() => order.push('slow'))
    store.delay(0)
    await store.load('s').then((registers) => order.push(`fast, ${registers.length} there`))
    await slow
    expect(order).toEqual(['fast, 0 there', 'slow'])
    expect(await store.load('s')).toHaveLength(1)
  })

  it('sweeps by its given clock', async () => {
    const clock = testClock()
    const store = memoryStore(clock.now)
    await store.merge('old', [{ key: 'a', stamp: 1 }])
    await store.merge('read', [{ key: 'a', stamp: 1 }])
    clock.advance(100 * DAY)
    await store.load('read')
    expect(await store.sweep(clock.now())).toBe(1)
    expect([await store.load('old'), await store.load('read')]).toEqual([[], [{ key: 'a', stamp: 1 }]])
  })
})
