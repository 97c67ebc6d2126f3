import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import { storeName } from '../../server/kernel/names/stored-name.js'
import { browserSubject, userSubject } from '../../server/kernel/names/subject.js'
import type { Core } from '../../server/kernel/seams/core.js'
import { coreOf } from '../../server/plugin.js'
import type { JsonValue } from '../../shared/json.js'
import { App } from '../support/app/app.js'
import { browserId } from '../support/app/browser-id.js'
import { present } from '../support/app/present.js'
import { atScale } from '../support/app/scale.js'

const fields = defineFields({
  notes: { schema: z.array(z.string()), default: [], client: 'write', cookie: false },
  division: { schema: z.number(), default: -1, client: 'write' },
})
const MB = 1_000_000
const LITTLE = 200_000
const STRANGERS = 40
/** Guests within the process, and bytes for them: far fewer than they have. */
const GUESTS = atScale(2000, 24_000)
const ROOM = atScale(8, 64) * MB

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** 16 kB of JSON, in few parts or in many. */
const notes = (index: number, parts = 16): string[] =>
  Array.from({ length: parts }, (_, part) => `${index} ${part} `.padEnd(16_000 / parts - 3, 'x'))

const start = (options: object): Promise<App<typeof fields>> => App.start<typeof fields>({ fields, options })

/** So many guests with cookies of their own, from that number on, who each store that much by a POST. */
async function flood(app: App<typeof fields>, from = 0): Promise<number[]> {
  const statuses: number[] = []
  for (let index = from; index < from + STRANGERS; index += 1) {
    const visitor = app.visitor(cookieFor(app.live, { browserId: browserId(index) }))
    statuses.push((await visitor.store({ set: [['notes', -1, '', notes(index)]] })).status)
  }
  return statuses
}

/** Bytes that guests take in the cache. */
function bytesOf({ subjects }: Core): number {
  return Array.from(subjects.residents(), ({ replica }) => replica.bytes).reduce((sum, bytes) => sum + bytes, 0)
}

