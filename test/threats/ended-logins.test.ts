import { describe, expect, it } from '@jest/globals'
import type { SessionStore, Store } from 'koa-live-session'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { identify } from '../support/app/auth.js'
import { appOnly } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { expectNoCrashes } from '../support/app/no-crashes.js'
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
  userOf,
} from '../support/app/sessions.js'
import { DAY, HOUR, MINUTE } from '../support/app/times.js'
import type { Visitor } from '../support/app/visitor.js'
import { turns } from '../support/app/within.js'

const clock = testClock()
const start = (given: object = {}, session: object = {}): Promise<SessionApp> =>
  SessionApp.start({ clock, session, options: { identify, ...given } as never })

const setAnn = setUser('ann')
const signIn = all(setAnn, rotate, identifyNow)
const keepCart: Action = all(({ session }) => void delete session.user, rotate, leave)

async function signedIn(node: SessionApp, action: Action = signIn): Promise<Visitor> {
  const visitor = await node.withSession({ cart: 1 })
  await node.ask(visitor, action)
  return visitor
}

/** Two sessions of a login: a held step-up makes the second, as with a copied cookie. */
async function twoOfALogin(node: SessionApp): Promise<readonly [own: Visitor, other: Visitor]> {
  const own = await signedIn(node)
  const other = node.visitor(own.cookie)
  await node.during(
    other,
    () => undefined,
    () => node.ask(own, rotate),
    rotate,
  )
  return [own, other]
}

expectNoCrashes()

describe.each<[string, () => object]>([
  ['in memory', () => ({})],
  ['in a store', () => ({ store: memoryStore() })],
])('%s', (_, options) => {
  it('threat 143: a sign-out after the headers ends the login', async () => {
    const node = await start(options())
    const [own, other] = await twoOfALogin(node)
    expect([await userOf(node, own), await userOf(node, other)]).toEqual(['ann', 'ann'])
    const late: Action = async (ctx) => {
      const { liveSession, res } = ctx
      const user = liveSession.userId
      Object.assign(ctx, { respond: false })
      res.writeHead(200)
      await liveSession.leave().finally(() => res.end())
      return user
    }
    expect((await node.fetch(own, late)).status).toBe(200)
    await turns(5)
    expect(await userOf(node, other)).toBeNull()
  })

  it.each<[string, (node: SessionApp, former: Visitor) => Promise<unknown>]>([
    ['a revocation', ({ app }) => app.live.revoke('ann')],
    ['a sign-out under a former id', (node, former) => node.ask(former, all(signOut, leave))],
    ['endDevice', async ({ app: { live } }) => live.endDevice('ann', (await live.devices('ann'))[0]?.name ?? '')],
  ])('threat 144: a job saves no session that ended meanwhile: %s', async (_name, end) => {
    const node = await start(options())
    const visitor = await signedIn(node)
    const former = node.visitor(visitor.cookie)
    await node.ask(visitor, rotate)
    const store: SessionStore = node.app.live.sessionStore()
    const id = sessionId(visitor)
    const values = await store.get(id)
    await end(node, former)
    expect(await userOf(node, node.visitor(visitor.cookie))).toBeNull()
    await store.set(id, { ...Object(values), mailed: true }, 60_000).catch(() => undefined)
    expect(await userOf(node, node.visitor(visitor.cookie))).toBeNull()
  })

  it.each([false, true])(
    'threat 146: a new password signs its own browser in (then regenerates: %p)',
    async (isRotated) => {
      const node = await start(options())
      const thief = await signedIn(node)
      const own = node.visitor()
      await node.ask(own, async (ctx) => {
        await all(setAnn, identifyNow)(ctx)
        await node.app.live.revoke('ann', { except: ctx })
        if (isRotated) await rotate(ctx)
      })
      expect([await userOf(node, own), await userOf(node, thief)]).toEqual(['ann', null])
    },
  )

  it('threat 149: 101 sign-ins within an hour end no browser in use', async () => {
    const node = await start(options())
    clock.advance(HOUR - (clock.now() % HOUR))
    const own = await signedIn(node)
    for (let at = 0; at < 101; at += 1) {
      clock.advance(10_000)
      await node.ask(node.visitor(), signIn)
      await userOf(node, own)
    }
    expect(await userOf(node, own)).toBe('ann')
    expect(await node.app.live.devices('ann')).toHaveLength(100)
  })

  it('threat 149: 101 expired logins end no login in use', async () => {
    const node = await start(options(), { maxAge: 14 * DAY })
    const own = await signedIn(node)
    const short: Action = ({ session }) => void Object.assign(session, { maxAge: 20 * MINUTE })
    for (let at = 0; at < 101; at += 1) {
      clock.advance(30 * MINUTE)
      await node.ask(node.visitor(), all(short, signIn))
    }
    expect(await node.app.live.devices('ann')).toHaveLength(2)
    expect(await userOf(node, own)).toBe('ann')
  })

  it('threat 149: a login stays listed when its session gets a longer maxAge', async () => {
    const node = await start(options(), { maxAge: HOUR })
    const own = await signedIn(node)
    await node.ask(own, ({ session }) => void Object.assign(session, { maxAge: 30 * DAY }))
    await node.ask(own, () => null)
    clock.advance(5 * DAY)
    await signedIn(node)
    const devices = await node.app.live.devices('ann')
    expect(devices).toHaveLength(2)
    expect(await node.app.live.endDevice('ann', devices.at(-1)?.name ?? '')).toBe(true)
    expect(await userOf(node, own)).toBeNull()
  })

  it('threat 151: a sign-in overtaken by a revocation cannot except itself', async () => {
    const node = await start(options())
    const own = await signedIn(node)
    const late = node.visitor()
    const exceptSelf: Action = (ctx) => node.app.live.revoke('ann', { except: ctx }).then(() => null)
    await node.during(late, signIn, () => node.ask(own, all(rotate, exceptSelf)), exceptSelf)
    expect(await userOf(node, late)).toBeNull()
  })

  it('threat 152: an expired id ends no session of the next visitor', async () => {
    const node = await start(options(), { maxAge: HOUR })
    const own = await signedIn(node)
    const copy = node.visitor(own.cookie)
    clock.advance(2 * HOUR)
    await node.ask(
      own,
      all(({ session }) => void Object.assign(session, { user: 'bob' }), rotate),
    )
    await node.ask(copy, all(signOut, leave))
    await node.app.live.erase('ann')
    expect(await userOf(node, own)).toBe('bob')
  })

  it('threat 153: a sign-out while the plugin closes is answered', async () => {
    const node = await start(options())
    const own = await signedIn(node)
    const response = await node.during(
      own,
      () => undefined,
      () => node.app.live.close(),
      all(signOut, leave),
    )
    expect(response.status).toBe(503)
  })

  const bound = {
    valid: (ctx: { get(name: string): string }, { ip }: { ip?: string }) => !ip || ctx.get('x-ip') === ip,
  }
  it.each<[string, Action]>([
    ['ctx.session = null', all(signOut, leave)],
    ['a kept cart', keepCart],
    ['leave()', leave],
  ])('threat 147: a sign-out ends the session that `valid` refused: %s', async (_name, action) => {
    const node = await start(options(), bound)
    const headers = { 'x-ip': '1' }
    const own = node.visitor()
    await node.fetch(
      own,
      all(({ session }) => Object.assign(session, { ip: '1' }), signIn),
      { headers },
    )
    const seen = async (): Promise<unknown> =>
      (await node.fetch(node.visitor(own.cookie), ({ session }) => session.user ?? null, { headers })).json()
    expect(await seen()).toBe('ann')
    await node.fetch(node.visitor(own.cookie), action)
    expect(await seen()).toBeNull()
  })
})

