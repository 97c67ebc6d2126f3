import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore, testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import { storeName } from '../../server/kernel/names/stored-name.js'
import { browserSubject } from '../../server/kernel/names/subject.js'
import { coreOf } from '../../server/plugin.js'
import { App, type AppOptions } from '../support/app/app.js'
import { identify } from '../support/app/auth.js'
import { browserId } from '../support/app/browser-id.js'
import { SessionApp } from '../support/app/sessions.js'

const numbers = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'] as const
const number = { schema: z.number(), default: -1, client: 'write' } as const
const fields = defineFields({
  notes: { schema: z.array(z.string()), default: [], client: 'write', cookie: false },
  division: { ...number, maxBytes: 200 },
  ...Object.fromEntries(numbers.map((key) => [key, { ...number, maxBytes: 100 }])),
})
const LITTLE = 200_000
const notes = (index: number): string[] =>
  Array.from({ length: 16 }, (_, part) => `${index} ${part} `.padEnd(1000, 'x'))
const subject = (index: number) => browserSubject(browserId(index))

const start = (options: object, given: Omit<AppOptions<typeof fields>, 'options' | 'fields'> = {}) =>
  App.start<typeof fields>({ ...given, fields, options: { cache: { maxGuestBytes: LITTLE }, ...options } })

describe('threat 57: what a value is taken to weigh', () => {
  it('is within a quarter of what V8 takes', async () => {
    const args = ['--expose-gc', '--import', 'tsx', 'test/threats/weights.ts']
    const { stdout } = await promisify(execFile)(process.execPath, args)
    const taken: [shape: string, bytes: number][] = JSON.parse(stdout)
    expect(taken).toHaveLength(3)
    expect(taken.filter(([, bytes]) => !(bytes > 0.75 && bytes < 1.25))).toEqual([])
  })
})

describe('threat 84: flash messages of guests without number', () => {
  it('are let go, the oldest first, together with all else that guests have left', async () => {
    const app = await start(
      {},
      {
        routes: async (ctx) => {
          if (ctx.path === '/say')
            for (let at = 0; at < 10; at += 1) await ctx.liveSession.flash(`${at}`.padEnd(950, 'x'))
          else ctx.body = (await ctx.liveSession.takeFlash()).length
        },
      },
    )
    const ask = (index: number, path: string) =>
      fetch(app.url + path, { headers: { cookie: cookieFor(app.live, { browserId: browserId(index) }) } })
    const count = async (index: number) => (await ask(index, '/take')).json()
    const { sessions } = coreOf(app.live)
    sessions.write(new Map([[fieldOf(app), notes(0)]]), { subject: () => subject(0) }, 'request')
    for (let index = 0; index < 40; index += 1) await ask(index, '/say')
    expect([await count(0), await count(39)]).toEqual([0, 10])
    expect(sessions.find(subject(0))).toBeUndefined()
  })
})

describe('threat 85: sessions of guests without number, and no store', () => {
  it('are let go, the least recently used first, which is told once, and none that a user or a socket has', async () => {
    const sessions = await SessionApp.start({ options: { identify, cache: { maxGuestBytes: LITTLE } } as never })
    const user = await sessions.withSession({ user: 'ann' })
    const connected = await sessions.withSession({ cart: ['mine'] })
    await sessions.connect(connected)
    await sessions.read(user)
    const old = await sessions.withSession({ cart: ['old'] })
    for (let index = 0; index < 20; index += 1) await sessions.withSession({ notes: notes(index) })
    const last = await sessions.withSession({ cart: ['new'] })
    expect(await Promise.all([user, connected, old, last].map((visitor) => sessions.read(visitor)))).toEqual([
      { user: 'ann' },
      { cart: ['mine'] },
      {},
      { cart: ['new'] },
    ])
    const told = 'live.sessionStore() has let go of sessions of guests'
    expect(sessions.app.warnings.filter((text) => text.includes(told))).toHaveLength(1)
  })

  it('wait for a store that is down no longer than there is room for, and those of users do', async () => {
    const store = memoryStore()
    const options = { identify, store, storeTimeout: 20, cache: { maxGuestBytes: LITTLE } } as never
    const sessions = await SessionApp.start({ options })
    const user = await sessions.withSession({ user: 'ann' })
    await sessions.read(user)
    store.fail(Number.POSITIVE_INFINITY)
    await sessions.write(user, { cart: ['hers'] })
    for (let index = 0; index < 20; index += 1) await sessions.withSession({ notes: notes(index) })
    expect(coreOf(sessions.app.live).store?.unsaved.size).toBeLessThan(10)
    store.fail(0)
    await sessions.withSession({ cart: ['new'] })
    await sessions.app.live.settled()
    const other = await SessionApp.start({ options })
    expect(await other.read(other.visitor(user.cookie))).toEqual({ user: 'ann', cart: ['hers'] })
  })
})

