import { inspect } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { type MemoryStore, memoryStore, testClock } from 'koa-live-session/testing'
import { sessionName } from '../../server/features/session-store/session-content.js'
import { signInChange } from '../../server/features/session-store/sign-in.js'
import { userSubject } from '../../server/subjects/subject.js'
import type { StoredRegister } from '../../server/types/store.js'
import { isWellFormed } from '../../shared/json.js'
import { appSessionsOf } from '../support/app/app-sessions.js'
import { identify } from '../support/app/auth.js'
import { awaited } from '../support/app/awaited.js'
import { Bus } from '../support/app/bus.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'
import { atScale } from '../support/app/scale.js'
import { type Action, begin, connect, rotate, SessionApp, sessionId, signOut } from '../support/app/sessions.js'
import { DAY, HOUR } from '../support/app/times.js'
import type { Visitor } from '../support/app/visitor.js'
import { turn } from '../support/app/within.js'

/** Names with a meaning in JavaScript or koa-session. */
const NAMES = [
  '__proto__',
  'constructor',
  'toJSON',
  'length',
  'save',
  'maxAge',
  'isNew',
  'externalKey',
  '_expire',
  '_session',
]

/** All that a log could show of a value. */
function show(thing: unknown): string {
  const message = thing instanceof Error ? `${thing.message} ${thing.stack} ${show(thing.cause)}` : ''
  return `${message} ${inspect(thing, { depth: null, showHidden: true })}`
}

describe('threat 30: a handshake with live.sessionStore()', () => {
  const options = { identify, store: undefined } as never

  it.each(['rolling', 'renew'])('does not renew a session despite the option %s', async (mode) => {
    const bus = new Bus()
    const sessions = await SessionApp.start({ session: { [mode]: true, maxAge: DAY }, options })
    bus.join(sessions.app.io)
    const visitor = await sessions.withSession({ user: 'ann' })
    sessions.app.clock.advance(DAY - 1000)
    const { length } = bus.messages
    await sessions.session(visitor)
    expect(bus.messages).toHaveLength(length)
    sessions.app.clock.advance(60_000)
    expect(await sessions.read(visitor)).toEqual({})
  })

  it.each<[string, (ctx: Koa.Context) => unknown]>([
    ['saves', ({ session }) => session.save()],
    ['changes and saves', ({ session }) => Object.assign(session, { user: 'eve' }).save()],
    ['regenerates', ({ session }) => session.regenerate()],
    ['ends', signOut],
  ])('discards the changes of middleware that %s the session', async (_, act) => {
    const own: Koa.Middleware = async (ctx, next) => {
      await act(ctx)
      await next()
    }
    const chain: Koa.Middleware[] = [own]
    const sessions = await SessionApp.start({
      options,
      session: { rolling: true },
      attach: { handshake: [(ctx, next) => present(ctx.app.middleware[0])(ctx, () => present(chain[0])(ctx, next))] },
    })
    const visitor = await sessions.withSession({ user: 'ann' })
    await sessions.connect(visitor)
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
  })

  it('does not restore a session destroyed during identify', async () => {
    const gate = new Gate()
    const slow = async ({ path }: Koa.Context): Promise<undefined> => {
      if (path.startsWith('/socket.io')) await gate.pass()
    }
    const { sessions, visitor } = await begin(
      { user: 'ann' },
      { session: { rolling: true }, options: { identify: slow } as never },
    )
    const before = visitor.cookie
    const found: unknown[] = []
    sessions.app.io.on('connection', ({ session }) => found.push(session?.ended, session?.values()))
    const closed = new Promise((resolve) =>
      sessions.app.io.engine.once('connection', (conn) => conn.once('close', resolve)),
    )
    void visitor.connect()
    await gate.entered
    await sessions.app.live.sessionStore().destroy(sessionId(visitor))
    gate.open()
    await awaited('the close of the connection', closed)
    expect(found).toEqual([])
    expect(await sessions.read(sessions.visitor(before))).toEqual({})
  })
})

