import { afterEach, describe, expect, it } from '@jest/globals'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../../support/app/app.js'
import { Bus } from '../../support/app/bus.js'
import { Gate } from '../../support/app/gate.js'
import { type Fate, type LosingStore, losingStore } from '../../support/app/losing-store.js'
import { fc } from '../../support/app/property.js'
import { atScale } from '../../support/app/scale.js'

const fields = defineFields({
  items: { schema: z.array(z.string()), default: [] },
  note: { schema: z.string(), default: '' },
})
const SUBJECT = 'user:s:ann'

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

/** A process that adds to what a user has. */
async function start(store: LosingStore, clock = testClock().now): Promise<(item: string) => Promise<unknown>> {
  const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
  const live = liveSession(app, { fields, store, storeTimeout: 1, clock, onError: () => undefined })
  ends.push(() => live.close())
  const ann = await live.user('ann')
  return (item) => ann.update('items', (items = []) => [...items, item])
}

async function stored(store: LosingStore): Promise<unknown> {
  await store.settle()
  const [register] = await store.load(SUBJECT)
  return register?.value
}

describe('an update of a process without sockets', () => {
  it('is in memory once the store has it', async () => {
    const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
    const live = liveSession(app, { fields, store: losingStore() })
    ends.push(() => live.close())
    const ann = await live.user('ann')
    await ann.update('items', (items = []) => [...items, 'a'])
    expect(ann.get('items')).toEqual(['a'])
  })
})

describe('an update whose answer of the store is lost', () => {
  it.each<[string, Fate]>([
    ['it was done, and the connection is lost', 'lost'],
    ['it was done, and the store does not say so', 'silent'],
    ['the connection broke before it', 'broken'],
    ['it is done as it is tried again', 'slow'],
    ['it is done after all that was asked next', 'late'],
  ])('is done once: %s', async (_, fate) => {
    const store = losingStore()
    const add = await start(store)
    await add('a')
    store.fates.push(fate)
    expect(await add('b')).toMatchObject({ level: 'store' })
    expect(await stored(store)).toEqual(['a', 'b'])
  })

  it('is done once where another process has gone on from it', async () => {
    const store = losingStore()
    const [one, two] = [await start(store), await start(store)]
    store.fates.push('silent')
    await Promise.all([one('a'), two('b')])
    expect(await stored(store)).toEqual(['a', 'b'])
  })

  it('is done once where the store then does not answer to another write in time', async () => {
    const store = losingStore()
    const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
    const live = liveSession(app, { fields, store, storeTimeout: 1, onError: () => undefined })
    ends.push(() => live.close())
    const ann = await live.user('ann')
    const { merge } = store
    const gate = new Gate()
    store.merge = async (...write) => {
      await gate.pass()
      return merge(...write)
    }
    store.fates.push('slow')
    let attempts = 0
    await ann.update('items', (items = []) => {
      attempts += 1
      if (attempts === 2) void ann.set('note', 'x')
      return [...items, 'a']
    })
    const added = ann.get('items')
    gate.open()
    await live.settled()
    expect([added, await stored(store)]).toEqual([['a'], ['a']])
  })

  it.each<Fate>(['lost', 'silent', 'slow'])('is told to the other processes: %s', async (fate) => {
    const store = losingStore()
    const bus = new Bus()
    const options = { store, storeTimeout: 1, onError: () => undefined }
    const apps = [await App.start({ fields, options }), await App.start({ fields, options })]
    for (const { io } of apps) bus.join(io)
    const [one, two] = await Promise.all(apps.map(({ live }) => live.user('ann')))
    store.fates.push(fate)
    await one?.update('items', (items = []) => [...items, 'a'])
    expect(two?.get('items')).toEqual(['a'])
  })

  it('waits until the store answers, and takes nothing from what others have added meanwhile', async () => {
    const store = losingStore()
    const clock = testClock()
    const { now } = clock
    const add = await start(store, () => {
      clock.advance(10)
      return now()
    })
    await add('a')
    const { load, merge } = store
    const down = async (): Promise<never> => {
      throw new Error('down')
    }
    const other = await start(store, () => now() - 10_000)
    store.fates.push('lost')
    Object.assign(store, { load: down, merge: down })
    const added = add('b')
    Object.assign(store, { load, merge })
    await other('c')
    expect(await added).toMatchObject({ level: 'store' })
    expect(await stored(store)).toEqual(['a', 'b', 'c'])
  })

  it('is never lost and never done twice, whatever is lost, of two processes', async () => {
    const fate = fc.constantFrom<Fate>('done', 'lost', 'silent', 'broken', 'slow', 'late')
    const updates = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(fc.array(fate, { maxLength: 8 }), updates, async (fates, byFirst) => {
        const store = losingStore()
        const [one, two] = [await start(store), await start(store)]
        store.fates.push(...fates)
        const items = byFirst.map((_, index) => String(index))
        await Promise.all(items.map((item, index) => (byFirst[index] ? one : two)(item)))
        const value = await stored(store)
        expect(Array.isArray(value) && value.toSorted()).toEqual(items)
        for (const end of ends.splice(0)) await end()
      }),
      { numRuns: atScale(30, 100) },
    )
  })
})
