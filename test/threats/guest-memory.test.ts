import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore, testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import { coreOf } from '../../server/plugin.js'
import { storeKey } from '../../server/subjects/store-key.js'
import { browserSubject, userSubject } from '../../server/subjects/subject.js'
import type { JsonValue } from '../../shared/json.js'
import { App, type AppOptions } from '../support/app/app.js'
import { identify } from '../support/app/auth.js'
import { browserId } from '../support/app/browser-id.js'
import { present } from '../support/app/present.js'
import { SessionApp } from '../support/app/sessions.js'
import type { Visitor } from '../support/app/visitor.js'

const COUNTERS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'] as const
const number = { schema: z.number(), default: -1, client: 'write' } as const
const fields = defineFields({
  notes: { schema: z.array(z.string()), default: [], client: 'write', cookie: false },
  division: { ...number, maxBytes: 200 },
  ...Object.fromEntries(COUNTERS.map((key) => [key, { ...number, maxBytes: 100 }])),
})
type Given = Omit<AppOptions<typeof fields>, 'options' | 'fields'>
const LITTLE = 200_000
const STRANGERS = 40

/** 16 kB of JSON. */
const notes = (index: number): string[] => Array.from({ length: 16 }, (_, part) => `${index} ${part} `.padEnd(997, 'x'))

const subject = (index: number) => browserSubject(browserId(index))

async function start(options: object = {}, given: Given = {}) {
  const app = await App.start<typeof fields>({
    ...given,
    fields,
    options: { cache: { maxGuestBytes: LITTLE }, ...options },
  })
  const core = coreOf(app.live)
  const { values } = core
  const visitorOf = (index: number): Visitor => app.visitor(cookieFor(app.live, { browserId: browserId(index) }))
  /** Writes a value within the process. */
  const write = (index: number, key: string, value: JsonValue | undefined, id?: string): void => {
    const field = present(values.fields.get(key))
    values.write(new Map([[field, value]]), { subject: () => subject(index) }, 'socket', id ? { id } : undefined)
  }
  const valueIn = (index: number, key: string) => values.find(subject(index))?.value(key)
  /** POSTs 16 kB for each of the strangers, from this number on. */
  const flood = async (from = 0): Promise<void> => {
    for (let index = from; index < from + STRANGERS; index += 1)
      expect((await visitorOf(index).store({ set: [['notes', -1, '', notes(index)]] })).status).toBe(200)
  }
  const bytes = (): number =>
    Array.from(core.memory.entries(), ({ replica }) => replica.bytes).reduce((sum, each) => sum + each, 0)
  return { app, core, visitorOf, write, valueIn, flood, bytes }
}