describe('threat 9: a late regenerate() of an ended session', () => {
  const signIn: Action = ({ session }) => Object.assign(session, { user: 'ann', at: 1 }).regenerate()

  /** Ends a session at a node during a request at another node of the same store. */
  async function overtaken(action: Action, end: (first: SessionApp, visitor: Visitor) => Promise<unknown>) {
    const start = () => SessionApp.start({ clock, options: { store } as never })
    const [clock, store] = [testClock(), memoryStore()]
    const [first, second] = [await start(), await start()]
    const visitor = await first.withSession({ user: 'ann', cart: ['a'] })
    const late = second.visitor(visitor.cookie)
    const response = await second.during(
      late,
      () => undefined,
      () => end(first, visitor),
      action,
    )
    return { response, late, second, visitor }
  }

  it.each<[string, Action]>([
    ['rotates the id', rotate],
    ['signs in', signIn],
    ['retries after the refusal', (ctx) => Promise.resolve(signIn(ctx)).catch(() => signIn(ctx))],
    ['saves after the refusal', (ctx) => Promise.resolve(signIn(ctx)).catch(() => ctx['session'].save())],
    ['ignores the refusal', (ctx) => Promise.resolve(signIn(ctx)).catch(() => 0)],
  ])('causes a 409 without a cookie for a request that %s', async (_, action) => {
    const { response, late, second } = await overtaken(action, (first, visitor) => first.ask(visitor, signOut))
    expect([response.status, response.headers.getSetCookie()]).toEqual([409, []])
    expect(await second.read(late)).toEqual({})
  })

  it('fails after another regenerate() and a sign-out', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' })
    const late = sessions.visitor(visitor.cookie)
    const end = async (): Promise<void> => {
      for (const action of [rotate, signOut]) await sessions.ask(visitor, action)
    }
    expect((await sessions.during(late, () => undefined, end, rotate)).status).toBe(409)
    expect(await sessions.read(late)).toEqual({})
  })
})

describe('threat 10: a session', () => {
  it.each([...NAMES, 'x'.repeat(300), 'a\0b', '\ud800'])('rejects the key %j from a socket', async (key) => {
    const { sessions, visitor, session } = await connect({ user: 'ann' })
    await expect(session.set(key, { admin: true } as never)).rejects.toMatchObject({ code: 'malformed' })
    await expect(session.update(key, () => ({ admin: true }) as never)).rejects.toMatchObject({ code: 'malformed' })
    expect(session.get(key)).toBeUndefined()
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
    expect({}).not.toHaveProperty('admin')
  })

  it('drops __proto__ members that a request saves', async () => {
    const sessions = await SessionApp.start()
    const visitor = sessions.visitor()
    await sessions.ask(visitor, ({ session }) => {
      session.form = JSON.parse('{"__proto__":{"admin":true},"list":[{"__proto__":{"admin":true},"a":1}]}')
    })
    expect(await sessions.read(visitor)).toEqual({ form: { list: [{ a: 1 }] } })
    const admin = await sessions.ask(visitor, ({ session }) => [session.form.admin ?? null, session.admin ?? null])
    expect(admin).toEqual([null, null])
  })

  it('ignores stored rows with reserved names', async () => {
    const store = memoryStore()
    const { sessions, visitor } = await begin({ user: 'ann' }, { options: { store } as never })
    const rows = NAMES.map((key) => ({ key: `.${key}`, stamp: 1, value: 'x' }))
    await store.merge(sessionName(sessionId(visitor)), [...rows, { key: 'user', stamp: 5, value: 'eve' }])
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', constructor: 'x', save: 'x' })
    expect((await sessions.session(visitor)).get('user')).toBe('ann')
  })
})

