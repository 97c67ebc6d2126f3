import { afterEach, describe, expect, it } from '@jest/globals'
import Koa from 'koa'
import { type LiveSessionOptions, liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../../support/app/app.js'
import { Bus } from '../../support/app/bus.js'
import { fastTime } from '../../support/app/fast-time.js'
import { Gate } from '../../support/app/gate.js'
import { type Fate, type LosingStore, losingStore } from '../../support/app/losing-store.js'
import { fc } from '../../support/app/property.js'
import { atScale } from '../../support/app/scale.js'

fastTime(10)

const fields = defineFields({
  items: { schema: z.array(z.string()), default: [] },
  note: { schema: z.string(), default: '' },
})
const SUBJECT = 'user:s:ann'

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function startUser(store: LosingStore, options: Partial<LiveSessionOptions<typeof fields>> = {}) {
  const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
  const live = liveSession(app, { fields, store, storeTimeout: 1, onError: () => undefined, ...options })
  ends.push(() => live.close())
  const ann = await live.user('ann')
  return { live, ann, add: (item: string) => ann.update('items', (items = []) => [...items, item]) }
}
/** Starts a process, and returns how it adds to a user’s list. */
async function start(store: LosingStore, clock = testClock().now): Promise<(item: string) => Promise<unknown>> {
  return (await startUser(store, { clock })).add
}

async function stored(store: LosingStore): Promise<unknown> {
  await store.settle()
  const [register] = await store.load(SUBJECT)
  return register?.value
}

it('an update without sockets is in memory after it is stored', async () => {
  const { ann, add } = await startUser(losingStore(), { storeTimeout: 1000 })
  await add('a')
  expect(ann.get('items')).toEqual(['a'])
})

describe('an update without the store’s answer', () => {
  it('applies once, even before a slow write completes', async () => {
    const store = losingStore()
    const { live, ann } = await startUser(store)
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

  it.each<Fate>(['lost', 'silent', 'slow'])('reaches other processes: %s', async (fate) => {
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

  it('waits until the store works again, and keeps concurrent changes', async () => {
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

  it('is neither lost nor applied twice', async () => {
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
