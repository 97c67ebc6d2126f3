import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { memoryStore, type TestClock, testClock } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { identify } from '../support/app/auth.js'
import { awaited } from '../support/app/awaited.js'
import { Bus } from '../support/app/bus.js'
import { fastTime } from '../support/app/fast-time.js'
import { Gate } from '../support/app/gate.js'
import { SessionApp, signOut } from '../support/app/sessions.js'
import { HOUR } from '../support/app/times.js'
import type { Visitor } from '../support/app/visitor.js'

fastTime(10)

/** A whole hour since 1970. */
const BEGIN = 500_000 * HOUR
const SUBJECT = `devices:${subjectHash(userSubject('ann'))}`

const deviceLabel = (ctx: Koa.Context): string | undefined => ctx.get('user-agent') || undefined

async function start(given: object = {}, clock: TestClock = testClock(BEGIN)): Promise<SessionApp> {
  const options = { identify, deviceLabel, ...given } as never
  return SessionApp.start({ clock, session: { maxAge: 31 * 24 * HOUR }, options })
}

/** Two nodes with a shared store, and an adapter unless the test excludes it. */
async function cluster({ hasAdapter = true } = {}) {
  const [bus, clock, store] = [new Bus(), testClock(BEGIN), memoryStore()]
  const [one, two] = [await start({ store }, clock), await start({ store }, clock)]
  if (hasAdapter) for (const { app } of [one, two]) bus.join(app.io)
  const settled = () => Promise.all([one, two].map(({ app }) => app.live.settled()))
  return { clock, store, one, two, settled }
}

/** Returns a signed-in browser that has made a request. */
async function signIn(node: SessionApp, user = 'ann', agent = 'Firefox'): Promise<Visitor> {
  const visitor = await node.withSession({ user })
  await use(node, visitor, agent)
  return visitor
}

const use = (node: SessionApp, visitor: Visitor, agent = 'Firefox'): Promise<Response> =>
  node.fetch(visitor, () => null, { headers: { 'user-agent': agent } })

const rotate = (node: SessionApp, visitor: Visitor): Promise<Response> =>
  node.fetch(visitor, (ctx) => ctx['session'].regenerate(), { headers: { 'user-agent': 'Firefox' } })

const userOf = async (node: SessionApp, visitor: Visitor): Promise<unknown> => (await node.read(visitor))['user']
const labels = async ({ app }: SessionApp): Promise<unknown> =>
  (await app.live.devices('ann')).map(({ label }) => label).sort()

