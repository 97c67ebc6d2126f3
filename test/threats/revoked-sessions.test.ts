import { describe, expect, it } from '@jest/globals'
import { cookieFor, memoryStore, testClock } from 'koa-live-session/testing'
import type { Socket } from 'socket.io'
import { z } from 'zod'
import { sessionName } from '../../server/features/session-store/session-content.js'
import { appSessionsOf } from '../support/app/app-sessions.js'
import { identify } from '../support/app/auth.js'
import { awaited } from '../support/app/awaited.js'
import { fastTime } from '../support/app/fast-time.js'
import { Gate } from '../support/app/gate.js'
import { FIELD, serveSignIn, tokenFor } from '../support/app/hand-offs.js'
import {
  type Action,
  all,
  identifyNow,
  leave,
  rotate,
  SessionApp,
  sessionId,
  setUser,
  signOut,
} from '../support/app/sessions.js'
import { MINUTE } from '../support/app/times.js'
import type { Visitor } from '../support/app/visitor.js'

fastTime(10)

const clock = testClock()

const start = (given: object = {}): Promise<SessionApp> =>
  SessionApp.start({ clock, options: { identify, ...given } as never })

const signIn: Action = async ({ session, liveSession }) => {
  session.user = 'ann'
  await session.regenerate()
  await liveSession.identify()
}

async function signedIn(node: SessionApp, action: Action = signIn): Promise<Visitor> {
  const visitor = await node.withSession({ cart: 1 })
  await node.ask(visitor, action)
  return visitor
}

async function revoke(node: SessionApp): Promise<void> {
  clock.advance(1000)
  await node.app.live.revoke('ann')
  clock.advance(1000)
}

/** Returns the user of a request, as the plugin and as the app's route see it. */
const userOf = (node: SessionApp, visitor: Visitor): Promise<unknown> =>
  node.ask(visitor, ({ liveSession, session }) => [liveSession.userId ?? null, session.user ?? null])

const GUEST = [null, null]
const ANN = ['ann', 'ann']

