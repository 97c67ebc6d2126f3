import { describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor, memoryStore, testClock } from 'koa-live-session/testing'
import type { Socket } from 'socket.io'
import { sessionName } from '../../server/features/session-store/session-content.js'
import { appSessionsOf } from '../support/app/app-sessions.js'
import { identify } from '../support/app/auth.js'
import { Bus } from '../support/app/bus.js'
import { Gate } from '../support/app/gate.js'
import { expectNoCrashes } from '../support/app/no-crashes.js'
import {
  type Action,
  all,
  identifyNow,
  leave,
  rotate,
  SessionApp,
  seen,
  sessionId,
  setUser,
  signOut,
  userOf,
} from '../support/app/sessions.js'
import { MINUTE } from '../support/app/times.js'
import type { Visitor } from '../support/app/visitor.js'
import { turns } from '../support/app/within.js'
import { withoutTime } from '../support/app/without-time.js'

const clock = testClock()
/** ms after which a store is late, where a test makes it so. */
const LATE = 1000
const start = (given: object = {}): Promise<SessionApp> =>
  SessionApp.start({ clock, options: { identify, ...given } as never })

const signIn = (user: string): Action => all(setUser(user), rotate, identifyNow)

async function signedIn(node: SessionApp): Promise<Visitor> {
  const visitor = await node.withSession({ cart: 1 })
  await node.ask(visitor, signIn('ann'))
  return visitor
}

/** Holds back an app's `identify` from the moment when it is slow. */
function slowIdentify() {
  const asking = new Gate()
  const state = { isSlow: false }
  const slow = async (ctx: Koa.Context): Promise<unknown> => {
    const user = identify?.(ctx)
    if (state.isSlow) await asking.pass()
    return user
  }
  return { asking, state, slow }
}

/** A store whose calls that `isHeld` chooses wait at a gate. */
function gatedStore(content: ReturnType<typeof memoryStore>, act: 'load' | 'merge') {
  const gate = new Gate()
  const rule = { isHeld: (_name: string, _keys: readonly string[]) => false }
  const hold = async (name: string, keys: readonly string[]): Promise<void> => {
    if (rule.isHeld(name, keys)) await gate.pass()
  }
  const store: typeof content = {
    ...content,
    load: async (name) => {
      if (act === 'load') await hold(name, [])
      return content.load(name)
    },
    merge: async (name, registers) => {
      const keys = registers.map(({ key }) => key)
      if (act === 'merge') await hold(name, keys)
      return content.merge(name, registers)
    },
  }
  return { gate, rule, store }
}

expectNoCrashes()