describe('live.devices', () => {
  it("lists a user's sessions, most recent first", async () => {
    const clock = testClock(BEGIN)
    const node = await start({}, clock)
    await signIn(node, 'ann', 'Firefox')
    clock.advance(90 * 60 * 1000)
    await signIn(node, 'ann', 'Safari')
    await signIn(node, 'bob', 'Opera')
    const name = expect.stringMatching(/^d[\w-]{22}$/)
    expect(await node.app.live.devices('ann')).toEqual([
      { name, since: BEGIN + 1.5 * HOUR, lastSeen: BEGIN + HOUR, label: 'Safari', current: false },
      { name, since: BEGIN, lastSeen: BEGIN, label: 'Firefox', current: false },
    ])
    expect(await node.app.live.devices('nobody')).toEqual([])
  })

  it('writes the last use once an hour, with the current label', async () => {
    const { clock, store, one, settled } = await cluster()
    const visitor = await signIn(one, 'ann', 'Firefox 140')
    const writes = async (): Promise<number[]> => {
      await settled()
      return (await store.load(SUBJECT)).map(({ stamp }) => stamp)
    }
    const first = await writes()
    await use(one, visitor, 'Firefox 141')
    expect(await writes()).toEqual(first)
    clock.advance(HOUR)
    await use(one, visitor, 'Firefox 141')
    expect(await writes()).not.toEqual(first)
    expect(await one.app.live.devices('ann')).toMatchObject([{ label: 'Firefox 141', lastSeen: BEGIN + HOUR }])
  })

  it('lists the sessions of all nodes, but no ended session', async () => {
    const { one, two, settled } = await cluster()
    const here = await signIn(one, 'ann', 'one')
    await signIn(two, 'ann', 'two')
    await settled()
    for (const node of [one, two]) expect(await labels(node)).toEqual(['one', 'two'])
    await one.ask(here, signOut)
    for (const node of [one, two]) expect(await labels(node)).toEqual(['two'])
  })

  it('lists a regenerated session under its name, later under another user', async () => {
    const node = await start()
    const visitor = await signIn(node, 'ann')
    const [before] = await node.app.live.devices('ann')
    await rotate(node, visitor)
    const [after, ...others] = await node.app.live.devices('ann')
    expect([after, others]).toEqual([before, []])
    await node.write(visitor, { user: 'bob' })
    await use(node, visitor)
    expect(await node.app.live.devices('ann')).toEqual([])
    expect(await node.app.live.devices('bob')).toHaveLength(1)
  })

  it('drops a regenerated session that expires without a request', async () => {
    const { clock, one, two, settled } = await cluster()
    const visitor = await signIn(one)
    await rotate(one, visitor)
    await settled()
    for (const node of [one, two]) expect(await labels(node)).toEqual(['Firefox'])
    clock.advance(32 * 24 * HOUR)
    for (const node of [one, two]) expect(await labels(node)).toEqual([])
  })

  it('marks the session of the current request', async () => {
    const node = await start()
    const visitors = [
      await signIn(node, 'ann', 'phone'),
      await signIn(node, 'ann', 'laptop'),
      await signIn(node, 'bob'),
    ]
    const asked = await Promise.all(
      visitors.map((visitor) => node.ask(visitor, (ctx) => node.app.live.devices('ann', { current: ctx }))),
    )
    const marked = asked.map((devices) => devices.flatMap(({ current, label }) => (current ? label : [])))
    expect(marked).toEqual([['phone'], ['laptop'], []])
    expect(await node.app.live.devices('ann')).toMatchObject([{ current: false }, { current: false }])
  })

  it('lists the sessions in memory while the store is down', async () => {
    const { store, one } = await cluster()
    await signIn(one)
    store.fail(Number.POSITIVE_INFINITY)
    expect(await one.app.live.devices('ann')).toHaveLength(1)
  })

  it.each(['devices', 'endDevice'] as const)('needs live.sessionStore() and a user: %s', async (call) => {
    const { live } = await App.start()
    await expect(live[call]('ann', 'x')).rejects.toThrow('expected sessions in live.sessionStore(), received none')
    const { app } = await start()
    await expect(app.live[call]('' as never, 'x')).rejects.toThrow(TypeError)
  })
})

it.each([true, false])('live.endDevice ends a session and its sockets (adapter: %s)', async (hasAdapter) => {
  const { clock, one, two, settled } = await cluster({ hasAdapter })
  const phone = await signIn(one, 'ann', 'phone')
  const laptop = await signIn(two, 'ann', 'laptop')
  const page = await two.visitor(phone.cookie).connect()
  await settled()
  const devices = await two.app.live.devices('ann')
  const { name = '' } = devices.find(({ label }) => label === 'phone') ?? {}
  expect(await one.app.live.endDevice('ann', name)).toBe(true)
  if (!hasAdapter) clock.advance(60_000)
  await page.closed
  expect([await userOf(one, phone), await userOf(two, laptop)]).toEqual([undefined, 'ann'])
  expect(await one.app.live.endDevice('ann', name)).toBe(false)
  expect(await labels(two)).toEqual(['laptop'])
})

describe('live.revoke', () => {
  it('ends all sessions of a user, on all nodes', async () => {
    const { one, two, settled } = await cluster()
    const [here, there] = [await signIn(one), await signIn(two)]
    await settled()
    await one.app.live.revoke('ann')
    expect([await userOf(one, here), await userOf(two, there)]).toEqual([undefined, undefined])
    expect(await two.app.live.devices('ann')).toEqual([])
  })
})

