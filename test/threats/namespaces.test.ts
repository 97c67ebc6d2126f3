import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import type { Socket } from 'socket.io'
import { coreOf } from '../../server/plugin.js'
import { browserSubject } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { AuthStore } from '../support/app/auth.js'
import { once } from '../support/app/awaited.js'
import { browserId } from '../support/app/browser-id.js'
import { ENDS } from '../support/app/ends.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'
import { RawPolling } from '../support/app/raw-polling.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { atScale } from '../support/app/scale.js'
import type { TestSocket } from '../support/app/socket.js'
import { signedInAs, startWithUsers } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

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

  const dynamic = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => `/dyn-${from + i}`)

  /** The number of namespaces for each of ten connections. */
  const EACH = atScale(100, 1000)

  it('count as sockets across all connections of a browser', async () => {
    const app = await start()
    const cookie = cookieFor(app.live, {})
    const sockets: RawSocket[] = []
    const answers: string[] = []
    for (let i = 0; i < 10; i += 1) {
      const socket = await open(app, cookie)
      sockets.push(socket)
      answers.push(...(await join(socket, dynamic(i * EACH, EACH))))
    }
    const refused = answers.filter((text) => text.startsWith('44'))
    expect(answers.length - refused.length).toBe(limits.socketsPerVisitor)
    expect(new Set(refused.map((text) => text.slice(text.indexOf(',') + 1)))).toEqual(
      new Set([JSON.stringify(REFUSED)]),
    )
    expect(inside(app)).toBe(limits.socketsPerVisitor)
    expect(app.io._nsps.size).toBeLessThan(10)
    expect(coreOf(app.live).connections.all().length).toBe(1)
  }, 60_000)

  it('free their place when a client leaves them', async () => {
    const app = await start()
    // A socket must count even after it leaves its own room.
    app.io.on('new_namespace', (namespace) => {
      namespace.on('connection', (socket) => void socket.leave(socket.id))
    })
    const socket = await open(app, cookieFor(app.live, {}))
    const answers = await join(socket, dynamic(0, 10))
    expect(answers.filter((text) => text.startsWith('40')).length).toBe(5)
    const [first] = app.io.of('/dyn-0').sockets.values()
    const gone = once(present(first), 'disconnect')
    socket.send('41/dyn-0,')
    await gone
    expect((await join(socket, dynamic(5, 2))).map((text) => text.slice(0, 2)).sort()).toEqual(['40', '44'])
  })

  it('count while slow middleware delays their sockets', async () => {
    const app = await start()
    const gate = new Gate()
    app.io.of('/slow').use((_socket, next) => void gate.pass().then(() => next()))
    const socket = await open(app, cookieFor(app.live, {}))
    for (let i = 0; i < 50; i += 1) socket.send('40/slow,')
    for (let i = 0; i < 45; i += 1) await socket.next('44/slow,')
    gate.open()
    for (let i = 0; i < 5; i += 1) await socket.next('40/slow,')
    expect(inside(app)).toBe(5)
  })

  it('do not count if the app refuses the socket', async () => {
    const app = await start()
    app.io.of('/closed').use((_socket, next) => next(new Error('no')))
    const socket = await open(app, cookieFor(app.live, {}))
    for (let i = 0; i < 50; i += 1) expect((await join(socket, ['/closed'])).at(-1)).toContain('"no"')
    expect((await join(socket, dynamic(0, 6))).filter((text) => text.startsWith('40')).length).toBe(5)
  })

  it('leave nothing behind after a refusal', async () => {
    const app = await start()
    const id = browserId('a-browser')
    const visitor = app.visitor(cookieFor(app.live, { browserId: id }))
    const sockets: TestSocket[] = []
    for (let i = 0; i < limits.socketsPerVisitor; i += 1) sockets.push(await visitor.connect())
    for (let i = 0; i < 3; i += 1) await expect(visitor.connect('/dyn-1')).rejects.toMatchObject(REFUSED)
    const { connections, memory } = coreOf(app.live)
    expect(connections.all().length).toBe(5)
    const conns = [...app.io.sockets.sockets.values()].map(({ conn }) => conn)
    const gone = conns.map((conn) => once(conn, 'close'))
    for (const socket of sockets) socket.io.disconnect()
    await Promise.all(gone)
    expect([connections.all().length, inside(app)]).toEqual([0, 0])
    expect(memory.pinnedOf(browserSubject(id))).toBeUndefined()
  })
})