describe('threat 27: an unreadable row of a session', () => {
  const bad: readonly Partial<StoredRegister>[] = [{ value: 'x' }, { value: null }, { value: [] }, { value: true }, {}]

  it.each(bad)('ends the session: %j', async (row) => {
    const store = memoryStore()
    const start = () => SessionApp.start({ session: { maxAge: DAY }, options: { store } as never })
    const sessions = await start()
    const visitor = await sessions.withSession({ user: 'ann' })
    await store.merge(sessionName(sessionId(visitor)), [{ key: '$maxAge', stamp: Date.now() + 60_000, ...row }])
    for (const each of [sessions, await start()]) expect(await each.read(each.visitor(visitor.cookie))).toEqual({})
  })
})

describe('threat 13: a session that grows too large', () => {
  const deep = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))

  it.each<[string, string, () => unknown]>([
    ['too_large', 'a text of 70 kB', () => 'x'.repeat(70_000)],
    ['too_large', '90 kB in 30,000 characters', () => '\u20ac'.repeat(30_000)],
    ['invalid_value', '1,000 levels', () => deep(1000)],
    ['invalid_value', '20,000 members', () => Array.from({ length: 20_000 }, () => 1)],
  ])('refuses with %s, and keeps its values: %s', async (code, _, value) => {
    const { sessions, visitor } = await begin({ user: 'ann' })
    const response = await sessions.fetch(
      visitor,
      ({ session }) => void Object.assign(session, { hush: value(), user: 'eve' }),
    )
    expect(response.status).toBe(400)
    expect(await response.text()).not.toContain('hush')
    const session = await sessions.session(visitor)
    await expect(session.set('hush', value() as never)).rejects.toMatchObject({ code })
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
  })

  it('refuses a 254th key until the app deletes another', async () => {
    const { sessions, visitor, session } = await connect({ user: 'ann' })
    for (let at = 1; at < 253; at += 1) await session.set(`key-${at}`, at)
    for (const key of ['one', 'another']) await expect(session.set(key, 1)).rejects.toMatchObject({ code: 'too_large' })
    await session.delete('key-1')
    await session.set('one', 1)
    await expect(session.set('another', 1)).rejects.toMatchObject({ code: 'too_large' })
    await sessions.write(visitor, { user: 'bob' })
    expect(await sessions.read(visitor)).toMatchObject({ user: 'bob', one: 1, 'key-252': 252 })
  })

  it.each<[string, () => MemoryStore | undefined]>([
    ['in memory', () => undefined],
    ['in a store', () => memoryStore()],
  ])('forgets deleted keys after an hour, %s', async (_, storeOf) => {
    const store = storeOf()
    const { sessions, visitor, session } = await connect({ user: 'ann' }, { options: { store } as never })
    for (let hour = 0; hour < atScale(2, 6); hour += 1) {
      for (let form = 0; form < 200; form += 1) {
        await session.set(`token-${hour}-${form}`, true)
        await session.delete(`token-${hour}-${form}`)
      }
      sessions.app.clock.advance(HOUR)
    }
    await sessions.write(visitor, { user: 'bob' })
    expect(await sessions.read(visitor)).toEqual({ user: 'bob' })
    const name = sessionName(sessionId(visitor))
    expect(appSessionsOf(sessions.app.live).find(name)?.replica.registers()).toHaveLength(4)
    if (store) expect(await store.load(name)).toHaveLength(4)
  })

  it('refuses further keys after two nodes exceed the limit together', async () => {
    const store = memoryStore()
    const start = () => SessionApp.start({ session: { rolling: true }, options: { store } as never })
    const [one, two] = [await start(), await start()]
    const values = Object.fromEntries(Array.from({ length: 252 }, (_, at) => [`key-${at}`, at]))
    const visitor = await one.withSession(values)
    const [near, far] = [await one.session(visitor), await two.session(two.visitor(visitor.cookie))]
    await Promise.all([near.set('near', 1), far.set('far', 1)])
    const all = { ...values, near: 1, far: 1 }
    for (const each of [one, two]) expect(await each.read(each.visitor(visitor.cookie))).toEqual(all)
    for (const each of [near, far]) {
      await expect(each.set('more', 1)).rejects.toMatchObject({ code: 'too_large' })
      await expect(each.update('more', () => 1)).rejects.toMatchObject({ code: 'too_large' })
      await each.set('near', 1)
    }
    await one.ask(visitor, ({ session }) => session.regenerate())
    expect(await one.read(visitor)).toEqual(all)
  })
})