describe('live.revoke with { except }', () => {
  it("keeps the request's session and values, and the browser's socket reconnects", async () => {
    const { one, two, settled } = await cluster()
    const [mine, other] = [await signIn(one), await signIn(two)]
    await mine.store({
      set: [
        ['division', -1, '', 4],
        ['theme', -1, '', 'dark'],
      ],
    })
    await settled()
    const page = await mine.connect()
    await one.ask(mine, (ctx) => one.app.live.revoke('ann', { except: ctx }).then(() => null))
    await page.closed
    const back = await mine.connect()
    expect((await back.greeted).user).toBe('ann')
    expect([await userOf(one, mine), await userOf(two, other)]).toEqual(['ann', undefined])
    expect(await one.app.live.devices('ann')).toHaveLength(1)
    const found = await one.ask(
      mine,
      ({ liveSession }) => [liveSession.get('division'), liveSession.get('theme')] as never,
    )
    expect(found).toEqual([4, 'dark'])
  })

  it.each([
    ['without a store', () => ({})],
    ['with a store', () => ({ store: memoryStore() })],
  ])('leaves one device after regenerate(), as often as it is called: %s', async (_, options) => {
    const node = await start(options())
    const mine = await signIn(node)
    for (let times = 0; times < 3; times += 1)
      await node.ask(mine, async (ctx) => {
        await ctx['session'].regenerate()
        await node.app.live.revoke('ann', { except: ctx })
      })
    expect([await userOf(node, mine), (await node.app.live.devices('ann')).length]).toEqual(['ann', 1])
  })

  it('keeps the session of a browser without a live cookie', async () => {
    const node = await start()
    const [mine, other] = [await signIn(node), await signIn(node)]
    const kept = await node.ask(mine, async (ctx) => {
      await node.app.live.revoke('ann', { except: ctx })
      await ctx.liveSession.set('division', 5)
      return ctx.liveSession.userId
    })
    expect([kept, await userOf(node, mine), await userOf(node, other)]).toEqual(['ann', 'ann', undefined])
    expect((await node.app.live.user('ann')).get('division')).toBe(5)
  })

  it("postpones POSTs of the request's browser until the store answers", async () => {
    const store = memoryStore()
    const node = await start({ store, storeTimeout: 20 })
    const mine = await signIn(node)
    await mine.store()
    await node.app.live.settled()
    const { merge } = store
    const gate = new Gate()
    Object.assign(store, { merge: (...given: Parameters<typeof merge>) => gate.pass().then(() => merge(...given)) })
    const page = await mine.connect()
    const asked = new Promise<Response>((resolve) => {
      page.io.once('live_session:reconnect', () => resolve(mine.store()))
    })
    const who = await node.ask(mine, async (ctx) => {
      await node.app.live.revoke('ann', { except: ctx })
      expect((await awaited('the order to reconnect', asked)).status).toBe(202)
      gate.open()
      await ctx.liveSession.flash('signed out elsewhere')
      return ctx.liveSession.snapshot().who as string
    })
    expect((await (await mine.store()).json()).who).toBe(who)
    expect(await node.ask(mine, (ctx) => ctx.liveSession.takeFlash())).toEqual(['signed out elsewhere'])
  })

  it("rejects another visitor's request, and ends no session", async () => {
    const node = await start()
    const [ann, bob, guest] = [await signIn(node), await signIn(node, 'bob'), node.visitor()]
    for (const visitor of [bob, guest])
      expect(
        await node.ask(visitor, (ctx) => node.app.live.revoke('ann', { except: ctx }).then(() => '', String)),
      ).toContain('TypeError: koa-live-session: revoke(id, { except }): expected a request')
    expect(await userOf(node, ann)).toBe('ann')
  })
})

it("live.erase ends a user's sessions, and clears the device list", async () => {
  const { store, one, settled } = await cluster()
  const visitor = await signIn(one)
  await one.app.live.erase('ann')
  await settled()
  expect(await userOf(one, visitor)).toBe(undefined)
  expect((await store.load(SUBJECT)).filter(({ value }) => value !== undefined)).toEqual([])
})
