import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import session from 'koa-session'
import type { Socket } from 'socket.io'
import { type Socket as ClientSocket, connect } from 'socket.io-client'
import { coreOf } from '../../server/plugin.js'
import { browserSubject } from '../../server/subjects/subject.js'
import { REDIS_ADAPTERS } from '../support/app/adapters.js'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { AuthStore, account, identify } from '../support/app/auth.js'
import { awaited, once } from '../support/app/awaited.js'
import { browserId } from '../support/app/browser-id.js'
import { ENDS } from '../support/app/ends.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'
import { send } from '../support/app/raw-http.js'
import { RawPolling } from '../support/app/raw-polling.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { type RoomApp, startWithRooms } from '../support/app/rooms.js'
import { atScale } from '../support/app/scale.js'
import { set, signedInAs, startWithUsers } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'

describe('namespaces', () => {
  async function start(): Promise<{ readonly app: App; readonly ann: Visitor }> {
    const app = await startWithUsers({ store: new AuthStore() })
    app.io.of('/other')
    const ann = await signedInAs(app)
    return { app, ann }
  }

  /** Resolves when a socket has left the main namespace. */
  function left(app: App): Promise<unknown> {
    return Promise.race(Array.from(app.io.sockets.sockets.values(), (socket) => once(socket, 'disconnect')))
  }

  /** Returns a connection of ann's outside every namespace. */
  async function park(app: App, ann: Visitor): Promise<RawSocket> {
    const socket = await RawSocket.enter(app.url, ann.cookie)
    const gone = left(app)
    socket.send('41')
    await gone
    return socket
  }

  /** The transport of the only socket. */
  function transportOf(app: App): Socket['conn']['transport'] | undefined {
    const [socket] = app.io.sockets.sockets.values()
    return socket?.conn.transport
  }

  const change = async (app: App): Promise<void> => {
    await (await app.live.user('ann')).set('division', 66)
    await app.live.settled()
  }

  describe('threat 37: a connection that has left every namespace', () => {
    it.each(ENDS.flatMap(([how, end]) => [true, false].map((enters) => ({ how, end, enters }))))(
      'closes at $how; tries to re-enter: $enters',
      async ({ end, enters }) => {
        const { app, ann } = await start()
        const socket = await park(app, ann)
        const { length } = socket.received
        await end(app, ann)
        if (enters) for (const packet of ['40', '40/other,']) socket.send(packet)
        await change(app)
        await Promise.race([socket.closed, socket.next('40')])
        expect(socket.received.slice(length).filter((text) => text.startsWith('4'))).toEqual([])
        expect(app.io.engine.clientsCount).toBe(0)
      },
    )

    it.each(ENDS)('frees its place in the limit after %s', async (_, end) => {
      const { app, ann } = await start()
      await Promise.all(Array.from({ length: 20 }, () => park(app, ann)))
      await end(app, ann)
      await ann.fetch('/login/now?user=ann')
      expect((await ann.connect()).io.connected).toBe(true)
    })

    it.each(ENDS)('drops unfetched polling packets, and closes at %s', async (_, end) => {
      const { app, ann } = await start()
      const polling = await RawPolling.enter(app.url, ann.cookie)
      const gone = left(app)
      await change(app)
      await polling.send('41')
      await gone
      await end(app, ann)
      expect((await polling.send('40/other,')).status).toBe(400)
      const { status, text } = await polling.fetch()
      expect([status, text]).toEqual([400, expect.not.stringContaining('store_session')])
      expect(app.io.engine.clientsCount).toBe(0)
    })

    it.each(ENDS)('closes at %s during a poll', async (_, end) => {
      const { app, ann } = await start()
      const polling = await RawPolling.enter(app.url, ann.cookie)
      const transport = transportOf(app)
      const gone = left(app)
      await polling.send('41')
      await gone
      const isWaiting = once(present(transport), 'ready')
      const waiting = polling.fetch()
      await isWaiting
      await end(app, ann)
      expect((await waiting).text).not.toContain('store_session')
      expect(app.io.engine.clientsCount).toBe(0)
    })

    it.each(ENDS)('closes at %s, after leaving and re-entering in one frame', async (_, end) => {
      const { app, ann } = await start()
      const socket = await RawSocket.enter(app.url, ann.cookie)
      socket.sendFrames(Buffer.concat([RawSocket.frame('41'), RawSocket.frame('40/other,')]))
      await socket.next('40/other,')
      const heard = socket.received.length
      await end(app, ann)
      await change(app)
      await socket.closed
      expect(socket.received.slice(heard)).toEqual(['42/other,["live_session:reconnect","other_visitor"]'])
    })
  })

  describe('threat 37: a guest’s connection that has left every namespace', () => {
    it.each([
      ['signs in', '/login/now?user=ann'],
      ['leaves', '/logout/leave'],
    ])('closes when the guest %s', async (_, path) => {
      const app = await startWithUsers({ store: new AuthStore() })
      const guest = app.visitor()
      await guest.fetch('/set?values={"division":1}')
      const socket = await park(app, guest)
      await guest.fetch(path)
      socket.send('40')
      await Promise.race([socket.closed, socket.next('40')])
      expect(app.io.engine.clientsCount).toBe(0)
    })
  })

  describe('a connection ended by the server', () => {
    it.each([1, 3])('gets the reason in each of %i namespaces', async (namespaces) => {
      const { app, ann } = await start()
      const socket = await RawSocket.enter(app.url, ann.cookie)
      for (let name = 1; name < namespaces; name += 1) {
        app.io.of(`/n${name}`)
        socket.send(`40/n${name},`)
        await socket.next(`40/n${name},`)
      }
      await app.live.revoke('ann')
      await socket.closed
      expect(socket.received.filter((text) => text.includes('live_session:reconnect')).length).toBe(namespaces)
    })
  })

  describe('threat 50: namespaces', () => {
    const limits = { socketsPerVisitor: 5 }
    /** The most namespaces of a connection. */
    const MOST = 20
    const REFUSED = { message: 'rate_limited', data: { code: 'rate_limited' } }

    const start = async (): Promise<App> => {
      const app = await App.start({ options: { limits }, io: { cleanupEmptyChildNamespaces: true } })
      app.io.of(/^\/dyn-\d+$/)
      return app
    }

    const open = (app: App, cookie: string): Promise<RawSocket> => RawSocket.open(app.url, { cookie, origin: app.url })
    const inside = (app: App): number => [...app.io._nsps.values()].reduce((sum, { sockets }) => sum + sockets.size, 0)

    /** Joins namespaces in a single frame, and returns the responses. */
    async function join(socket: RawSocket, names: readonly string[]): Promise<string[]> {
      socket.sendFrames(Buffer.concat(names.map((name) => RawSocket.frame(`40${name},`))))
      const answers: string[] = []
      while (answers.length < names.length) {
        const text = await socket.next('4')
        if (!text.startsWith('42')) answers.push(text)
      }
      return answers
    }

    const dynamic = (from: number, count: number): string[] =>
      Array.from({ length: count }, (_, i) => `/dyn-${from + i}`)

    /** The number of namespaces for each of ten connections. */
    const EACH = atScale(100, 1000)

    it('are bounded for each connection, also while it waits for room', async () => {
      const app = await start()
      const cookie = cookieFor(app.live, {})
      const sockets: RawSocket[] = []
      const answers: string[] = []
      for (let i = 0; i < 5; i += 1) {
        const socket = await open(app, cookie)
        sockets.push(socket)
        answers.push(...(await join(socket, dynamic(i * EACH, EACH))))
      }
      const waiting = await open(app, cookie)
      waiting.sendFrames(Buffer.concat(dynamic(5 * EACH, EACH).map((name) => RawSocket.frame(`40${name},`))))
      for (let i = MOST; i < EACH; i += 1) answers.push(await waiting.next('4'))
      const refused = answers.filter((text) => text.startsWith('44'))
      expect(answers.length - refused.length).toBe(5 * MOST)
      expect(new Set(refused.map((text) => text.slice(text.indexOf(',') + 1)))).toEqual(
        new Set([JSON.stringify(REFUSED)]),
      )
      expect(inside(app)).toBe(5 * MOST)
      expect(app.io._nsps.size).toBeLessThan(130)
      expect(coreOf(app.live).connections.all().length).toBe(5)
    }, 60_000)

    it('free their place when a client leaves them', async () => {
      const app = await start()
      // A socket must count even after it leaves its own room.
      app.io.on('new_namespace', (namespace) => {
        namespace.on('connection', (socket) => void socket.leave(socket.id))
      })
      const socket = await open(app, cookieFor(app.live, {}))
      const answers = await join(socket, dynamic(0, 30))
      expect(answers.filter((text) => text.startsWith('40')).length).toBe(MOST)
      const [first] = app.io.of('/dyn-0').sockets.values()
      const gone = once(present(first), 'disconnect')
      socket.send('41/dyn-0,')
      await gone
      expect((await join(socket, dynamic(MOST, 2))).map((text) => text.slice(0, 2)).sort()).toEqual(['40', '44'])
    })

    it('count while slow middleware delays their sockets', async () => {
      const app = await start()
      const gate = new Gate()
      app.io.of('/slow').use((_socket, next) => void gate.pass().then(() => next()))
      const socket = await open(app, cookieFor(app.live, {}))
      for (let i = 0; i < 50; i += 1) socket.send('40/slow,')
      for (let i = MOST; i < 50; i += 1) await socket.next('44/slow,')
      gate.open()
      for (let i = 0; i < MOST; i += 1) await socket.next('40/slow,')
      expect(inside(app)).toBe(MOST)
    })

    it('do not count if the app refuses the socket', async () => {
      const app = await start()
      app.io.of('/closed').use((_socket, next) => next(new Error('no')))
      const socket = await open(app, cookieFor(app.live, {}))
      for (let i = 0; i < 50; i += 1) expect((await join(socket, ['/closed'])).at(-1)).toContain('"no"')
      expect((await join(socket, dynamic(0, 21))).filter((text) => text.startsWith('40')).length).toBe(MOST)
    })

    it('leave nothing behind after a refusal', async () => {
      const app = await start()
      const id = browserId('a-browser')
      const socket = await open(app, cookieFor(app.live, { browserId: id }))
      const answers = await join(socket, dynamic(0, 23))
      expect(answers.filter((text) => text.startsWith('44')).length).toBe(3)
      const { connections, memory } = coreOf(app.live)
      expect([connections.all().length, inside(app)]).toEqual([1, MOST])
      const [first] = app.io.of('/dyn-0').sockets.values()
      const gone = once(present(first).conn, 'close')
      socket.hangUp()
      await gone
      expect([connections.all().length, inside(app)]).toEqual([0, 0])
      expect(memory.pinnedOf(browserSubject(id))).toBeUndefined()
    })
  })
})