describe('threat 23: the id of a session', () => {
  it('appears in no message, room, stored row, error or object', async () => {
    const bus = new Bus()
    const store = memoryStore()
    const rows: unknown[] = []
    const watched = {
      ...store,
      merge: (...given: Parameters<typeof store.merge>) => {
        rows.push(given)
        return store.merge(...given)
      },
    }
    const sessions = await SessionApp.start({
      options: { store: watched, onError: (error: unknown) => rows.push(show(error)) } as never,
    })
    bus.join(sessions.app.io)
    const visitor = await sessions.withSession({ user: 'ann' })
    const id = sessionId(visitor)
    const session = await sessions.session(visitor)
    const heard: unknown[] = [session.values(), session]
    session.onChange((change) => heard.push(change))
    heard.push(await session.set('_x', 1).catch(show), await session.set('big', 'x'.repeat(70_000)).catch(show))
    heard.push(
      await (
        await sessions.fetch(visitor, ({ session: own }) => void Object.assign(own, { big: 'x'.repeat(70_000) }))
      ).text(),
    )
    const cart: Action = ({ session: own }) => Object.assign(own, { cart: [] })
    await sessions.during(sessions.visitor(visitor.cookie), cart, () => sessions.ask(visitor, signOut))
    heard.push(
      await session.set('user', 'eve').catch(show),
      sessions.app.live.sessionStore(),
      appSessionsOf(sessions.app.live),
    )
    await sessions.app.live.settled()
    const rooms = [...sessions.app.io.sockets.adapter.rooms.keys()]
    const all = [heard, rooms, bus.messages, rows, sessions.app.errors, sessions.app.warnings].map(show).join(' ')
    expect(rows.length).toBeGreaterThan(2)
    for (const form of [id, Buffer.from(id).toString('base64url'), Buffer.from(id).toString('hex')])
      expect(all).not.toContain(form)
  })
})

describe('threat 18: a flood of sessions', () => {
  describe('expiry in rounds', () => {
    it.each(['held by connections', 'of users'])(
      'removes an expired session despite a thousand busy sessions %s',
      async (whose) => {
        const sessions = await SessionApp.start()
        const store = sessions.app.live.sessionStore()
        const appSessions = appSessionsOf(sessions.app.live)
        const busy = Array.from({ length: 1000 }, (_, at) => sessionName(`busy-${at}`))
        for (let at = 0; at < busy.length; at += 1) await store.set(`busy-${at}`, {}, 30 * DAY)
        const found = busy.flatMap((name) => appSessions.find(name) ?? [])
        for (const session of found)
          if (whose === 'of users')
            appSessions.write(session, signInChange({ user: userSubject('ann', 'a test'), epoch: 0, since: 0 }), 'job')
          else appSessions.pin(session, { readyState: 'open', once: () => undefined } as never)
        await store.set('other', {}, DAY)
        for (const ms of [2 * DAY, 1000, 1000]) {
          for (const session of found) appSessions.write(session, new Map([['.after', ms]]), 'job')
          sessions.app.clock.advance(ms)
          await turn()
        }
        expect(found.every(({ name, replica }) => appSessions.find(name)?.replica === replica)).toBe(true)
        expect(appSessions.find(sessionName('other'))).toBeUndefined()
      },
    )
  })
})

