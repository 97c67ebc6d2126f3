/**
 * Loads all modules anew: V8 counts the steps of a loop only in code that is compiled meanwhile.
 *
 * @jest-environment node
 */
import { inspect } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { type MemoryStore, memoryStore, testClock } from 'koa-live-session/testing'
import type { Socket } from 'socket.io'
import { Epochs } from '../../server/kernel/ends/epochs.js'
import { GuestBytes } from '../../server/kernel/memory/guest-bytes.js'
import { browserSubject, newBrowserId, type PartName } from '../../server/kernel/names/subject.js'
import { sessionName } from '../../server/parts/session-store/session-content.js'
import type { StoredRow } from '../../server/stores/store.js'
import { appSessionsOf } from '../support/app/app-sessions.js'
import { identify } from '../support/app/auth.js'
import { Bus } from '../support/app/bus.js'
import { Gate } from '../support/app/gate.js'
import { idleIntervals } from '../support/app/idle-intervals.js'
import { present } from '../support/app/present.js'
import { atScale } from '../support/app/scale.js'
import { begin, connect, type Deed, SessionApp, sessionId, signOut } from '../support/app/sessions.js'
import type { Visitor } from '../support/app/visitor.js'
import { workOf } from '../support/app/work.js'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
/** Names that mean something to JavaScript, or to koa-session. */
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

/** All that could be said of a thing. */
function show(thing: unknown): string {
  const message = thing instanceof Error ? `${thing.message} ${thing.stack} ${show(thing.cause)}` : ''
  return `${message} ${inspect(thing, { depth: null, showHidden: true })}`
}