const SUBJECT = 'user:s:ann'

const hash = (text: string, encoding: 'base64url' | 'hex' | 'base64'): string =>
  createHash('sha256').update(text).digest(encoding)

/** Names an attacker may derive from a known user id. */
const NAMES = ['ann', 's:ann', SUBJECT].flatMap((name) => [
  name,
  ...(['base64url', 'hex', 'base64'] as const).map((encoding) => hash(name, encoding)),
])

const PREFIXES = ['', 'live_session:', 'live_session', 'live_session:user:']

describe('threat 46: a client that may join any room', () => {
  /** A visitor with a greeted socket, and an attacker whose client may join any room. */
  async function start(path: string) {
    const app = await startWithUsers()
    app.io.on('connection', (socket) => {
      socket.on('join', async (rooms: string[], done: () => void) => {
        await socket.join(rooms)
        done()
      })
    })
    const visitor = app.visitor()
    await visitor.fetch(path)
    const attacker = await app.visitor().connect()
    await attacker.ticket()
    const join = (rooms: string[]) => attacker.io.emitWithAck('join', rooms)
    const names = (): string[] => attacker.tickets.map(({ claims }) => claims.sub)
    return { visitor, attacker, join, names }
  }

  it.each([
    ['a user with a known id', '/login/now?user=ann', NAMES],
    ['a guest with a known public name', '/set?values={"division":1}', []],
  ])('hears nothing of %s', async (_, path, known) => {
    const { visitor, attacker, join, names } = await start(path)
    const socket = await visitor.connect()
    const { sub } = (await socket.ticket()).claims
    await join(PREFIXES.flatMap((prefix) => [sub, socket.io.id, ...known].map((name) => prefix + name)))
    await socket.change('division', 7)
    await set(visitor, { theme: 'dark' })
    await attacker.change('division', 1)
    expect(names()).not.toContain(sub)
    expect(names()).not.toContain(hash(SUBJECT, 'base64url'))
  })
})