describe('threat 8: a session id planted before a sign-in', () => {
  const options = { identify } as never
  const signIn: Action = (ctx) => void Object.assign(ctx['session'], { user: 'ann' })
  const renew: Action = ({ session }) => session.regenerate()
  const ask: Action = ({ liveSession }) => liveSession.identify()

  const warningsOf = ({ app }: SessionApp): readonly string[] =>
    app.warnings.filter((text) => text.includes('identify()'))

  /** Performs these actions in a request with a planted session; returns the planted session's values afterwards. */
  async function run(sessions: SessionApp, actions: readonly Action[]): Promise<unknown> {
    const attacker = await sessions.withSession({ cart: ['planted'] })
    await sessions.ask(sessions.visitor(attacker.cookie), async (ctx) => {
      for (const action of actions) await action(ctx)
    })
    return sessions.read(attacker)
  }

  it.each([
    ['before identify()', [signIn, renew, ask]],
    ['after identify()', [signIn, ask, renew]],
  ])('loses its values at a regeneration %s', async (_, actions) => {
    const sessions = await SessionApp.start({ options })
    expect(await run(sessions, actions)).toEqual({})
    expect(warningsOf(sessions)).toEqual([])
  })

  it('causes one warning, without the id, if regenerate() was not called', async () => {
    const sessions = await SessionApp.start({ options })
    expect(await run(sessions, [signIn, ask])).toMatchObject({ user: 'ann' })
    await run(sessions, [signIn, ask])
    expect(warningsOf(sessions)).toEqual([
      'koa-live-session: identify() has signed a user in, and ctx.session goes on under the id that the browser came with, ' +
        'which may have been planted: expected await ctx.session.regenerate() once the user is set',
    ])
  })

  it('is not reported for new sessions or a sign-out', async () => {
    const sessions = await SessionApp.start({ options })
    const visitor = sessions.visitor()
    const save: Action = ({ session }) => session.save()
    const leave: Action = ({ liveSession }) => liveSession.leave()
    const forget: Action = (ctx) => void Object.assign(ctx['session'], { user: undefined })
    for (const actions of [[save, signIn, ask], [ask], [forget, leave], [signOut, ask]]) {
      await sessions.ask(visitor, async (ctx) => {
        for (const action of actions) await action(ctx)
      })
    }
    expect(warningsOf(sessions)).toEqual([])
  })
})

async function start(given: object = {}, clock = testClock()): Promise<SessionApp> {
  return SessionApp.start({ clock, options: { identify, ...given } as never })
}

async function signIn(node: SessionApp, user: string): Promise<Visitor> {
  const visitor = await node.withSession({ user })
  await node.read(visitor)
  return visitor
}

const userOf = async (node: SessionApp, visitor: Visitor): Promise<unknown> => (await node.read(visitor))['user']

describe('threat 76: the devices of a user', () => {
  it('end only if both user and name are right', async () => {
    const node = await start()
    const [ann] = [await signIn(node, 'ann'), await signIn(node, 'bob')]
    const { live } = node.app
    const [device] = await live.devices('ann')
    expect(JSON.stringify(device)).not.toContain('session:')
    expect(JSON.stringify(device)).not.toContain(present(/[\w-]{36}/.exec(ann.cookie)?.[0]))
    const names = [present(device).name, '', '__proto__', 'd'.repeat(1000)]
    for (const name of names) expect(await live.endDevice('bob', name)).toBe(false)
    expect(await userOf(node, ann)).toBe('ann')
    expect(await live.endDevice('ann', names[0] ?? '')).toBe(true)
  })

  it('end in this process even while the store is down', async () => {
    const store = memoryStore()
    const node = await start({ store, storeTimeout: 20 })
    const ann = await signIn(node, 'ann')
    await node.app.live.settled()
    const { load, merge, remove } = store
    const silent = (): Promise<never> => Promise.reject(new Error('down'))
    Object.assign(store, { load: silent, merge: silent, remove: silent })
    await node.app.live.revoke('ann')
    const found = await node.fetch(ann, (ctx) => ctx['session'].user ?? null)
    expect(await found.json().catch(() => null)).toBeNull()
    Object.assign(store, { load, merge, remove })
  })
})