describe.each<[string, () => object]>([
  ['in memory', () => ({})],
  ['in a store', () => ({ store: memoryStore() })],
])('%s', (_, options) => {
  it.each(['revoke', 'erase'] as const)('threat 159: %s ends a sign-in whose identify() still waits', async (end) => {
    const { asking, state, slow } = slowIdentify()
    const node = await start({ ...options(), identify: slow })
    const visitor = await node.withSession({ cart: 1 })
    const answer = node.fetch(visitor, (ctx) => {
      state.isSlow = true
      return all(setUser('ann'), identifyNow, rotate)(ctx)
    })
    await asking.entered
    await node.app.live[end]('ann')
    state.isSlow = false
    asking.open()
    expect((await answer).status).toBe(200)
    expect(await userOf(node, visitor)).toBeNull()
    expect(await node.app.live.devices('ann')).toEqual([])
    await node.ask(visitor, signIn('ann'))
    expect(await userOf(node, visitor)).toBe('ann')
  })

  it.each<[string, Action]>([
    [
      'flash() before identify()',
      all(setUser('ann'), ({ liveSession }) => liveSession.flash('hi'), identifyNow, rotate),
    ],
    ['flash() alone', all(setUser('ann'), rotate, ({ liveSession }) => liveSession.flash('hi'))],
  ])('threat 166: a revocation ends a sign-in whose identify() waits in %s', async (_name, action) => {
    const { asking, state, slow } = slowIdentify()
    const node = await start({ ...options(), identify: slow })
    const visitor = await node.withSession({ cart: 1 })
    const answer = node.fetch(visitor, (ctx) => {
      state.isSlow = true
      return action(ctx)
    })
    await asking.entered
    clock.advance(1000)
    await node.app.live.revoke('ann')
    state.isSlow = false
    asking.open()
    await answer
    expect(await userOf(node, visitor)).toBeNull()
  })

  it('threat 167: a revocation ends the session of each user whom one request has signed in', async () => {
    const node = await start(options())
    const visitor = await node.withSession({ cart: 1 })
    await node.ask(visitor, all(setUser('ann'), rotate, identifyNow, setUser('bob'), identifyNow))
    expect(await userOf(node, visitor)).toBe('bob')
    clock.advance(1000)
    await node.app.live.revoke('ann')
    expect(await userOf(node, visitor)).toBeNull()
  })

  it('threat 168: leave() keeps the cart of a guest whose session memory has evicted', async () => {
    const node = await start(options())
    const visitor = await node.withSession({ cart: 1 })
    const sessions = appSessionsOf(node.app.live)
    await node.ask(visitor, (ctx) => {
      for (const entry of [...sessions.all()]) sessions.drop(entry)
      return leave(ctx)
    })
    expect(await node.read(visitor)).toEqual({ cart: 1 })
  })

  it.each([true, false])(
    'threat 171: a cart stays after a sign-in that its request takes back (had a session: %p)',
    async (hadSession) => {
      const node = await start(options())
      const visitor = hadSession ? await node.withSession({ cart: 1 }) : node.visitor()
      const takenBack = all(setUser('ann'), identifyNow, rotate, ({ session }) => {
        delete session.user
        Object.assign(session, { cart: 2 })
      })
      await node.ask(visitor, all(takenBack, leave))
      clock.advance(1000)
      await node.app.live.revoke('ann')
      expect(await node.read(visitor)).toEqual({ cart: 2 })
    },
  )

  it('threat 168: a guest’s planted id ends nothing after identify(), save() and regenerate()', async () => {
    const node = await start(options())
    const visitor = await node.withSession({ cart: 1 })
    const planted = node.visitor(visitor.cookie)
    await node.ask(
      visitor,
      all(setUser('ann'), identifyNow, ({ session }) => session.save(), rotate),
    )
    await node.ask(
      planted,
      all(({ session }) => void Object.assign(session, null), leave),
    )
    expect(await userOf(node, visitor)).toBe('ann')
  })

  it('threat 161: a sign-out of a browser that has left forgets the user', async () => {
    const node = await start(options())
    const visitor = await signedIn(node)
    const [waiting, left] = [new Gate(), new Gate()]
    const controller = new AbortController()
    const answer = node.fetch(
      visitor,
      async (ctx) => {
        delete ctx['session'].user
        await ctx['session'].save()
        ctx.res.once('close', () => void left.pass())
        await waiting.pass()
        await leave(ctx)
      },
      { signal: controller.signal },
    )
    await waiting.entered
    controller.abort()
    await answer.catch(() => undefined)
    await left.entered
    waiting.open()
    await turns(5)
    expect(await node.app.live.devices('ann')).toEqual([])
    await node.ask(visitor, all(setUser('bob'), rotate, identifyNow))
    clock.advance(1000)
    await node.app.live.revoke('ann')
    expect(await userOf(node, visitor)).toBe('bob')
  })

  it.each([true, false])(
    'threat 173: regenerate() before live.middleware() keeps the user (identify(): %p)',
    async (isIdentified) => {
      let isRenewing = false
      const renew: Koa.Middleware = async (ctx, next) => {
        if (isRenewing) await ctx['session'].regenerate()
        return next()
      }
      const node = await SessionApp.start({ clock, options: { identify, ...options() } as never, between: [renew] })
      const visitor = await node.withSession({ cart: 1 })
      await node.ask(visitor, isIdentified ? signIn('ann') : all(setUser('ann'), rotate))
      await node.read(visitor)
      isRenewing = true
      const seen = ({ liveSession, session }: Koa.Context): unknown => [liveSession.userId, session.user]
      const renewed = node.ask(visitor, (ctx) => {
        ctx['session'].cart = 2
        return seen(ctx)
      })
      expect(await renewed).toEqual(['ann', 'ann'])
      isRenewing = false
      expect(await node.ask(visitor, seen)).toEqual(['ann', 'ann'])
      await node.app.live.revoke('ann')
      expect(await userOf(node, visitor)).toBeNull()
    },
  )

  it.each<[string, Action]>([
    ['saves the user', ({ session }) => void Object.assign(session, { user: 'ann', seen: 2 })],
    ['switches the account', all(setUser('bob'), rotate, identifyNow)],
    ['acts as another user', all(setUser('bob'), identifyNow)],
  ])('threat 178: after a sign-out that keeps the cart, a held request %s in vain', async (_name, late) => {
    const node = await start(options())
    const visitor = await signedIn(node)
    const thief = node.visitor(visitor.cookie)
    const forget: Action = ({ session }) => void delete session.user
    await node.during(
      thief,
      () => undefined,
      () => node.ask(visitor, all(forget, leave)),
      late,
    )
    expect(await seen(node, visitor)).toEqual([null, 1])
    for (const _ of [1, 2]) expect(await seen(node, thief)).toEqual([null, null])
  })

  it('threat 178: a session set after leave() gets a new id', async () => {
    const node = await start(options())
    const visitor = await signedIn(node)
    const thief = node.visitor(visitor.cookie)
    const setCart: Action = (ctx) => void Object.assign(ctx, { session: { cart: 2 } })
    await node.during(
      thief,
      () => undefined,
      () => node.ask(visitor, all(signOut, leave, setCart)),
      ({ session }) => void Object.assign(session, { user: 'bob' }),
    )
    expect([await seen(node, visitor), await seen(node, thief)]).toEqual([
      [null, 2],
      [null, null],
    ])
  })

  it('threat 178: leave() and then null end the session without autoCommit', async () => {
    const node = await SessionApp.start({
      clock,
      options: { identify, ...options() } as never,
      session: { autoCommit: false },
    })
    const visitor = node.visitor()
    const commit: Action = ({ session }) => session.manuallyCommit()
    await node.ask(visitor, all(setUser('ann'), commit, rotate, identifyNow))
    expect(await userOf(node, visitor)).toBe('ann')
    await node.ask(visitor, all(leave, signOut))
    expect([await userOf(node, visitor), await node.app.live.devices('ann')]).toEqual([null, []])
  })

  it.each<[string, Action]>([
    ['two leave()', ({ liveSession }) => Promise.all([liveSession.leave(), liveSession.leave()])],
    [
      'leave() beside regenerate()',
      ({ liveSession, session }) => Promise.all([liveSession.leave(), session.regenerate()]),
    ],
    ['two regenerate()', ({ session }) => Promise.all([session.regenerate(), session.regenerate()])],
  ])('answers a request that calls %s at once', async (_name, action) => {
    const node = await start(options())
    const visitor = await signedIn(node)
    const answer = await node.fetch(visitor, (ctx) => Promise.resolve(action(ctx)).then(() => null))
    expect(answer.status).toBe(200)
    expect(await node.read(visitor)).toMatchObject({ cart: 1 })
  })

  it('threat 179: ends a session that earlier middleware has renewed and reassigned', async () => {
    const gate = new Gate()
    const state = { isHeld: false }
    const between: Koa.Middleware = async (ctx, next) => {
      if (state.isHeld) {
        state.isHeld = false
        await ctx['session'].regenerate()
        ctx['session'] = { ...ctx['session'].toJSON() }
        await gate.pass()
      }
      return next()
    }
    const node = await SessionApp.start({ clock, between: [between], options: { identify, ...options() } as never })
    const visitor = await signedIn(node)
    state.isHeld = true
    const late = userOf(node, node.visitor(visitor.cookie))
    await gate.entered
    await node.app.live.revoke('ann')
    gate.open()
    expect(await late).toBeNull()
  })

  it('threat 175: a request overtaken by a sign-out records nobody in the cart', async () => {
    const { asking, state, slow } = slowIdentify()
    const node = await start({ ...options(), identify: slow })
    const visitor = await signedIn(node)
    state.isSlow = true
    const late = node.read(node.visitor(visitor.cookie))
    await asking.entered
    state.isSlow = false
    await node.ask(
      visitor,
      all(({ session }) => void Reflect.deleteProperty(session, 'user'), leave),
    )
    asking.open()
    await late
    expect(await node.app.live.devices('ann')).toEqual([])
    await node.app.live.revoke('ann')
    expect(await node.read(visitor)).toEqual({ cart: 1 })
  })

  it('threat 164: a label that is a rejected promise ends no process', async () => {
    const deviceLabel = (): unknown => Promise.reject(new Error('no label'))
    const node = await start({ ...options(), deviceLabel })
    await signedIn(node)
    expect(await node.app.live.devices('ann')).toMatchObject([{ label: undefined }])
    expect(node.app.errors.map(String)).toContainEqual(expect.stringContaining('deviceLabel'))
  })
})