it('threat 150: a held request saves no session evicted before its sign-out', async () => {
  const node = await SessionApp.start({ clock, options: { cache: { maxVisitors: 10 } } as never })
  const visitor = await node.withSession({ user: 'ann' })
  const copy = node.visitor(visitor.cookie)
  await node.during(
    copy,
    () => undefined,
    async () => {
      await node.flood()
      await node.ask(visitor, all(signOut, leave))
    },
    ({ session }) => void Object.assign(session, { late: true }),
  )
  expect(await userOf(node, copy)).toBeNull()
})

it('threat 154: leave() keeps the cart although a wrapper changes session ids', async () => {
  const wrapped = (inner: SessionStore) =>
    ({
      store: {
        get: (id: string, ...rest: never[]) => inner.get(`tenant:${id}`, ...rest),
        set: (id: string, saved: unknown, ...rest: never[]) => inner.set(`tenant:${id}`, saved, ...rest),
        destroy: (id: string, ...rest: never[]) => inner.destroy(`tenant:${id}`, ...rest),
      },
    }) as never
  const node = await SessionApp.start({ clock, session: wrapped, options: { identify } as never })
  const own = await signedIn(node)
  await node.ask(
    own,
    all(({ session }) => void delete session.user, leave),
  )
  expect(await node.read(own)).toMatchObject({ cart: 1 })
})

it('threat 155: a sign-in without identify() outlives a revocation before it', async () => {
  const store = memoryStore()
  const [one, two] = [await start({ store }), await start({ store })]
  await userOf(two, await signedIn(two))
  await one.app.live.revoke('ann')
  clock.advance(1000)
  const visitor = await signedIn(two, all(setAnn, rotate))
  expect(await userOf(two, visitor)).toBe('ann')
  clock.advance(120_000)
  expect([await userOf(two, visitor), await userOf(one, one.visitor(visitor.cookie))]).toEqual(['ann', 'ann'])
})