describe('threat 57: countless guests', () => {
  it('stay within maxGuestBytes; the newest keep their values', async () => {
    const { flood, bytes, valueIn } = await start({ cache: { maxVisitors: 1_000_000, maxGuestBytes: LITTLE } })
    await flood()
    expect(bytes()).toBeGreaterThan(LITTLE / 2)
    expect(bytes()).toBeLessThan(LITTLE)
    expect(valueIn(STRANGERS - 1, 'notes')).toEqual(notes(STRANGERS - 1))
    expect(valueIn(0, 'notes')).toBeUndefined()
  })

  it('evict neither users nor guests with open sockets', async () => {
    const { app, core, flood, visitorOf, valueIn } = await start()
    for (let id = 0; id < 20; id += 1) await (await app.live.user(id)).set('notes', notes(id))
    const socket = await visitorOf(99).connect()
    expect(await socket.change('notes', ['mine'])).toHaveProperty('stamp')
    await flood()
    for (let id = 0; id < 20; id += 1) expect(core.values.find(userSubject(id))?.value('notes')).toHaveLength(16)
    expect(valueIn(99, 'notes')).toEqual(['mine'])
  })

  it('count by their current values, not by their writes', async () => {
    const { core, write } = await start()
    const { memory } = core
    for (let index = 0; index < 5; index += 1) write(index, 'notes', notes(index))
    for (let time = 0; time < 100; time += 1) {
      write(1, 'notes', notes(time))
      write(2, 'notes', undefined)
      write(2, 'notes', notes(time))
      memory.erase(subject(3))
      write(3, 'notes', notes(time))
      memory.pin(subject(4))
      write(4, 'notes', notes(time))
      memory.unpin(subject(4))
    }
    expect(memory.counts.browsers).toBe(5)
  })

  it('leave a bounded write queue while the store is down', async () => {
    const store = memoryStore()
    const { app, core, flood } = await start({ store, storeTimeout: 20 })
    store.fail(Number.POSITIVE_INFINITY)
    await flood()
    const { unsaved } = present(core.store)
    const waiting = Array.from({ length: STRANGERS }, (_, index) => unsaved.of(subject(index)))
    expect(JSON.stringify(waiting).length).toBeLessThan(LITTLE)
    expect(waiting.at(-1)).toMatchObject([{ key: 'notes' }])
    expect(app.errors.map((error) => [Reflect.get(Object(error), 'code'), String(error)])).toContainEqual([
      'store_unavailable',
      expect.stringContaining('they exceeded cache.maxGuestBytes'),
    ])
    store.fail(0)
    await app.visitor(cookieFor(app.live, {})).store()
    await app.live.settled()
    expect(unsaved.size).toBe(0)
  })

  it('on their return store values that the queue has dropped', async () => {
    const store = memoryStore()
    const { app, core, flood, visitorOf, valueIn } = await start({ store, storeTimeout: 20 })
    const stored = async () => (await store.load(storeKey(subject(0)))).map(({ key, value }) => [key, value])
    store.fail(Number.POSITIVE_INFINITY)
    const visitor = visitorOf(0)
    const socket = await visitor.connect()
    expect(await socket.change('division', 7)).toMatchObject({ level: 'memory' })
    await flood(1)
    expect(core.store?.unsaved.of(subject(0))).toEqual([])
    expect(valueIn(0, 'division')).toBe(7)
    store.fail(0)
    expect(await stored()).toEqual([])
    await visitor.store()
    await app.live.settled()
    expect(await stored()).toEqual([['division', 7]])
  })
})

describe('threat 84: flash messages of countless guests', () => {
  it('share the bound of guests’ values; the oldest are evicted', async () => {
    const { write, valueIn, visitorOf } = await start(
      {},
      {
        routes: async (ctx) => {
          if (ctx.path === '/say')
            for (let at = 0; at < 10; at += 1) await ctx.liveSession.flash(`${at}`.padEnd(950, 'x'))
          else ctx.body = (await ctx.liveSession.takeFlash()).length
        },
      },
    )
    const count = async (index: number) => (await visitorOf(index).fetch('/take')).json()
    write(0, 'notes', notes(0))
    for (let index = 0; index < 40; index += 1) await visitorOf(index).fetch('/say')
    expect([await count(0), await count(39)]).toEqual([0, 10])
    expect(valueIn(0, 'notes')).toBeUndefined()
  })
})

describe('threat 85: sessions of countless guests', () => {
  const startSessions = (given: object = {}) =>
    SessionApp.start({ options: { identify, cache: { maxGuestBytes: LITTLE }, ...given } as never })

  it('are evicted with one warning, except users’ and connected sessions', async () => {
    const values = await startSessions()
    const user = await values.withSession({ user: 'ann' })
    const connected = await values.withSession({ cart: ['mine'] })
    await values.connect(connected)
    await values.read(user)
    const old = await values.withSession({ cart: ['old'] })
    for (let index = 0; index < 20; index += 1) await values.withSession({ notes: notes(index) })
    const last = await values.withSession({ cart: ['new'] })
    expect(await Promise.all([user, connected, old, last].map((visitor) => values.read(visitor)))).toEqual([
      { user: 'ann' },
      { cart: ['mine'] },
      {},
      { cart: ['new'] },
    ])
    const warning = 'live.sessionStore() has let go of sessions of guests'
    expect(values.app.warnings.filter((text) => text.includes(warning))).toHaveLength(1)
  })

  it('leave a bounded write queue, which keeps users’ sessions', async () => {
    const store = memoryStore()
    const values = await startSessions({ store, storeTimeout: 20 })
    const user = await values.withSession({ user: 'ann' })
    await values.read(user)
    store.fail(Number.POSITIVE_INFINITY)
    await values.write(user, { cart: ['hers'] })
    for (let index = 0; index < 20; index += 1) await values.withSession({ notes: notes(index) })
    expect(coreOf(values.app.live).store?.unsaved.size).toBeLessThan(10)
    store.fail(0)
    await values.withSession({ cart: ['new'] })
    await values.app.live.settled()
    const other = await startSessions({ store })
    expect(await other.read(other.visitor(user.cookie))).toEqual({ user: 'ann', cart: ['hers'] })
  })
})