it('threat 160: handOff rejects if its user is revoked while it loads the user', async () => {
  const content = memoryStore()
  const { gate, rule, store } = gatedStore(content, 'load')
  const [one, two] = [await start({ store }), await start({ store: content })]
  const bus = new Bus()
  for (const { app } of [one, two]) bus.join(app.io)
  const connected = new Promise<Socket>((resolve) => one.app.io.once('connection', resolve))
  await one.visitor(cookieFor(one.app.live, {})).connect()
  const socket = await connected
  rule.isHeld = (name) => name === 'user:s:ann'
  const sent = socket.liveSession.handOff('sign-in', {}, { to: '/', user: 'ann' })
  await gate.entered
  await two.app.live.revoke('ann')
  await turns(5)
  gate.open()
  await expect(sent).rejects.toMatchObject({ code: 'superseded' })
})

it('threat 160: handOff rejects if its socket closes while it loads the user', async () => {
  const { gate, rule, store } = gatedStore(memoryStore(), 'load')
  const node = await start({ store })
  const connected = new Promise<Socket>((resolve) => node.app.io.once('connection', resolve))
  await node.visitor(cookieFor(node.app.live, {})).connect()
  const socket = await connected
  rule.isHeld = (name) => name === 'user:s:ann'
  const sent = socket.liveSession.handOff('sign-in', {}, { to: '/', user: 'ann' })
  await gate.entered
  socket.disconnect(true)
  gate.open()
  await expect(sent).rejects.toMatchObject({ code: 'closed' })
})

