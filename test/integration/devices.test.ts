import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { memoryStore, type TestClock, testClock } from 'koa-live-session/testing'
import { identify } from '../support/app/auth.js'
import { Bus } from '../support/app/bus.js'
import { Gate } from '../support/app/gate.js'
import { SessionApp } from '../support/app/sessions.js'
import type { Visitor } from '../support/app/visitor.js'

const HOUR = 60 * 60 * 1000
/** A whole hour since 1970. */
const BEGIN = 500_000 * HOUR

const label = (ctx: Koa.Context): string | undefined => ctx.get('user-agent') || undefined
const silent = (): Promise<never> => Promise.reject(new Error('down'))

async function start(given: object = {}, clock: TestClock = testClock(BEGIN)): Promise<SessionApp> {
  const options = { identify, deviceLabel: label, ...given } as never
  return SessionApp.start({ clock, session: { maxAge: 31 * 24 * HOUR }, options })
}

/** Two nodes that share a store, and an adapter unless there is none. */
async function cluster({ hasAdapter = true } = {}) {
  const [bus, clock, store] = [new Bus(), testClock(BEGIN), memoryStore()]
  const nodes = [await start({ store }, clock), await start({ store }, clock)] as const
  if (hasAdapter) for (const { app } of nodes) bus.join(app.io)
  return { clock, store, nodes }
}

/** A browser in which a user is signed in, and has made a request since. */
async function signIn(node: SessionApp, user: string, agent = 'Firefox'): Promise<Visitor> {
  const visitor = await node.withSession({ user })
  await use(node, visitor, agent)
  return visitor
}

const use = (node: SessionApp, visitor: Visitor, agent = 'Firefox'): Promise<Response> =>
  node.fetch(visitor, () => null, { headers: { 'user-agent': agent } })

const userOf = async (node: SessionApp, visitor: Visitor): Promise<unknown> => (await node.read(visitor))['user']

describe('live.devices', () => {
  it('lists where a user is signed in, last used first, with labels, and nobody else', async () => {
    const clock = testClock(BEGIN)
    const node = await start({}, clock)
    await signIn(node, 'ann', 'Firefox')
    clock.advance(90 * 60 * 1000)
    await signIn(node, 'ann', 'Safari')
    await signIn(node, 'bob', 'Opera')
    const name = expect.stringMatching(/^d[\w-]{22}$/)
    expect(await node.app.live.devices('ann')).toEqual([
      { name, since: BEGIN + 1.5 * HOUR, lastSeen: BEGIN + HOUR, label: 'Safari' },
      { name, since: BEGIN, lastSeen: BEGIN, label: 'Firefox' },
    ])
    expect(await node.app.live.devices('nobody')).toEqual([])
  })

  it('is written once an hour, by requests that only read, with the label of then', async () => {
    const { clock, store, nodes } = await cluster()
    const [node] = nodes
    const visitor = await signIn(node, 'ann', 'Firefox 140')
    const writes = async (): Promise<number[]> => {
      await node.app.live.settled()
      const names = [...(await listed(store))]
      return names.map(({ stamp }) => stamp)
    }
    const first = await writes()
    await use(node, visitor, 'Firefox 141')
    expect(await writes()).toEqual(first)
    clock.advance(HOUR)
    await use(node, visitor, 'Firefox 141')
    expect(await writes()).not.toEqual(first)
    expect(await node.app.live.devices('ann')).toMatchObject([{ label: 'Firefox 141', lastSeen: BEGIN + HOUR }])
  })

  it('lists those of all nodes, and leaves out sessions that have ended', async () => {
    const { nodes } = await cluster()
    const [one, two] = nodes
    const here = await signIn(one, 'ann', 'one')
    await signIn(two, 'ann', 'two')
    for (const { app } of nodes) await app.live.settled()
    for (const { app } of nodes)
      expect((await app.live.devices('ann')).map(({ label }) => label).sort()).toEqual(['one', 'two'])
    await one.ask(here, (ctx) => void Object.assign(ctx, { session: null }))
    for (const { app } of nodes) expect(await app.live.devices('ann')).toMatchObject([{ label: 'two' }])
  })

  it('has another name once a session is regenerated, and no entry of a user who has left the session', async () => {
    const node = await start()
    const visitor = await signIn(node, 'ann')
    const [before] = await node.app.live.devices('ann')
    await node.ask(visitor, (ctx) => ctx['session'].regenerate())
    await use(node, visitor)
    const [after, ...others] = await node.app.live.devices('ann')
    expect([after?.name === before?.name, others]).toEqual([false, []])
    await node.write(visitor, { user: 'bob' })
    await use(node, visitor)
    expect(await node.app.live.devices('ann')).toEqual([])
    expect(await node.app.live.devices('bob')).toHaveLength(1)
  })

  it('says what is known where the store does not answer', async () => {
    const { store, nodes } = await cluster()
    const [node] = nodes
    await signIn(node, 'ann')
    Object.assign(store, { load: silent, merge: silent, remove: silent })
    expect(await node.app.live.devices('ann')).toHaveLength(1)
  })

  it.each(['devices', 'endDevice'] as const)('rejects without live.sessionStore(): %s', async (call) => {
    const { App } = await import('../support/app/app.js')
    const { live } = await App.start()
    await expect(live[call]('ann', 'x')).rejects.toThrow('expected sessions in live.sessionStore(), received none')
  })

  it.each(['devices', 'endDevice'] as const)('rejects for what is no user: %s', async (call) => {
    const { app } = await start()
    await expect(app.live[call]('' as never, 'x')).rejects.toThrow(TypeError)
  })
})