/** A session of ann that a list of devices may not name, with what happens after its sign-in. */
const UNLISTED: readonly (readonly [string, Action, (node: SessionApp, visitor: Visitor) => Promise<unknown>])[] = [
  ['regenerated without identify()', signIn, (node, visitor) => node.ask(visitor, rotate)],
  ['signed in without identify()', setUser('ann'), async () => undefined],
  ['signed in without identify(), then used', setUser('ann'), (node, visitor) => node.read(visitor)],
  ['switched to another account', signIn, (node, visitor) => node.ask(visitor, setUser('bob'))],
]

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])('threat 103: %s, a session', (_, options) => {
  it.each(UNLISTED)('ends at a revocation: %s', async (_, action, then) => {
    const node = await start(options())
    const visitor = await signedIn(node, action)
    await then(node, visitor)
    await revoke(node)
    expect(await userOf(node, visitor)).toEqual(GUEST)
    await node.ask(visitor, setUser('ann'))
    expect(await userOf(node, visitor)).toEqual(ANN)
  })

  it('ends if its account is switched back after a revocation', async () => {
    const node = await start(options())
    const visitor = await signedIn(node)
    await node.ask(visitor, setUser('bob'))
    await node.read(visitor)
    const response = await node.during(
      visitor,
      () => undefined,
      () => revoke(node),
      setUser('ann'),
    )
    expect(response.headers.getSetCookie().filter((line) => line.startsWith('app='))).toEqual([])
    expect(await userOf(node, visitor)).toEqual(GUEST)
  })

  it('ends if the revocation comes while its sign-in is under way', async () => {
    const node = await start(options())
    const visitor = await node.withSession({ cart: 1 })
    await node.during(visitor, signIn, () => revoke(node))
    expect(await userOf(node, visitor)).toEqual(GUEST)
  })

  it('is not continued by a late regenerate() after its successor was excepted', async () => {
    const node = await start(options())
    const visitor = await signedIn(node)
    const response = await node.during(
      node.visitor(visitor.cookie),
      () => undefined,
      async () => {
        await node.ask(visitor, rotate)
        await node.ask(visitor, (ctx) => node.app.live.revoke('ann', { except: ctx }).then(() => null))
      },
      rotate,
    )
    expect([response.status, response.headers.getSetCookie()]).toEqual([409, []])
    expect(await userOf(node, visitor)).toEqual(ANN)
  })

  it('threat 174: goes on after a double click on “sign out everywhere else”', async () => {
    const node = await start(options())
    const visitor = await signedIn(node)
    const others = all(rotate, (ctx) => node.app.live.revoke('ann', { except: ctx }))
    const late = await node.during(
      node.visitor(visitor.cookie),
      () => undefined,
      () => node.ask(visitor, others),
      (ctx) => expect(others(ctx)).rejects.toMatchObject({ code: 'superseded' }),
    )
    const lines = late.headers.getSetCookie().filter((line) => line.startsWith('app'))
    expect([late.status, lines]).toEqual([200, []])
    expect(await userOf(node, visitor)).toEqual(ANN)
  })

  it('ends if two sessions of the user revoke all others at once', async () => {
    const node = await start(options())
    const others: Action = async (ctx) => {
      await ctx['session'].regenerate()
      await node.app.live.revoke('ann', { except: ctx })
    }
    const [one, two] = [await signedIn(node), await signedIn(node)]
    await node.during(
      two,
      rotate,
      () => node.ask(one, others),
      (ctx) => node.app.live.revoke('ann', { except: ctx }),
    )
    expect([await userOf(node, one), await userOf(node, two)]).toEqual([GUEST, GUEST])
  })

  it('ends at an erasure', async () => {
    const node = await start(options())
    const visitor = await signedIn(node)
    await node.ask(visitor, rotate)
    await node.app.live.erase('ann')
    expect(await userOf(node, visitor)).toEqual(GUEST)
  })

  it('goes on if it has begun after the revocation, also in one request', async () => {
    const node = await start(options())
    await revoke(node)
    const visitor = await node.withSession({ cart: 1 })
    await node.ask(visitor, async (ctx) => {
      await node.app.live.revoke('ann')
      await signIn(ctx)
    })
    expect(await userOf(node, visitor)).toEqual(ANN)
    await node.ask(visitor, rotate)
    expect(await userOf(node, visitor)).toEqual(ANN)
  })

  it('closes its sockets, and reads as ended there', async () => {
    const node = await start(options())
    const visitor = await signedIn(node)
    await node.ask(visitor, setUser('bob'))
    expect(await userOf(node, visitor)).toEqual(['bob', 'bob'])
    const session = await node.session(visitor)
    const ended = new Promise((resolve) => session.onEnd(resolve))
    await node.app.live.revoke('ann')
    expect([session.ended, session.values()]).toEqual(['destroyed', {}])
    await expect(session.set('user', 'ann')).rejects.toMatchObject({ code: 'superseded' })
    node.app.clock.advance(1000)
    expect(await awaited('the end of the session', ended)).toBe('destroyed')
  })

  it('ends at a revocation despite a flood of sign-ins', async () => {
    const node = await start({ ...options(), cache: { maxVisitors: 40 } })
    const visitor = await signedIn(node)
    for (let at = 0; at < 60; at += 1) await signedIn(node)
    await revoke(node)
    expect(await userOf(node, visitor)).toEqual(GUEST)
  })
})

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])('threat 106: %s, a hand-off made before a revocation', (_, options) => {
  const take: Action = async ({ liveSession, session }) => {
    const handed = await liveSession.takeHandOff('sign-in', z.object({ user: z.string() }))
    Object.assign(session, handed)
  }

  it.each<[string, Action, number]>([
    ['without identify()', () => undefined, 200],
    ['with regenerate()', rotate, 200],
    ['with identify()', ({ liveSession }) => liveSession.identify(), 409],
    ['with a caught error', ({ liveSession }) => liveSession.identify().catch(() => null), 200],
  ])('signs nobody in: %s', async (_name, then, status) => {
    const node = await start(options())
    serveSignIn(node.app)
    const visitor = node.visitor(cookieFor(node.app.live, {}))
    const token = await tokenFor(await visitor.connect())
    await revoke(node)
    await node.write(visitor, { csrf: 1 })
    const action: Action = async (ctx) => {
      await take(ctx)
      await then(ctx)
    }
    const init = { method: 'POST', headers: { origin: visitor.url }, body: new URLSearchParams({ [FIELD]: token }) }
    expect((await node.fetch(visitor, action, init)).status).toBe(status)
    expect(await userOf(node, visitor)).toEqual(GUEST)
  })
})