describe('threat 70: a page that sets a value to join a room', () => {
  it('joins only rooms of fields that pages may write', async () => {
    const app = await startWithRooms()
    const page = await app.visitor().connect()
    await page.change('division', 3)
    expect(await page.change('role', 'admin')).toMatchObject({ code: 'not_writable' })
    const heard: unknown[] = []
    page.io.on('news', (text) => heard.push(text))
    app.io.to(app.live.room('role', 'admin')).emit('news', 'of admins')
    app.io.to(app.live.room('division', 3)).emit('news', 'of 3')
    await page.exchange({})
    expect(heard).toEqual(['of 3'])
  })
})

describe('threat 71: the names of rooms', () => {
  it('depend on the secret and the field', async () => {
    const [app, other] = [
      await startWithRooms(),
      await startWithRooms({ keys: ['another secret of thirty-two bytes or so'] }),
    ]
    const rooms = (['role', 'theme'] as const).flatMap((key) => app.live.room(key, 'admin'))
    expect(rooms).toEqual([
      expect.stringMatching(/^live_session:value:[\w-]{43}$/),
      expect.stringMatching(/^live_session:value:[\w-]{43}$/),
    ])
    expect(new Set([...rooms, ...other.live.room('role', 'admin')]).size).toBe(3)
  })

  it('overlap between nodes while secrets rotate', async () => {
    const [old, fresh] = ['an old secret of at least thirty-two bytes', 'a new secret of at least thirty-two bytes']
    const rooms: string[][] = []
    for (const keys of [[old], [old, fresh], [fresh, old], [fresh]])
      rooms.push((await startWithRooms({ keys })).live.room('division', 3))
    const shared = rooms.slice(1).map((names, at) => names.filter((name) => present(rooms[at]).includes(name)).length)
    expect([shared, rooms.map(({ length }) => length)]).toEqual([
      [1, 2, 1],
      [1, 2, 2, 1],
    ])
  })
})