describe('live.endDevice', () => {
  it.each([true, false])('signs out there, its socket at the other node, too (adapter: %s)', async (hasAdapter) => {
    const { clock, nodes } = await cluster({ hasAdapter })
    const [one, two] = nodes
    const phone = await signIn(one, 'ann', 'phone')
    const laptop = await signIn(two, 'ann', 'laptop')
    const elsewhere = two.visitor(phone.cookie)
    const page = await elsewhere.connect()
    for (const { app } of nodes) await app.live.settled()
    const devices = await two.app.live.devices('ann')
    const { name = '' } = devices.find(({ label }) => label === 'phone') ?? {}
    expect(await one.app.live.endDevice('ann', name)).toBe(true)
    if (!hasAdapter) clock.advance(60_000)
    await page.closed
    expect([await userOf(one, phone), await userOf(two, laptop)]).toEqual([undefined, 'ann'])
    expect(await one.app.live.endDevice('ann', name)).toBe(false)
    expect(await two.app.live.devices('ann')).toMatchObject([{ label: 'laptop' }])
  })
})

describe('live.revoke with sessions in live.sessionStore()', () => {
  it('ends them all, at all nodes', async () => {
    const { nodes } = await cluster()
    const [one, two] = nodes
    const visitors = [await signIn(one, 'ann'), await signIn(two, 'ann')] as const
    for (const { app } of nodes) await app.live.settled()
    await one.app.live.revoke('ann')
    expect([await userOf(one, visitors[0]), await userOf(two, visitors[1])]).toEqual([undefined, undefined])
    expect(await two.app.live.devices('ann')).toEqual([])
  })

  it('keeps that of the request, whose socket comes back, and its values', async () => {
    const { nodes } = await cluster()
    const [one, two] = nodes
    const [mine, other] = [await signIn(one, 'ann'), await signIn(two, 'ann')]
    await mine.store({
      set: [
        ['division', -1, '', 4],
        ['theme', -1, '', 'dark'],
      ],
    })
    for (const { app } of nodes) await app.live.settled()
    const page = await mine.connect()
    await one.ask(mine, async (ctx) => {
      await one.app.live.revoke('ann', { except: ctx })
      return null
    })
    await page.closed
    const back = await mine.connect()
    expect((await back.greeted).user).toBe('ann')
    expect([await userOf(one, mine), await userOf(two, other)]).toEqual(['ann', undefined])
    expect(await one.app.live.devices('ann')).toHaveLength(1)
    const found = await one.ask(mine, (ctx) => [ctx.liveSession.get('division'), ctx.liveSession.get('theme')] as never)
    expect(found).toEqual([4, 'dark'])
  })
})

describe('live.revoke with { except }', () => {
  it('keeps a browser that only reads, and has no live cookie', async () => {
    const node = await start()
    const [mine, other] = [await signIn(node, 'ann'), await signIn(node, 'ann')]
    const kept = await node.ask(mine, async (ctx) => {
      await node.app.live.revoke('ann', { except: ctx })
      await ctx.liveSession.set('division', 5)
      return ctx.liveSession.userId
    })
    expect([kept, await userOf(node, mine), await userOf(node, other)]).toEqual(['ann', 'ann', undefined])
    expect((await node.app.live.user('ann')).get('division')).toBe(5)
  })

  it('gives what the page asks meanwhile, with the cookie of before, no id of its own', async () => {
    const store = memoryStore()
    const node = await start({ store, storeTimeout: 20 })
    const mine = await signIn(node, 'ann')
    await mine.store()
    await node.app.live.settled()
    const { merge } = store
    // The revocation is still under way as the page asks.
    const gate = new Gate()
    Object.assign(store, { merge: (...given: Parameters<typeof merge>) => gate.pass().then(() => merge(...given)) })
    const page = await mine.connect()
    const asked = new Promise<Response>((resolve) => {
      page.io.once('live_session:reconnect', () => resolve(mine.store()))
    })
    const who = await node.ask(mine, async (ctx) => {
      await node.app.live.revoke('ann', { except: ctx })
      expect((await asked).status).toBe(429)
      gate.open()
      await ctx.liveSession.flash('signed out elsewhere')
      return ctx.liveSession.snapshot().who as string
    })
    expect((await (await mine.store()).json()).who).toBe(who)
    expect(await node.ask(mine, (ctx) => ctx.liveSession.takeFlash())).toEqual(['signed out elsewhere'])
  })

  it('rejects for a request of another user, and of a guest, and ends nothing', async () => {
    const node = await start()
    const [ann, bob, guest] = [await signIn(node, 'ann'), await signIn(node, 'bob'), node.visitor()]
    const revoke = (visitor: Visitor) =>
      node.ask(
        visitor,
        (ctx) =>
          node.app.live.revoke('ann', { except: ctx }).catch((error: unknown) => String(error)) as Promise<string>,
      )
    for (const visitor of [bob, guest])
      expect(await revoke(visitor)).toContain('TypeError: koa-live-session: revoke(id, { except }): expected a request')
    expect(await userOf(node, ann)).toBe('ann')
  })
})

describe('live.erase with sessions in live.sessionStore()', () => {
  it('ends them, and leaves nothing of the list', async () => {
    const { store, nodes } = await cluster()
    const [node] = nodes
    const visitor = await signIn(node, 'ann', 'a label')
    await node.app.live.erase('ann')
    await node.app.live.settled()
    expect(await userOf(node, visitor)).toBe(undefined)
    expect((await listed(store)).filter(({ value }) => value !== undefined)).toEqual([])
  })
})

/** What a store has of ann's devices. */
async function listed(store: ReturnType<typeof memoryStore>) {
  const { subjectHash, userSubject } = await import('../../server/kernel/names/subject.js')
  return store.load(`devices:${subjectHash(userSubject('ann'))}`)
}