it.each([true, false])(
  'threat 162: no node learns of a revocation before its exception (adapter: %p)',
  async (hasAdapter) => {
    const content = memoryStore()
    const { gate, rule, store } = gatedStore(content, 'merge')
    const [one, two] = [await start({ store }), await start({ store: content })]
    const bus = new Bus()
    if (hasAdapter) for (const { app } of [one, two]) bus.join(app.io)
    const visitor = await signedIn(one)
    await one.app.live.settled()
    clock.advance(1000)
    rule.isHeld = (name) => name.startsWith('session:')
    const revoked = one.fetch(visitor, (ctx) => one.app.live.revoke('ann', { except: ctx }))
    await gate.entered
    await turns(5)
    expect(await userOf(two, two.visitor(visitor.cookie))).toBe('ann')
    gate.open()
    expect((await revoked).status).toBe(200)
    expect(await userOf(two, two.visitor(visitor.cookie))).toBe('ann')
  },
)

it.each<[string, Action]>([
  ['identify() after regenerate()', signIn('ann')],
  ['regenerate() after identify()', all(setUser('ann'), identifyNow, rotate)],
])('threat 163: the answer to a sign-in waits for its record: %s', async (_, action) => {
  const { gate, rule, store } = gatedStore(memoryStore(), 'merge')
  const node = await start({ store, storeTimeout: MINUTE })
  const visitor = await node.withSession({ cart: 1 })
  rule.isHeld = (_name, keys) => keys.some((key) => key.startsWith('$user.'))
  const order: string[] = []
  const answer = node.ask(visitor, action).then(() => order.push('answered'))
  await gate.entered
  await turns(5)
  order.push('stored')
  gate.open()
  await answer
  expect(order).toEqual(['stored', 'answered'])
})