it('threat 156: revoke() with except resolves when the store has the exception', async () => {
  const content = memoryStore()
  const [writing, held] = [new Gate(), { isHeld: false }]
  const merge: Store['merge'] = async (name, registers) => {
    if (held.isHeld && name.startsWith('session:')) await writing.pass()
    return content.merge(name, registers)
  }
  const options = { store: { ...content, merge }, storeTimeout: 60_000 }
  const [one, two] = [await start(options), await start(options)]
  const own = await signedIn(one)
  let isAnswered = false
  const answer = one.ask(own, async (ctx) => {
    held.isHeld = true
    await one.app.live.revoke('ann', { except: ctx })
    isAnswered = true
    return null
  })
  await writing.entered
  await one.app.live.user('ann')
  await turns(20)
  expect(isAnswered).toBe(false)
  held.isHeld = false
  writing.open()
  await answer
  expect(await userOf(two, two.visitor(own.cookie))).toBe('ann')
})

it.each([1, 2])('threat 149: a user has at most 100 logins at %p nodes, also after a restart', async (count) => {
  const store = memoryStore()
  const begin = (): Promise<readonly SessionApp[]> => Promise.all(Array.from({ length: count }, () => start({ store })))
  let nodes = await begin()
  const visitors: Visitor[] = []
  for (let at = 0; at < 120; at += 1) {
    if (at === 60) nodes = await begin()
    const node = nodes[at % count]
    if (!node) throw new Error('never')
    clock.advance(1000)
    const visitor = node.visitor()
    await node.ask(visitor, signIn)
    visitors.push(visitor)
    await turns(5)
  }
  const [last] = await begin()
  const users = await Promise.all(visitors.map(({ cookie }) => last && userOf(last, last.visitor(cookie))))
  expect(users.filter((user) => user === 'ann')).toHaveLength(100)
})

it('threat 148: destroy(id) ends the login although a regenerate() is quicker', async () => {
  const content = memoryStore()
  const [loading, held] = [new Gate(), { isNext: false }]
  const load: Store['load'] = async (name) => {
    const registers = await content.load(name)
    if (!held.isNext) return registers
    held.isNext = false
    await loading.pass()
    return registers
  }
  const node = await start({ store: { ...content, load } })
  const visitor = await signedIn(node)
  held.isNext = true
  const destroyed = node.app.live.sessionStore().destroy(sessionId(visitor))
  await loading.entered
  await node.ask(visitor, rotate)
  await turns(5)
  loading.open()
  await destroyed
  expect(await userOf(node, visitor)).toBeNull()
})

it('threat 157: another node keeps the session after a switch of accounts', async () => {
  const content = memoryStore()
  const storing = new Gate()
  const merge: Store['merge'] = async (name, registers) => {
    if (registers.some(({ key }) => key === '$login') && isHeld) await storing.pass()
    return content.merge(name, registers)
  }
  let isHeld = false
  const [one, two] = [await start({ store: { ...content, merge } }), await start({ store: content })]
  const visitor = await signedIn(one)
  isHeld = true
  await one.ask(
    visitor,
    all(({ session }) => void Object.assign(session, { user: 'bob' }), identifyNow),
  )
  await storing.entered
  await turns(5)
  expect(await two.read(two.visitor(visitor.cookie))).toMatchObject({ cart: 1 })
  storing.open()
  await turns(5)
  const other = two.visitor(visitor.cookie)
  expect([await two.read(other), await userOf(two, other)]).toEqual([expect.objectContaining({ cart: 1 }), 'bob'])
})

it('threat 145: beside 3,000 sessions, a socket notices an end at another node', async () => {
  const store = memoryStore()
  const options = { store, storeRefresh: 2 }
  const [one, two] = [await start(options), await start(options)]
  const visitor = await signedIn(two)
  for (let at = 0; at < 5; at += 1) await two.visitor().connect()
  // A copy of the session's cookie alone, because the sign-out closes the connections with the live cookie.
  const page = await two.visitor(appOnly(visitor.cookie).join('; ')).connect()
  const filler = two.app.live.sessionStore()
  for (let id = 0; id < 3000; id += 1) await filler.set(`filler ${id}`, { id }, 60_000)
  clock.advance(1000)
  await turns(20)
  await one.ask(one.visitor(visitor.cookie), all(signOut, leave))
  for (let second = 0; second < 2; second += 1) {
    clock.advance(1000)
    await turns(20)
  }
  await page.closed
})