/** Signs a visitor in by a route that regenerates the session; no request follows. */
async function signInOnly(node: SessionApp, then: Action = () => undefined): Promise<Visitor> {
  const visitor = await node.withSession({ cart: 1 })
  await node.ask(visitor, async (ctx) => {
    await ctx['session'].regenerate()
    ctx['session'].user = 'ann'
    await ctx.liveSession.identify()
    await then(ctx)
  })
  return visitor
}

describe('threat 76: a session without a request since its sign-in', () => {
  it('ends with a revocation', async () => {
    const node = await start()
    const thief = await signInOnly(node)
    expect(await node.app.live.devices('ann')).toHaveLength(1)
    await node.app.live.revoke('ann')
    expect(await userOf(node, thief)).toBe(undefined)
  })

  it('survives a revocation only if its own request is the exception', async () => {
    const node = await start()
    const thief = await signInOnly(node)
    const ann = await signInOnly(node, (ctx) => node.app.live.revoke('ann', { except: ctx }))
    expect([await userOf(node, thief), await userOf(node, ann)]).toEqual([undefined, 'ann'])
  })

  it('is not listed after a sign-out in the same request', async () => {
    const node = await start()
    const visitor = await node.withSession({ cart: 1 })
    await node.ask(visitor, async (ctx) => {
      ctx['session'].user = 'ann'
      await ctx.liveSession.identify()
      delete ctx['session'].user
      await ctx.liveSession.leave()
    })
    expect(await node.app.live.devices('ann')).toEqual([])
  })
})

describe('threat 77: a device label', () => {
  it('has 200 characters at most; onError gets errors of deviceLabel', async () => {
    let label = (): unknown => `<script>alert(1)</script>${'\ud83d\ude00'.repeat(200)}`
    const node = await start({ deviceLabel: () => label() })
    await signIn(node, 'ann')
    const [device] = await node.app.live.devices('ann')
    expect(device?.label).toMatch(/^<script>alert\(1\)<\/script>/)
    expect(device?.label?.length).toBeLessThanOrEqual(200)
    expect(isWellFormed(present(device?.label))).toBe(true)
    label = () => {
      throw new Error('of the app')
    }
    await signIn(node, 'bob')
    expect(await node.app.live.devices('bob')).toMatchObject([{ label: undefined }])
    expect(node.app.errors).toMatchObject([{ message: 'of the app' }])
  })
})

describe('threat 78: maxLifetime of a session', () => {
  it('ends session and socket at all nodes, and restarts with regenerate()', async () => {
    const [bus, clock, store] = [new Bus(), testClock(), memoryStore()]
    const node = async (): Promise<SessionApp> => {
      const one = await SessionApp.start({
        clock,
        session: (_) => ({ maxAge: 2 * HOUR, rolling: true }),
        lifetime: 8 * HOUR,
        options: { identify, store } as never,
      })
      bus.join(one.app.io)
      return one
    }
    const [one, two] = [await node(), await node()]
    const visitor = await signIn(one, 'ann')
    const other = await signIn(one, 'ann')
    const page = await two.visitor(visitor.cookie).connect()
    for (let hour = 1; hour < 8; hour += 1) {
      clock.advance(HOUR)
      expect([await userOf(one, visitor), await userOf(one, other)]).toEqual(['ann', 'ann'])
    }
    await one.ask(other, (ctx) => ctx['session'].regenerate())
    clock.advance(HOUR)
    expect(await userOf(one, visitor)).toBe(undefined)
    expect(await userOf(one, other)).toBe('ann')
    await page.closed
  })

  it.each([0, -1, 1.5, '8 h', Number.NaN])('cannot be %s', async (maxLifetime) => {
    const { live } = (await start()).app
    expect(() => live.sessionStore({ maxLifetime } as never)).toThrow('sessionStore({ maxLifetime }): expected')
    expect(() => live.sessionStore({ maxLifetime: HOUR })).toThrow('expected Infinity as before, received')
    expect(live.sessionStore()).toBe(live.sessionStore())
  })
})