describe('threat 72: the room of a former value', () => {
  it('loses its socket in the same turn as the change', async () => {
    const app = await startWithRooms()
    const visitor = app.visitor()
    const page = await visitor.connect()
    const [socket] = [...app.io.sockets.sockets.values()]
    const heard: unknown[] = []
    page.io.on('news', (text) => heard.push(text))
    void present(socket).liveSession.set('division', 4 as never)
    app.io.to(app.live.room('division', -1)).emit('news', 'of all')
    await page.exchange({})
    expect(heard).toEqual([])
  })
})

describe('threat 73: packets sent during a change, at two nodes', () => {
  describeWithServer(REDIS, 'joined by Redis', () => {
    let redis: RedisServer
    const ends: (() => Promise<unknown>)[] = []
    beforeAll(async () => {
      redis = await RedisServer.start()
    })
    afterAll(async () => {
      for (const end of ends) await end()
      await redis.stop()
    })

    it.each(['redis-adapter on node-redis', 'redis-adapter on ioredis'])('all arrive, in order: %s', async (name) => {
      const adapt = async (app: RoomApp): Promise<void> => {
        const end = await present(REDIS_ADAPTERS[name])(redis.path, name)(app.io)
        if (end) ends.push(end)
      }
      const [one, two] = [await startWithRooms({}, adapt), await startWithRooms({}, adapt)]
      while ((await one.io.of('/').adapter.serverCount()) < 2);
      const visitor = await signedInAs(two)
      const { io } = await visitor.connect()
      const heard: number[] = []
      const all = new Promise<void>((resolve) => {
        io.on('figures', (value) => (value === 'end' ? resolve() : heard.push(value)))
      })
      const ann = await one.live.user('ann')
      for (let division = 1; division <= 100; division += 1) {
        void ann.set('division', division)
        one.io.to(one.live.room('division', division - 1)).emit('figures', -division)
        one.io.to(one.live.room('division', division)).emit('figures', division)
      }
      one.io.emit('figures', 'end')
      await awaited('the end of the packets', all)
      expect(heard).toEqual(Array.from({ length: 100 }, (_, at) => at + 1))
    })
  })
})