describe('threat 132: a hand-off that names its user', () => {
  /** Posts a token as the page does. Returns the payload that the route takes. */
  async function taken(node: SessionApp, visitor: Visitor, token: string): Promise<unknown> {
    const take: Action = ({ liveSession }) => liveSession.takeHandOff('sign-in', z.object({ user: z.string() }))
    const init = { method: 'POST', headers: { origin: visitor.url }, body: new URLSearchParams({ [FIELD]: token }) }
    return (await node.fetch(visitor, take, init)).json()
  }

  async function handedOff(node: SessionApp, user: string): Promise<{ visitor: Visitor; token: string }> {
    serveSignIn(node.app, true)
    const visitor = node.visitor(cookieFor(node.app.live, {}))
    return { visitor, token: await tokenFor(await visitor.connect(), user) }
  }

  it.each([
    ['without a store', () => ({})],
    ['with a store', () => ({ store: memoryStore() })],
  ])('gives nothing after a revocation of this user alone: %s', async (_, options) => {
    const node = await start(options())
    const [ann, bob] = [await handedOff(node, 'ann'), await handedOff(node, 'bob')]
    await revoke(node)
    expect(await taken(node, ann.visitor, ann.token)).toBeNull()
    expect(await taken(node, bob.visitor, bob.token)).toEqual({ user: 'bob' })
    const later = await handedOff(node, 'ann')
    expect(await taken(node, later.visitor, later.token)).toEqual({ user: 'ann' })
  })

  it('gives nothing at a node that asks the store about the revocation', async () => {
    const store = memoryStore()
    const [one, two] = [await start({ store }), await start({ store })]
    const { visitor, token } = await handedOff(two, 'ann')
    await two.app.live.user('ann')
    await one.app.live.revoke('ann')
    await one.app.live.settled()
    expect(await taken(two, visitor, token)).toBeNull()
  })

  it.each([-MINUTE, MINUTE])('threat 158: is judged without the clock of the revoking node (%d ms)', async (skew) => {
    const store = memoryStore()
    const skewed = { clock: { now: () => clock.now() + skew }, options: { identify, store } }
    const [one, two] = [await start({ store }), await SessionApp.start(skewed as never)]
    await two.app.live.revoke('ann')
    await two.app.live.settled()
    const [before, other] = [await handedOff(one, 'ann'), await handedOff(one, 'ann')]
    expect(await taken(one, before.visitor, before.token)).toEqual({ user: 'ann' })
    await two.app.live.revoke('ann')
    await two.app.live.settled()
    expect(await taken(one, other.visitor, other.token)).toBeNull()
  })

  it.each([false, true])(
    'threat 169: signs nobody in by revoke() with except after a revocation (named: %p)',
    async (isNamed) => {
      const node = await start()
      serveSignIn(node.app, isNamed)
      const visitor = node.visitor(cookieFor(node.app.live, {}))
      await node.write(visitor, { cart: 1 })
      const token = await tokenFor(await visitor.connect())
      if (!isNamed) await revoke(node)
      const oneDevice: Action = async (ctx) => {
        Object.assign(ctx['session'], await ctx.liveSession.takeHandOff('sign-in', z.object({ user: z.string() })))
        if (isNamed) await revoke(node)
        await node.app.live.revoke('ann', { except: ctx })
      }
      const init = { method: 'POST', headers: { origin: visitor.url }, body: new URLSearchParams({ [FIELD]: token }) }
      expect((await node.fetch(visitor, oneDevice, init)).status).toBe(409)
      expect(await userOf(node, visitor)).toEqual(GUEST)
    },
  )

  it('threat 170: signs nobody in after a revocation, although its request spares another user', async () => {
    const node = await start()
    serveSignIn(node.app)
    const visitor = node.visitor(cookieFor(node.app.live, {}))
    await node.ask(
      visitor,
      all(setUser('bob'), ({ liveSession }) => liveSession.identify()),
    )
    const token = await tokenFor(await visitor.connect())
    await revoke(node)
    const both: Action = async (ctx) => {
      const handed = await ctx.liveSession.takeHandOff('sign-in', z.object({ user: z.string() }))
      await node.app.live.revoke('bob', { except: ctx })
      Object.assign(ctx['session'], handed)
      await ctx['session'].regenerate()
      await ctx.liveSession.identify()
    }
    const init = { method: 'POST', headers: { origin: visitor.url }, body: new URLSearchParams({ [FIELD]: token }) }
    expect((await node.fetch(visitor, both, init)).status).toBe(409)
    expect(await userOf(node, visitor)).not.toEqual(ANN)
  })

  it.each<[string, Action]>([
    ['leave()', leave],
    ['identify()', identifyNow],
  ])('threat 172: signs nobody in after a revocation and %s', async (_, leaving) => {
    for (const isNamed of [true, false]) {
      const node = await start()
      serveSignIn(node.app, isNamed)
      const visitor = node.visitor(cookieFor(node.app.live, {}))
      await node.ask(visitor, all(setUser('bob'), rotate, identifyNow))
      const token = await tokenFor(await visitor.connect())
      if (!isNamed) await revoke(node)
      const take: Action = async (ctx) => {
        const handed = await ctx.liveSession.takeHandOff('sign-in', z.object({ user: z.string() }))
        if (isNamed) await revoke(node)
        Reflect.deleteProperty(ctx['session'], 'user')
        await leaving(ctx)
        Object.assign(ctx['session'], handed)
        await ctx['session'].regenerate()
      }
      const init = { method: 'POST', headers: { origin: visitor.url }, body: new URLSearchParams({ [FIELD]: token }) }
      expect((await node.fetch(visitor, take, init)).status).toBe(200)
      expect(await userOf(node, visitor)).toEqual(GUEST)
    }
  })

  it('threat 158: ends a session by its epoch, although a clock is ahead', async () => {
    const store = memoryStore()
    const ahead = { clock: { now: () => clock.now() + MINUTE }, options: { identify, store } }
    const [one, two] = [await SessionApp.start(ahead as never), await start({ store })]
    const { visitor, token } = await handedOff(one, 'ann')
    const take: Action = async (ctx) => {
      Object.assign(ctx['session'], await ctx.liveSession.takeHandOff('sign-in', z.object({ user: z.string() })))
      await ctx['session'].regenerate()
    }
    const init = { method: 'POST', headers: { origin: visitor.url }, body: new URLSearchParams({ [FIELD]: token }) }
    expect((await one.fetch(visitor, take, init)).status).toBe(200)
    await two.app.live.revoke('ann')
    expect(await userOf(two, two.visitor(visitor.cookie))).toEqual(GUEST)
  })

  it('signs in by a new password that revokes all others', async () => {
    const node = await start()
    const { visitor, token } = await handedOff(node, 'ann')
    const reset: Action = async (ctx) => {
      Object.assign(ctx['session'], await ctx.liveSession.takeHandOff('sign-in', z.object({ user: z.string() })))
      await ctx['session'].regenerate()
      await node.app.live.revoke('ann', { except: ctx })
    }
    const init = { method: 'POST', headers: { origin: visitor.url }, body: new URLSearchParams({ [FIELD]: token }) }
    expect((await node.fetch(visitor, reset, init)).status).toBe(200)
    expect(await userOf(node, visitor)).toEqual(ANN)
  })

  it('gives nothing by a former cookie after a sign-in at another node', async () => {
    const store = memoryStore()
    const [one, two] = [await start({ store }), await start({ store })]
    const { visitor, token } = await handedOff(two, 'ann')
    expect(await userOf(two, visitor)).toEqual(GUEST)
    const elsewhere = one.visitor(visitor.cookie)
    await one.ask(elsewhere, async (ctx) => {
      Object.assign(ctx['session'], { user: 'bob' })
      await ctx.liveSession.identify()
    })
    await one.app.live.settled()
    expect(await taken(two, visitor, token)).toBeNull()
  })

  it.each([
    [false, 1],
    [true, 0],
  ])('is asked for by a warning at the sign-in (named: %s)', async (isNamed, warnings) => {
    const node = await start()
    serveSignIn(node.app, isNamed)
    const visitor = node.visitor(cookieFor(node.app.live, {}))
    const token = await tokenFor(await visitor.connect())
    const signIn: Action = async ({ liveSession, session }) => {
      Object.assign(session, await liveSession.takeHandOff('sign-in', z.object({ user: z.string() })))
      await liveSession.identify()
    }
    const init = { method: 'POST', headers: { origin: visitor.url }, body: new URLSearchParams({ [FIELD]: token }) }
    expect((await node.fetch(visitor, signIn, init)).status).toBe(200)
    expect(node.app.warnings.filter((text) => text.includes('naming the user'))).toHaveLength(warnings)
  })

  it('refuses a user that is no id', async () => {
    const node = await start()
    const socket = new Promise<Socket>((resolve) => node.app.io.once('connection', resolve))
    await node.visitor(cookieFor(node.app.live, {})).connect()
    const sent = (await socket).liveSession.handOff('sign-in', {}, { to: '/', user: '' })
    await expect(sent).rejects.toThrow('handOff')
  })
})

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])('threat 133: %s, a session that never called identify()', (_, options) => {
  it('is destroyed by the first request after a revocation', async () => {
    const node = await start(options())
    const visitor = await signedIn(node, setUser('ann'))
    const [id, name] = [sessionId(visitor), sessionName(sessionId(visitor))]
    await revoke(node)
    expect(await userOf(node, visitor)).toEqual(GUEST)
    expect(await node.app.live.sessionStore().get(id)).toBeUndefined()
    expect(appSessionsOf(node.app.live).isRetired(name)).toBe(true)
  })

  it('closes its sockets at the first request after a revocation', async () => {
    const node = await start(options())
    const visitor = await signedIn(node, setUser('ann'))
    const session = await node.session(visitor)
    await node.app.live.revoke('ann')
    await userOf(node, node.visitor(visitor.cookie))
    expect([session.ended, session.values()]).toEqual(['destroyed', {}])
  })
})