it('threat 182: endDevice ends a login whose session is getting another id', async () => {
  const { gate, rule, store } = gatedStore(memoryStore(), 'merge')
  const node = await start({ store })
  const { live } = node.app
  const visitor = await signedIn(node)
  const own = sessionName(sessionId(visitor))
  rule.isHeld = (name) => name === own
  const renewed = node.fetch(visitor, rotate)
  await gate.entered
  const [device] = await live.devices('ann')
  const ended = live.endDevice('ann', `${device?.name}`)
  await turns(5)
  gate.open()
  expect([await ended, (await renewed).status]).toEqual([true, 409])
  expect([await userOf(node, visitor), await live.devices('ann')]).toEqual([null, []])
})

it('threat 182: a request overtaken by the end of its session lists no other device', async () => {
  const { gate, rule, store } = gatedStore(memoryStore(), 'load')
  const node = await start({ store, storeTimeout: MINUTE })
  const visitor = await signedIn(node)
  const copy = node.visitor(visitor.cookie)
  const sessions = appSessionsOf(node.app.live)
  const own = sessionName(sessionId(visitor))
  const listed = await node.app.live.devices('ann')
  clock.advance(MINUTE)
  let asked = 0
  rule.isHeld = (name) => {
    if (name.startsWith('browser:')) asked += 1
    return asked === 2 // the login, then the browser itself
  }
  const late = node.fetch(copy, () => null)
  await gate.entered
  sessions.destroy(own, undefined)
  gate.open()
  await late
  expect(await node.app.live.devices('ann')).toEqual(listed)
})

it('threat 165: leave() ends the login of a session that memory has just evicted', async () => {
  const byHeader = ({ request }: Koa.Context): string | undefined => request.get('x-user') || undefined
  const node = await start({ store: memoryStore(), identify: byHeader })
  const own = node.visitor()
  const headers = { 'x-user': 'ann' }
  await node.fetch(own, signIn('ann'), { headers })
  await node.fetch(own, rotate, { headers })
  const sibling = node.visitor(own.cookie)
  const waiting = new Gate()
  const stepUp = node.fetch(
    sibling,
    all(() => waiting.pass(), rotate),
    { headers },
  )
  await waiting.entered
  await node.fetch(own, rotate, { headers })
  waiting.open()
  await stepUp
  const sessions = appSessionsOf(node.app.live)
  await node.fetch(
    own,
    (ctx) => {
      for (const entry of [...sessions.all()]) sessions.drop(entry)
      return leave(ctx)
    },
    { headers },
  )
  const after = await node.fetch(sibling, ({ session }) => session.user ?? null, { headers })
  expect(await after.json()).toBeNull()
})

it.each<[string, (node: SessionApp, visitor: Visitor) => Promise<unknown>]>([
  ['a sign-out', (node, visitor) => node.ask(visitor, all(signOut, leave))],
  ['a revocation', (node) => node.app.live.revoke('ann')],
])('threat 176: %s elsewhere ends the session although the store was late', async (_, end) => {
  const content = memoryStore()
  const { gate, rule, store } = gatedStore(content, 'load')
  const [one, two] = [await start({ store: content }), await start({ store, storeTimeout: LATE })]
  const visitor = await signedIn(one)
  const elsewhere = two.visitor(visitor.cookie)
  expect(await userOf(two, elsewhere)).toBe('ann')
  rule.isHeld = () => true
  await withoutTime(async () => {
    const late = userOf(two, elsewhere)
    await gate.entered
    await jest.advanceTimersByTimeAsync(LATE)
    expect(await late).toBe('ann')
  })
  rule.isHeld = () => false
  gate.open()
  await turns(5)
  clock.advance(MINUTE)
  await end(one, visitor)
  await one.app.live.settled()
  expect(await userOf(two, elsewhere)).toBeNull()
})

const exceptSelf =
  (node: SessionApp): Action =>
  (ctx) =>
    node.app.live.revoke('ann', { except: ctx }).then(
      () => 'revoked',
      ({ code }) => code,
    )

/** Signs ann in at a node, and gives another node a copy of her session under an id that this node has renewed. */
async function copiedTo(two: SessionApp, one: SessionApp) {
  const visitor = await signedIn(one)
  const thief = two.visitor(visitor.cookie)
  await two.ask(thief, rotate)
  await two.read(thief)
  return { visitor, thief }
}