describe('threat 30: a handshake and live.sessionStore()', () => {
  const options = { identify, store: undefined } as never

  it.each(['rolling', 'renew'])('writes nothing to a session that is %s', async (mode) => {
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
  ])('writes nothing either where its own middleware %s the session', async (_, act) => {
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

  it('brings nothing back of a session that is destroyed while the handshake is under way', async () => {
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
    // It comes back by itself, with the cookie that its browser has by then.
    await closed
    expect(found).toEqual([])
    expect(await sessions.read(sessions.visitor(before))).toEqual({})
  })

  it('lets a handshake end with its session when the answer is out that ends it', async () => {
    const [late, answer] = [new Gate(), new Gate()]
    const slow = async ({ path }: Koa.Context): Promise<undefined> => {
      if (path.startsWith('/socket.io')) await late.pass()
    }
    const { sessions, visitor } = await begin({ user: 'ann' }, { options: { identify: slow } as never })
    const connected = new Promise<Socket>((resolve) => sessions.app.io.once('connection', resolve))
    void visitor.connect()
    await late.entered
    const signingOut = sessions.fetch(visitor, async (ctx) => {
      await sessions.app.live.sessionStore().destroy(sessionId(visitor), { ctx })
      await answer.pass()
    })
    await answer.entered
    late.open()
    const { conn, session } = await connected
    expect([session?.ended, conn.readyState]).toEqual(['destroyed', 'open'])
    const closed = new Promise((resolve) => conn.once('close', resolve))
    answer.open()
    await signingOut
    await closed
  })
})

describe('threat 9: a session that has ended, and a request under way that regenerates it', () => {
  const rotate: Deed = ({ session }) => session.regenerate()
  const signIn: Deed = ({ session }) => Object.assign(session, { user: 'ann', at: 1 }).regenerate()

  /** Two nodes that share a store; a visitor who is signed in, and what becomes of a request at the second one. */
  async function overtaken(deed: Deed, end: (first: SessionApp, visitor: Visitor) => Promise<unknown>) {
    const start = () => SessionApp.start({ clock, options: { store } as never })
    const [clock, store] = [testClock(), memoryStore()]
    const [first, second] = [await start(), await start()]
    const visitor = await first.withSession({ user: 'ann', cart: ['a'] })
    const late = second.visitor(visitor.cookie)
    const response = await second.during(
      late,
      () => undefined,
      () => end(first, visitor),
      deed,
    )
    return { response, late, second, visitor }
  }

  it.each<[string, Deed]>([
    ['rotates the id', rotate],
    ['signs in', signIn],
    ['tries again, whatever it was told', (ctx) => Promise.resolve(signIn(ctx)).catch(() => signIn(ctx))],
    ['saves in spite of it', (ctx) => Promise.resolve(signIn(ctx)).catch(() => ctx['session'].save())],
    ['goes on in spite of it', (ctx) => Promise.resolve(signIn(ctx)).catch(() => 0)],
  ])('stays ended where that %s: 409, and no cookie', async (_, deed) => {
    const { response, late, second } = await overtaken(deed, (first, visitor) => first.ask(visitor, signOut))
    expect([response.status, response.headers.getSetCookie()]).toEqual([409, []])
    expect(await second.read(late)).toEqual({})
  })

  it('stays ended where it was signed out under the id that another request has given it', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' })
    const late = sessions.visitor(visitor.cookie)
    const end = async (): Promise<void> => {
      await sessions.ask(visitor, rotate)
      await sessions.ask(visitor, signOut)
    }
    expect((await sessions.during(late, () => undefined, end, rotate)).status).toBe(409)
    expect(await sessions.read(late)).toEqual({})
  })

  it('stays expired', async () => {
    const { sessions, visitor } = await begin({ user: 'ann' }, { session: { maxAge: DAY } })
    const response = await sessions.fetch(visitor, async (ctx) => {
      sessions.app.clock.advance(2 * DAY)
      await rotate(ctx)
    })
    expect(response.status).toBe(409)
    expect(await sessions.read(visitor)).toEqual({})
  })
})

describe('threat 10: names of keys in a session', () => {
  it.each([...NAMES, 'x'.repeat(300), 'a\0b', '\ud800'])(
    'cannot be put by a socket where they mean something: %j',
    async (key) => {
      const { sessions, visitor, session } = await connect({ user: 'ann' })
      await expect(session.set(key, { admin: true } as never)).rejects.toMatchObject({ code: 'malformed' })
      await expect(session.update(key, () => ({ admin: true }) as never)).rejects.toMatchObject({ code: 'malformed' })
      expect(session.get(key)).toBeUndefined()
      expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
      expect({}).not.toHaveProperty('admin')
    },
  )

  it.each(['', '$epoch', '.', 'hasOwnProperty', 'caf\u00e9', 'a b', 'x'.repeat(254)])(
    'are kept apart from others: %j',
    async (key) => {
      const { sessions, visitor } = await begin({ user: 'ann' }, { options: { store: memoryStore() } as never })
      await sessions.write(visitor, { [key]: 1 })
      await (await sessions.session(visitor)).update(key, (value) => Number(value) + 1)
      expect(await sessions.read(visitor)).toEqual({ user: 'ann', [key]: 2 })
    },
  )

  it('leaves a member __proto__ out of what a request saves, wherever it is', async () => {
    const sessions = await SessionApp.start()
    const visitor = sessions.visitor()
    await sessions.ask(visitor, ({ session }) => {
      session.form = JSON.parse('{"__proto__":{"admin":true},"list":[{"__proto__":{"admin":true},"a":1}]}')
    })
    expect(await sessions.read(visitor)).toEqual({ form: { list: [{ a: 1 }] } })
    const admin = await sessions.ask(visitor, ({ session }) => [session.form.admin ?? null, session.admin ?? null])
    expect(admin).toEqual([null, null])
  })

  it('takes no row of a store under a name that means something', async () => {
    const store = memoryStore()
    const { sessions, visitor } = await begin({ user: 'ann' }, { options: { store } as never })
    const rows = NAMES.map((key) => ({ key: `.${key}`, stamp: 1, value: 'x' }))
    await store.merge(sessionName(sessionId(visitor)), [...rows, { key: 'user', stamp: 5, value: 'eve' }])
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', constructor: 'x', save: 'x' })
    expect((await sessions.session(visitor)).get('user')).toBe('ann')
  })
})

describe('threat 27: a row of a session that cannot be read', () => {
  const bad: readonly Partial<StoredRow>[] = [{ value: 'x' }, { value: null }, { value: [] }, { value: true }, {}]

  it.each(bad)('gives it no life without an end, where it says how long it lasts: %j', async (row) => {
    const store = memoryStore()
    const start = () => SessionApp.start({ session: { maxAge: DAY }, options: { store } as never })
    const sessions = await start()
    const visitor = await sessions.withSession({ user: 'ann' })
    await store.merge(sessionName(sessionId(visitor)), [{ key: '$maxAge', stamp: Date.now() + 60_000, ...row }])
    for (const each of [sessions, await start()]) expect(await each.read(each.visitor(visitor.cookie))).toEqual({})
  })
})

describe('threat 13: what is too large, or none, in a session', () => {
  const deep = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))

  it.each<[string, string, () => unknown]>([
    ['too_large', 'a text of 70 kB', () => 'x'.repeat(70_000)],
    ['too_large', 'text of which each character takes three bytes', () => '\u20ac'.repeat(30_000)],
    ['invalid_value', '1,000 levels', () => deep(1000)],
    ['invalid_value', '20,000 members', () => Array.from({ length: 20_000 }, () => 1)],
  ])('is refused as %s, and leaves the session as it was: %s', async (code, _, value) => {
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

  it('is refused once a session has 253 keys, and taken again when one of them was deleted', async () => {
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
  ])('is no token that each form has had, however many: %s', async (_, storeOf) => {
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

  it('is refused where so many keys are deleted in a moment that they could not be told from late ones', async () => {
    const { sessions, visitor, session } = await connect({ user: 'ann' })
    let refused: unknown
    for (let form = 0; form < 2000 && refused === undefined; form += 1) {
      await session.set(`token-${form}`, true)
      await session.delete(`token-${form}`).catch(({ code }) => (refused = code))
    }
    expect(refused).toBe('too_large')
    sessions.app.clock.advance(HOUR)
    await sessions.write(visitor, { user: 'bob' })
    await session.set('token', true)
    await session.delete('token')
    expect((await sessions.read(visitor))['user']).toBe('bob')
  })

  it('is refused in a store, too, once a session has had 253 keys, and the session goes on', async () => {
    const store = memoryStore()
    const { sessions, visitor, session } = await connect(
      { user: 'ann' },
      { session: { rolling: true }, options: { store } as never },
    )
    const codes: unknown[] = []
    for (let at = 1; at < 260; at += 1)
      await session.update(`seen-${at}`, () => true).catch(({ code }) => codes.push(code))
    expect(codes).toEqual(Array.from({ length: 260 - 253 }, () => 'too_large'))
    expect(await store.load(sessionName(sessionId(visitor)))).toHaveLength(256)
    await session.update('user', () => 'bob')
    await session.delete('seen-1')
    expect(await sessions.read(visitor)).toMatchObject({ user: 'bob', 'seen-2': true })
  })

  it('is refused from then on where two nodes have added at once, and the session goes on with all that it has', async () => {
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

  it.each([
    ['255 bytes', `${'\u00e9'.repeat(127)}x`],
    ['U+0000', 'a\0b'],
    ['a lone surrogate', 'a\ud800b'],
  ])('is refused as malformed under a key that stores cannot take: %s', async (_, key) => {
    const { sessions, visitor } = await begin({ user: 'ann' })
    const response = await sessions.fetch(
      visitor,
      ({ session }) => void Object.assign(session, { [key]: 1, user: 'eve' }),
    )
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('lone surrogate')])
    const session = await sessions.session(visitor)
    await expect(session.set(key, 1)).rejects.toMatchObject({ code: 'malformed' })
    expect(await sessions.read(visitor)).toEqual({ user: 'ann' })
  })

  it('becomes what UTF-8 can carry', async () => {
    const { sessions, visitor } = await begin({ text: 'a\ud800b', '\u00e9': { '\udc00': 1 } })
    expect(await sessions.read(visitor)).toEqual({ text: 'a\ufffdb', '\u00e9': { '\ufffd': 1 } })
  })
})

describe('threat 23: the id of a session', () => {
  it('is in no message, room, row, error or object that tells of it', async () => {
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
    const cart: Deed = ({ session: own }) => Object.assign(own, { cart: [] })
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
  describe('in rounds', () => {
    const advance = idleIntervals()

    it('leaves memory at a thousand a round, at a few steps each', async () => {
      const sessions = await SessionApp.start()
      const store = sessions.app.live.sessionStore()
      const appSessions = appSessionsOf(sessions.app.live)
      for (let at = 0; at < 1100; at += 1) await store.set(`stranger-${at}`, { csrf: `${at}` }, DAY)
      sessions.app.clock.advance(2 * DAY)
      const { steps } = await workOf(() => advance(1000))
      expect(steps).toBeLessThan(600_000)
      expect([...appSessions.all()]).toHaveLength(100)
      await advance(1000)
      expect([...appSessions.all()]).toEqual([])
    })

    it.each(['held by a connection', "a user's"])(
      'leaves it though as many as are looked at each time are written to again and again, each %s',
      async (whose) => {
        const sessions = await SessionApp.start()
        const store = sessions.app.live.sessionStore()
        const appSessions = appSessionsOf(sessions.app.live)
        const busy = Array.from({ length: 1000 }, (_, at) => sessionName(`busy-${at}`))
        for (let at = 0; at < busy.length; at += 1) await store.set(`busy-${at}`, {}, 30 * DAY)
        const found = busy.flatMap((name) => appSessions.find(name) ?? [])
        for (const session of found)
          if (whose === "a user's") appSessions.setUsers(session)
          else appSessions.hold(session, { readyState: 'open', once: () => undefined } as never)
        await store.set('other', {}, DAY)
        sessions.app.clock.advance(2 * DAY)
        for (let round = 0; round < 3; round += 1) {
          for (const session of found) appSessions.write(session, new Map([['.at', round]]), 'job')
          await advance(1000)
        }
        expect(found.every(({ name, replica }) => appSessions.find(name)?.replica === replica)).toBe(true)
        expect(appSessions.find(sessionName('other'))).toBeUndefined()
      },
    )
  })

  it('makes no cookie good again that a user has signed out with, however many of them end', () => {
    const guestBytes = new GuestBytes(1_000_000)
    const epochs = new Epochs({ maxAge: DAY, maxSubjects: 1, guestBytes, clock: Date.now }, {}, () => undefined)
    const browser = browserSubject(newBrowserId())
    epochs.giveUp(browser, undefined, true)
    for (let at = 0; at < 100_000; at += 1) epochs.giveUp(`session:${at}` as PartName, undefined)
    expect(epochs.isGivenUp(browser)).toBe(true)
  })
})

describe('threat 8: a session id that was planted before a sign-in', () => {
  const options = { identify } as never
  const signIn: Deed = (ctx) => void Object.assign(ctx['session'], { user: 'ann' })
  const renew: Deed = ({ session }) => session.regenerate()
  const ask: Deed = ({ liveSession }) => liveSession.identify()

  const told = ({ app }: SessionApp): readonly string[] => app.warnings.filter((text) => text.includes('identify()'))

  /** Does these at a request of a browser that has brought a session; what the session that was brought has then. */
  async function run(sessions: SessionApp, deeds: readonly Deed[]): Promise<unknown> {
    const attacker = await sessions.withSession({ cart: ['planted'] })
    await sessions.ask(sessions.visitor(attacker.cookie), async (ctx) => {
      for (const deed of deeds) await deed(ctx)
    })
    return sessions.read(attacker)
  }

  it.each([
    ['before identify()', [signIn, renew, ask]],
    ['after it', [signIn, ask, renew]],
  ])('is worth nothing where the sign-in renews it %s', async (_, deeds) => {
    const sessions = await SessionApp.start({ options })
    expect(await run(sessions, deeds)).toEqual({})
    expect(told(sessions)).toEqual([])
  })

  it('is not told of where the sign-in renews it after memory has forgotten it', async () => {
    const sessions = await SessionApp.start({ options: { identify, cache: { maxSubjects: 10 } } as never })
    await run(sessions, [signIn, () => sessions.flood(), renew, ask])
    expect(told(sessions)).toEqual([])
  })

  it('is told of once where the sign-in keeps it, without the id', async () => {
    const sessions = await SessionApp.start({ options })
    expect(await run(sessions, [signIn, ask])).toMatchObject({ user: 'ann' })
    await run(sessions, [signIn, ask])
    expect(told(sessions)).toEqual([
      'koa-live-session: identify() has signed a user in, and ctx.session goes on under the id that the browser came with, ' +
        'which may have been planted: expected await ctx.session.regenerate() once the user is set',
    ])
  })

  it('is told of where a user signs in over another one', async () => {
    const { sessions, visitor } = await begin({ user: 'eve' }, { options })
    await sessions.ask(visitor, async (ctx) => {
      await signIn(ctx)
      await ask(ctx)
    })
    expect(told(sessions)).toHaveLength(1)
  })

  it('is not told of where there was none, where the user is the same, or at a sign-out', async () => {
    const sessions = await SessionApp.start({ options })
    const visitor = sessions.visitor()
    const save: Deed = ({ session }) => session.save()
    const leave: Deed = ({ liveSession }) => liveSession.leave()
    const forget: Deed = (ctx) => void Object.assign(ctx['session'], { user: undefined })
    for (const deeds of [[save, signIn, ask], [ask], [forget, leave], [signOut, ask]]) {
      await sessions.ask(visitor, async (ctx) => {
        for (const deed of deeds) await deed(ctx)
      })
    }
    expect(told(sessions)).toEqual([])
  })
})