describe('threat 111: the rows of an erased user', () => {
  it('are hashes and times, besides the row of the erasure', async () => {
    const store = memoryStore()
    const { load, merge } = store
    const names = new Set<string>()
    const record = (...[name, registers]: Parameters<typeof merge>) => {
      names.add(name)
      return merge(name, registers)
    }
    Object.assign(store, { merge: record })
    const node = await start({ store })
    const visitor = node.visitor(cookieFor(node.app.live, { values: { division: 1 } }))
    await node.ask(visitor, signIn)
    await node.ask(visitor, ({ liveSession }) => liveSession.set('division', 5))
    expect(await node.app.live.devices('ann')).toHaveLength(1)
    await node.app.live.settled()
    const rows = async (): Promise<string[]> => {
      const all: string[] = []
      for (const name of names) for (const row of await load(name)) all.push(`${name} ${JSON.stringify(row)}`)
      return all.filter((row) => !row.startsWith('user:s:ann '))
    }
    expect((await rows()).join()).toContain('ann')
    await node.app.live.erase('ann')
    await node.app.live.settled()
    const left = await rows()
    expect(left.length).toBeGreaterThan(0)
    // A hash may have these letters by chance, but not after a colon or a quote.
    expect(left.filter((row) => /[:"]ann\b/.test(row) || row.startsWith('devices:'))).toEqual([])
    for (const row of left)
      expect(row).toMatch(/^(browser|session):[\w-]{43} \{"key":"\$epoch","stamp":\d+,"value":(true|"[\w-]{43}")\}$/)
    expect(await load('user:s:ann')).toEqual([
      { key: '$epoch', stamp: expect.any(Number) },
      { key: '$generation', stamp: expect.any(Number) },
    ])
  })
})

describe('threat 103: a session at two nodes of a store, without an adapter', () => {
  async function nodes() {
    const store = memoryStore()
    const [one, two] = [await start({ store }), await start({ store })]
    const at = (node: SessionApp, visitor: Visitor): Promise<unknown> => userOf(node, node.visitor(visitor.cookie))
    return { one, two, at, store }
  }

  it('ends at the other node, whether it is known there or not', async () => {
    const { one, two, at } = await nodes()
    const [used, unused] = [await signedIn(one), await signedIn(one)]
    expect(await at(two, used)).toEqual(ANN)
    await revoke(one)
    clock.advance(60_000)
    expect([await at(two, used), await at(two, unused)]).toEqual([GUEST, GUEST])
  })

  it('goes on if the other node learns of the exception after the revocation', async () => {
    const { one, two, at, store } = await nodes()
    const mine = await signedIn(one, setUser('ann'))
    const { load } = store
    const gate = new Gate()
    const passes = [gate]
    Object.assign(store, {
      load: async (name: string) => {
        if (name === 'user:s:ann') await passes.pop()?.pass()
        return load(name)
      },
    })
    const late = at(two, mine)
    await gate.entered
    clock.advance(1000)
    const except: Action = async (ctx) => {
      await ctx.liveSession.identify()
      await one.app.live.revoke('ann', { except: ctx as never })
    }
    await one.ask(mine, except)
    await one.app.live.settled()
    gate.open()
    await late
    expect(await at(two, mine)).toEqual(ANN)
  })

  it('goes on at the other node if its request is the exception', async () => {
    const { one, two, at } = await nodes()
    const [mine, other] = [await signedIn(one), await signedIn(one)]
    expect([await at(two, mine), await at(two, other)]).toEqual([ANN, ANN])
    clock.advance(60_000)
    await one.ask(mine, (ctx) => one.app.live.revoke('ann', { except: ctx }).then(() => null))
    expect([await at(two, mine), await at(two, other)]).toEqual([ANN, GUEST])
    expect([await at(one, mine), await at(one, other)]).toEqual([ANN, GUEST])
  })

  it('ends if it was moved from another store before the revocation', async () => {
    const { one, two, at } = await nodes()
    const visitor = await one.withSession({ cart: 1 })
    await one.app.live.sessionStore().set(sessionId(visitor), { user: 'ann' }, 86_400_000)
    await revoke(one)
    expect([await at(two, visitor), await at(one, visitor)]).toEqual([GUEST, GUEST])
  })

  it('ends if the other node learns of the revocation meanwhile', async () => {
    const store = memoryStore()
    const gate = new Gate()
    const passes = [gate]
    const load: typeof store.load = async (name) => {
      if (name.startsWith('browser:')) await passes.pop()?.pass()
      return store.load(name)
    }
    const [one, two] = [await start({ store }), await start({ store: { ...store, load } })]
    const unsaid = one.visitor(cookieFor(one.app.live, {}))
    await one.ask(unsaid, setUser('ann'))
    const held = two.read(two.visitor(unsaid.cookie))
    await gate.entered
    await revoke(one)
    clock.advance(60_000)
    await two.read(two.visitor((await signedIn(one)).cookie))
    gate.open()
    await held
    expect(await userOf(two, two.visitor(unsaid.cookie))).toEqual(GUEST)
  })

  it('lists no ended session, and signs out as before', async () => {
    const { one, two } = await nodes()
    await signedIn(one)
    await revoke(one)
    clock.advance(60_000)
    const visitor = await signedIn(one)
    for (const node of [one, two]) expect(await node.app.live.devices('ann')).toHaveLength(1)
    await one.ask(visitor, signOut)
    expect(await userOf(one, visitor)).toEqual(GUEST)
  })
})