describe('handshakes', () => {
  /** Polls by `<script>` and a form of another page, whose browser sends no Origin over http. */
  async function readAsScript(url: string, cookie: string, version: 3 | 4): Promise<string> {
    const path = `${url}/socket.io/?EIO=${version}&transport=polling&j=0`
    const script = async (address: string): Promise<string> => {
      const { text } = await send(address, { headers: { cookie } })
      return new Function('___eio', `let heard; ${text}; return heard`.replace('___eio[0]', 'heard = String'))()
    }
    const opened = await script(path)
    const { sid } = JSON.parse(/\{.*?\}/.exec(opened)?.[0] ?? '{}')
    const headers = { cookie, 'content-type': 'application/x-www-form-urlencoded' }
    // socket.io 2 needs no packet to open the namespace.
    if (version === 4) await send(`${path}&sid=${sid}`, { method: 'POST', headers, body: 'd=40' })
    return opened + (await script(`${path}&sid=${sid}`))
  }

  describe('threat 60: JSONP polling over plain http', () => {
    it.each([3, 4] as const)('fails in protocol version %i', async (version) => {
      const app = await App.start({ io: { allowEIO3: true } })
      const cookie = cookieFor(app.live, { values: { division: 3 } })
      const read = await readAsScript(app.url, cookie, version)
      expect(read).toContain('bad_origin')
      expect(read).not.toMatch(/store_session|eyJ/)
      expect(app.warnings.at(-1)).toContain('JSONP polling (j=), which any page reads as a script')
    })

    it('differs from plain polling of old clients, which succeeds', async () => {
      const app = await App.start({ io: { allowEIO3: true } })
      const path = `${app.url}/socket.io/?EIO=3&transport=polling`
      const headers = { cookie: cookieFor(app.live, {}) }
      const { text } = await send(path, { headers })
      const { sid } = JSON.parse(/\{.*?\}/.exec(text)?.[0] ?? '{}')
      expect(text + (await send(`${path}&sid=${sid}`, { headers })).text).toMatch(/2:40$/)
    })
  })

  type SessionOptions = Parameters<typeof session>[0]

  interface Given {
    readonly session?: Partial<SessionOptions>
    readonly store?: AuthStore
    /** A slow `identify`. */
    readonly identify?: (ctx: Koa.Context, user: unknown) => Promise<unknown>
  }

  function start({ session: options = {}, store, identify: slow }: Given = {}): Promise<App> {
    const identifying = slow ? (ctx: Koa.Context) => slow(ctx, identify?.(ctx)) : identify
    const before: AppOptions<AppFields>['before'] = (koa) => [
      session({ key: 'app', rolling: true, renew: true, ...(store ? { store } : {}), ...options }, koa),
    ]
    return App.start({ before, options: { identify: identifying } as never, routes: account })
  }

  /** Holds back handshakes, but no other requests. */
  class HandshakeGate extends Gate {
    readonly identify = async (ctx: Koa.Context, user: unknown): Promise<unknown> => {
      if (ctx.path.startsWith('/socket.io')) await this.pass()
      return user
    }
  }

  /** Resolves when the server has refused or disconnected the socket. */
  async function ended(opening: ReturnType<Visitor['connect']>): Promise<unknown> {
    const socket = await opening.catch((error: Error) => error)
    return socket instanceof Error ? socket.message : socket.closed
  }

  const read = async (visitor: Visitor): Promise<unknown> => (await visitor.fetch('/')).json()

  describe('threat 30: a handshake with the app\u2019s session store', () => {
    const transports = [['websocket'], ['polling'], ['polling', 'websocket']]

    it.each(transports.map((list) => [list.join(', then '), list] as const))(
      'writes neither sessions nor cookies, over %s',
      async (_, list) => {
        const store = new AuthStore()
        const app = await start({ store })
        const visitor = await signedInAs(app)
        const [writes, sessions] = [[...store.writes], new Map(store.sessions)]
        const headers: unknown[] = []
        app.io.engine.on('headers', (sent: Record<string, unknown>) => headers.push(sent['set-cookie']))
        await opened(visitor, list)
        expect([store.writes, store.sessions]).toEqual([writes, sessions])
        expect(headers.filter((cookie) => cookie !== undefined)).toEqual([])
      },
    )

    it.each([
      ['rolling', { rolling: true, renew: false }],
      ['renewed', { rolling: false, renew: true }],
    ])('does not restore a destroyed session: %s', async (_, options) => {
      const held = new HandshakeGate()
      const store = new AuthStore()
      const app = await start({ session: options, store, identify: held.identify })
      const visitor = await signedInAs(app)
      // koa-session renews a session near its end.
      for (const stored of store.sessions.values()) Object.assign(stored, { _expire: Date.now() + 60_000 })
      const opening = visitor.connect()
      await held.entered
      const [id = ''] = store.sessions.keys()
      await store.destroy(id)
      held.open()
      await opening
      expect([...store.sessions.keys()]).toEqual([])
    })
  })

  describe('threat 30: a handshake during a sign-out', () => {
    it.each([
      ['leave()', '/logout/leave'],
      ['identify()', '/logout/now'],
      ['a request without leave()', '/logout'],
    ])('loses its connection if its identify() outlasts %s', async (_, path) => {
      const held = new HandshakeGate()
      const app = await start({ identify: held.identify })
      const visitor = await signedInAs(app)
      const opening = visitor.connect()
      await held.entered
      await visitor.fetch(path)
      await read(visitor)
      held.open()
      await ended(opening)
      expect(app.io.sockets.sockets.size).toBe(0)
    })

    it.each([
      ['open', false],
      ['still in identify', true],
    ])('without a live cookie receives no later change, if %s', async (_, isHeld) => {
      const held = new HandshakeGate()
      if (!isHeld) held.open()
      const app = await start({ identify: held.identify })
      const visitor = app.visitor()
      await visitor.fetch('/login?user=ann')
      expect(visitor.cookie).not.toContain('live')
      const opening = visitor.connect()
      if (isHeld) await held.entered
      else await opening
      await visitor.fetch('/logout/leave')
      held.open()
      const socket = await opening.catch(() => undefined)
      await app.visitor().connect()
      await (await app.live.user('ann')).set('division', 42)
      await app.visitor().connect()
      expect(socket?.tickets.flatMap(({ claims }) => claims.changes) ?? []).toEqual([])
    })
  })

  /** Opens a socket over these transports, and closes it when the last of them is in use. */
  async function opened({ url, cookie }: Visitor, transports: string[]): Promise<void> {
    const options = { transports, forceNew: true, reconnection: false, extraHeaders: { cookie, origin: url } }
    const socket: ClientSocket = connect(url, options)
    const isOpen = new Promise<void>((resolve, reject) => {
      socket.once('connect_error', reject)
      socket.once('connect', () => {
        if (socket.io.engine.transport.name === transports.at(-1)) resolve()
        else socket.io.engine.once('upgrade', () => resolve())
      })
    })
    await awaited(`a socket over ${transports.at(-1)}`, isOpen)
    socket.disconnect()
  }
})