describe('threat 86: pairs of valid cookies of guests in one request', () => {
  const pair = (app: App<typeof fields>, index: number) =>
    [index, 1000 + index].map((id) => cookieFor(app.live, { browserId: browserId(id) })).join('; ')
  const flood = async (app: App<typeof fields>, count: number) => {
    for (let index = 1; index <= count; index += 1)
      await fetch(`${app.url}/`, { headers: { cookie: pair(app, index) } })
  }
  const routes: AppOptions<typeof fields>['routes'] = (ctx) => {
    ctx.body = ctx.liveSession.get('division')
  }

  it('leave nothing in a store of guests who had nothing there, and nothing of those who had but the end', async () => {
    const store = memoryStore()
    const app = await start({ store }, { routes })
    const cookie = cookieFor(app.live, { browserId: browserId(2) })
    await app.visitor(cookie).store({ set: [['division', -1, '', 1]] })
    await flood(app, 3)
    await app.live.settled()
    const rows = (id: number) => store.load(storeName(browserSubject(browserId(id))))
    expect([await rows(1), await rows(1001), await rows(1002)]).toEqual([[], [], []])
    expect(await rows(2)).toMatchObject([{ key: '$epoch' }])
    expect(coreOf(app.live).epochs.isGivenUp(subject(1))).toBe(true)
  })

  it('leave no more in memory than guests may, where what a user has ended stays', async () => {
    const app = await start({})
    const { epochs } = coreOf(app.live)
    epochs.giveUp(subject(-1), undefined, true)
    for (let index = 0; index < 2500; index += 1) epochs.giveUp(subject(index), undefined)
    expect([-1, 0, 2499].map((index) => epochs.isGivenUp(subject(index)))).toEqual([true, false, true])
  })

  it('wait for a store that is down no longer than there is room for', async () => {
    const store = memoryStore()
    const app = await start({ store, storeTimeout: 20, cache: { maxGuestBytes: 20_000 } }, { routes })
    store.fail(Number.POSITIVE_INFINITY)
    await flood(app, 40)
    expect(coreOf(app.live).store?.unsaved.size).toBeLessThan(40)
    store.fail(0)
  })
})

describe('threat 90: the ids of a guest\u2019s updates', () => {
  it('take no more in a store than the values may, however many keys have some', async () => {
    const clock = testClock()
    const store = memoryStore(clock.now)
    const options = { store, limits: { changesPerSocket: 1e6, changesPerSubject: 1e6 } }
    const app = await start(options, { clock })
    const visitor = app.visitor(cookieFor(app.live, { browserId: browserId(0) }))
    const { sessions } = coreOf(app.live)
    for (let at = 0; at < 200; at += 1)
      for (const key of numbers) {
        const field = sessions.fields.get(key)
        if (!field) throw new Error('never')
        const id = `${key}-${at}`.padEnd(32, 'x')
        sessions.write(new Map([[field, at]]), { subject: () => subject(0) }, 'socket', { id })
      }
    await visitor.store()
    await app.live.settled()
    const stored = async () => JSON.stringify(await store.load(storeName(subject(0))))
    expect((await stored()).length).toBeLessThan(40_000)
    expect((await stored()).includes('a-199')).toBe(true)
  })
})

describe('threat 91: guests without number whose sockets are open', () => {
  it('have no more in memory than guests may, and beyond that what fits the cookie', async () => {
    const app = await start({})
    const { sessions, subjects } = coreOf(app.live)
    for (let index = 0; index < 16; index += 1) {
      const socket = await app.visitor(cookieFor(app.live, { browserId: browserId(index) })).connect()
      expect(await socket.change('division', index)).toHaveProperty('stamp')
      expect(await socket.change('notes', notes(index))).toHaveProperty('stamp')
    }
    const bytes = Array.from(subjects.residents(), ({ replica }) => replica.bytes)
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(LITTLE)
    const kept = (index: number, key: string) => sessions.find(subject(index))?.value(key)
    expect([0, 15].map((index) => kept(index, 'division'))).toEqual([0, 15])
    expect([0, 15].map((index) => kept(index, 'notes'))).toEqual([undefined, notes(15)])
  })
})

function fieldOf(app: App<typeof fields>) {
  const field = coreOf(app.live).sessions.fields.get('notes')
  if (!field) throw new Error('never')
  return field
}