describe('threat 57: strangers without number, who each store much', () => {
  it.each([
    ['', {}],
    [', where many more subjects would have room', { maxSubjects: 1_000_000 }],
  ])('take no more memory than guests may, and the newest keep what they have%s', async (_, cache) => {
    const app = await start({ cache: { ...cache, maxGuestBytes: LITTLE } })
    const core = coreOf(app.live)
    expect(new Set(await flood(app))).toEqual(new Set([200]))
    expect(bytesOf(core)).toBeGreaterThan(LITTLE / 2)
    expect(bytesOf(core)).toBeLessThan(LITTLE)
    expect(core.sessions.find(browserSubject(browserId(STRANGERS - 1)))?.value('notes')).toEqual(notes(STRANGERS - 1))
    expect(core.sessions.find(browserSubject(browserId(0)))).toBeUndefined()
  })

  it('take it from no user, and from no guest whose socket is open', async () => {
    const app = await start({ cache: { maxGuestBytes: LITTLE } })
    const core = coreOf(app.live)
    for (let id = 0; id < 20; id += 1) await (await app.live.user(id)).set('notes', notes(id))
    const socket = await app.visitor(cookieFor(app.live, { browserId: browserId('open') })).connect()
    expect(await socket.change('notes', ['mine'])).toHaveProperty('stamp')
    await flood(app)
    for (let id = 0; id < 20; id += 1) expect(core.sessions.find(userSubject(id))?.value('notes')).toHaveLength(16)
    expect(core.sessions.find(browserSubject(browserId('open')))?.value('notes')).toEqual(['mine'])
  })

  it('are counted by what is there: one who writes again and again takes no room of others', async () => {
    const app = await start({ cache: { maxGuestBytes: LITTLE } })
    const { sessions, subjects } = coreOf(app.live)
    const field = sessions.fields.get('notes')
    if (!field) throw new Error('never')
    const write = (index: number, value: JsonValue | undefined): void =>
      void sessions.write(new Map([[field, value]]), { subject: () => browserSubject(browserId(index)) }, 'request')
    for (let index = 0; index < 5; index += 1) write(index, notes(index))
    for (let time = 0; time < 100; time += 1) write(1, notes(time))
    for (let time = 0; time < 100; time += 1) {
      write(2, undefined)
      write(2, notes(time))
      subjects.erase(browserSubject(browserId(3)))
      write(3, notes(time))
      subjects.hold(browserSubject(browserId(4)))
      write(4, notes(time))
      subjects.release(browserSubject(browserId(4)))
    }
    expect(subjects.cached.browsers).toBe(5)
  })

  it('leave no more to a store that is down than guests may, which onError is told, and all is well once it is back', async () => {
    const store = memoryStore()
    const app = await start({ store, storeTimeout: 20, cache: { maxGuestBytes: LITTLE } })
    const core = coreOf(app.live)
    store.fail(Number.POSITIVE_INFINITY)
    expect(new Set(await flood(app))).toEqual(new Set([200]))
    const waiting = Array.from({ length: STRANGERS }, (_, index) =>
      present(core.store).unsaved.of(browserSubject(browserId(index))),
    )
    expect(JSON.stringify(waiting).length).toBeLessThan(LITTLE)
    expect(waiting.at(-1)).toMatchObject([{ key: 'notes' }])
    expect(app.errors.map((error) => [Reflect.get(Object(error), 'code'), String(error)])).toContainEqual([
      'store_unavailable',
      expect.stringContaining('more waits than cache.maxGuestBytes'),
    ])
    store.fail(0)
    await app.visitor(cookieFor(app.live, {})).store()
    await app.live.settled()
    expect(core.store?.unsaved.size).toBe(0)
  })

  it('have what the store was not told of stored once they come again, where it is in memory still', async () => {
    const store = memoryStore()
    const app = await start({ store, storeTimeout: 20, cache: { maxGuestBytes: LITTLE } })
    const core = coreOf(app.live)
    const subject = browserSubject(browserId(0))
    const stored = async () => (await store.load(storeName(subject))).map(({ key, value }) => [key, value])
    store.fail(Number.POSITIVE_INFINITY)
    const visitor = app.visitor(cookieFor(app.live, { browserId: browserId(0) }))
    const socket = await visitor.connect()
    expect(await socket.change('division', 7)).toMatchObject({ level: 'memory' })
    // Of others: that guest comes again below.
    await flood(app, 1)
    expect(core.store?.unsaved.of(subject)).toEqual([])
    expect(core.sessions.find(subject)?.value('division')).toBe(7)
    store.fail(0)
    expect(await stored()).toEqual([])
    await visitor.store()
    await app.live.settled()
    expect(await stored()).toEqual([['division', 7]])
  })

  it.each([
    ['in few parts', 16],
    ['in many', 1000],
  ])('leave little of them on the heap, with all that remembers their cookies, where it is %s', async (_, parts) => {
    const app = await start({ cache: { maxGuestBytes: ROOM } })
    const core = coreOf(app.live)
    const field = core.sessions.fields.get('notes')
    if (!field) throw new Error('never')
    collect()
    const before = process.memoryUsage().heapUsed
    for (let index = 0; index < GUESTS; index += 1) {
      const cookie = core.cookie.read({ headers: { cookie: cookieFor(app.live, { browserId: browserId(index) }) } })
      const { visitor } = core.identities.recognize(core.identities.take(cookie, undefined), undefined, { headers: {} })
      core.sessions.write(new Map([[field, notes(index, parts)]]), visitor, 'request')
      core.identities.recognize(core.identities.take(cookie, undefined), undefined, { headers: {} })
    }
    collect()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(2.5 * ROOM)
  })

  it('have no more rows in a store, each of them, than the fields have room for', async () => {
    const store = memoryStore()
    const app = await start({ store })
    const visitor = app.visitor(cookieFor(app.live, { browserId: browserId(0) }))
    const set = [
      ['notes', -1, '', notes(0)],
      ['division', -1, '', 1],
    ]
    expect((await visitor.store({ set })).status).toBe(200)
    const refused = async (key: string, value: unknown) =>
      (await (await visitor.store({ set: [[key, -1, '', value]] })).json()).results
    for (const key of ['more', '$epoch', '__proto__'])
      expect(await refused(key, 1)).toEqual([{ code: 'undeclared_key' }])
    expect(await refused('notes', notes(0, 2000))).toEqual([{ code: 'too_large' }])
    await app.live.settled()
    const rows = await store.load(storeName(browserSubject(browserId(0))))
    expect(rows.map(({ key }) => key)).toEqual(['notes', 'division'])
    expect(JSON.stringify(rows).length).toBeLessThan(27_000)
  })
})