describe('threat 86: pairs of valid guest cookies in a request', () => {
  const flood = async (app: App<typeof fields>, count: number) => {
    for (let index = 1; index <= count; index += 1) {
      const pair = [index, 1000 + index].map((id) => cookieFor(app.live, { browserId: browserId(id) }))
      await fetch(`${app.url}/`, { headers: { cookie: pair.join('; ') } })
    }
  }
  const routes: Given['routes'] = (ctx) => {
    ctx.body = ctx.liveSession.get('division')
  }

  it('leave at most a revocation per guest in a store', async () => {
    const store = memoryStore()
    const { app, core, visitorOf } = await start({ store }, { routes })
    await visitorOf(2).store({ set: [['division', -1, '', 1]] })
    await flood(app, 3)
    await app.live.settled()
    const rows = (id: number) => store.load(storeKey(subject(id)))
    expect([await rows(1), await rows(1001), await rows(1002)]).toEqual([[], [], []])
    expect(await rows(2)).toMatchObject([{ key: '$epoch' }])
    expect(core.ends.isRetired(subject(1))).toBe(true)
  })

  it('leave a bounded number of revocations, and keep users’ own', async () => {
    const { ends } = (await start()).core
    ends.retire(subject(-1), undefined, true)
    for (let index = 0; index < 2500; index += 1) ends.retire(subject(index), undefined)
    expect([-1, 0, 2499].map((index) => ends.isRetired(subject(index)))).toEqual([true, false, true])
  })

  it('leave a bounded write queue while the store is down', async () => {
    const store = memoryStore()
    const { app, core } = await start({ store, storeTimeout: 20, cache: { maxGuestBytes: 20_000 } }, { routes })
    store.fail(Number.POSITIVE_INFINITY)
    await flood(app, 40)
    expect(core.store?.unsaved.size).toBeLessThan(40)
    store.fail(0)
  })
})

describe('threat 90: the ids of a guest\u2019s updates', () => {
  it('have one bound for all keys together in a store', async () => {
    const clock = testClock()
    const store = memoryStore(clock.now)
    const options = { store, limits: { changesPerSocket: 1e6, changesPerVisitor: 1e6 } }
    const { app, write, visitorOf } = await start(options, { clock })
    for (let at = 0; at < 200; at += 1) for (const key of COUNTERS) write(0, key, at, `${key}-${at}`.padEnd(32, 'x'))
    await visitorOf(0).store()
    await app.live.settled()
    const stored = JSON.stringify(await store.load(storeKey(subject(0))))
    expect(stored.length).toBeLessThan(40_000)
    expect(stored).toContain('a-199')
  })
})

describe('threat 91: countless guests with open sockets', () => {
  it('stay within the bound; the oldest keep only their cookies’ values', async () => {
    const { bytes, visitorOf, valueIn } = await start()
    for (let index = 0; index < 16; index += 1) {
      const socket = await visitorOf(index).connect()
      expect(await socket.change('division', index)).toHaveProperty('stamp')
      expect(await socket.change('notes', notes(index))).toHaveProperty('stamp')
    }
    expect(bytes()).toBeLessThan(LITTLE)
    expect([0, 15].map((index) => valueIn(index, 'division'))).toEqual([0, 15])
    expect([0, 15].map((index) => valueIn(index, 'notes'))).toEqual([undefined, notes(15)])
  })
})