describe('revoke() with except, at a node that has not learned of a sign-out', () => {
  it('threat 180: asks the store, and leaves the session ended', async () => {
    const options = { store: memoryStore() }
    const [one, two] = [await start(options), await start(options)]
    const { visitor, thief } = await copiedTo(two, one)
    await one.ask(visitor, all(signOut, leave))
    expect(await two.ask(thief, exceptSelf(two))).toBe('revoked')
    clock.advance(MINUTE)
    expect([await userOf(one, one.visitor(thief.cookie)), await userOf(two, thief)]).toEqual([null, null])
  })

  it('threat 180: asks again beside a load that began before the end', async () => {
    const content = memoryStore()
    const gate = new Gate()
    const rule = { isHeld: false }
    const load: typeof content.load = async (name) => {
      const stored = await content.load(name)
      if (rule.isHeld && !name.startsWith('session:')) await gate.pass()
      return stored
    }
    const options = { storeTimeout: MINUTE }
    const [one, two] = [
      await start({ store: content, ...options }),
      await start({ store: { ...content, load }, ...options }),
    ]
    const { visitor, thief } = await copiedTo(two, one)
    const early = async (): Promise<unknown> => {
      clock.advance(2 * MINUTE)
      rule.isHeld = true
      const read = two.read(two.visitor(thief.cookie))
      await gate.entered
      rule.isHeld = false
      await one.ask(visitor, all(signOut, leave))
      return { read }
    }
    await two.during(
      two.visitor(thief.cookie),
      () => undefined,
      early,
      async (ctx) => {
        const spared = exceptSelf(two)(ctx)
        await turns(5)
        gate.open()
        await spared
      },
    )
    clock.advance(2 * MINUTE)
    expect([await userOf(one, one.visitor(thief.cookie)), await userOf(two, thief)]).toEqual([null, null])
  })

  it('threat 180: rejects while the store does not answer, and revokes nothing', async () => {
    const content = memoryStore()
    let isDown = false
    const load: typeof content.load = async (name) => {
      if (isDown) throw new Error('down')
      return content.load(name)
    }
    const [one, two] = [
      await start({ store: content }),
      await start({ store: { ...content, load }, onError: () => undefined }),
    ]
    const { visitor, thief } = await copiedTo(two, one)
    const other = await signedIn(one)
    isDown = true
    await one.ask(visitor, all(signOut, leave))
    expect(await two.ask(thief, exceptSelf(two))).toBe('store_unavailable')
    isDown = false
    clock.advance(MINUTE)
    await turns(5)
    expect([await userOf(one, one.visitor(thief.cookie)), await userOf(two, thief)]).toEqual([null, null])
    expect(await userOf(one, other)).toBe('ann')
  })
})

it.each<[string, (node: SessionApp, visitor: Visitor) => Promise<unknown>]>([
  ['a sign-out', (node, visitor) => node.ask(visitor, all(signOut, leave))],
  ['a revocation', (node) => node.app.live.revoke('ann')],
])('threat 177: after a failed store call of an idle node, %s elsewhere ends the session', async (_, end) => {
  const content = memoryStore()
  const store = { ...content }
  const [one, two] = [await start({ store: content }), await start({ store })]
  const visitor = await signedIn(one)
  const { cookie } = visitor
  expect(await userOf(two, two.visitor(cookie))).toBe('ann')
  clock.advance(MINUTE)
  store.load = () => Promise.reject(new Error('the connection is lost'))
  expect(await userOf(two, two.visitor(cookie))).toBe('ann')
  store.load = content.load
  clock.advance(MINUTE)
  await turns(5)
  await end(one, visitor)
  await one.app.live.settled()
  expect(await Promise.all([1, 2, 3].map(() => userOf(two, two.visitor(cookie))))).toEqual([null, null, null])
})

it('a double click on a sign-out that keeps the cart is no error', async () => {
  const node = await start({ store: memoryStore() })
  const visitor = await signedIn(node)
  const both = [new Gate(), new Gate()]
  const answers = both.map((click) =>
    node.fetch(
      visitor,
      all(
        ({ session }) => void delete session.user,
        () => click.pass(),
        leave,
      ),
    ),
  )
  await Promise.all(both.map(({ entered }) => entered))
  for (const click of both) click.open()
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200])
  expect(await seen(node, visitor)).toEqual([null, 1])
})
