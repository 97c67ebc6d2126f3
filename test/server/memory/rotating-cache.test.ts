import { describe, expect, it } from '@jest/globals'
import { testClock } from 'koa-live-session/testing'
import { RotatingCache } from '../../../server/memory/rotating-cache.js'

describe.each([
  ['node-cache', RotatingCache.onNodeCache<number>],
  ['a Map', RotatingCache.onMap<number>],
])('a rotating cache on %s', (_, create) => {
  let evictions = 0
  const onDrop = (): void => {
    evictions += 1
  }
  const make = (max: number) => create({ max, maxIdle: Number.POSITIVE_INFINITY, clock: testClock().now, onDrop })

  it('evicts the least recently read entries', () => {
    const things = make(10)
    things.set('user:asked', 1)
    things.set('user:forgotten', 2)
    for (let i = 0; i < 100; i += 1) {
      things.set(`user:${i}`, i)
      things.get('user:asked')
    }
    expect(things.get('user:asked')).toBe(1)
    expect(things.get('user:forgotten')).toBeUndefined()
  })

  it('reports evictions: rotations, which may drop entries', () => {
    const things = make(4)
    things.set('user:a', 1)
    const before = evictions
    things.set('user:b', 2)
    things.set('user:a', 3)
    expect(evictions).toBe(before)
    things.set('user:c', 4)
    expect(evictions).toBe(before + 1)
  })

  it('evicts a single entry on demand, and counts a rotation', () => {
    const things = make(4)
    for (const name of ['a', 'b', 'c', 'd']) things.set(`user:${name}`, 1)
    const before = evictions
    things.evict('user:a')
    expect(evictions).toBe(before + 1)
    expect([...things.entries()].map(([name]) => name)).toEqual(['user:b', 'user:c', 'user:d'])
  })
})
