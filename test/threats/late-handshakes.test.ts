import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import session from 'koa-session'
import { connect, type Socket } from 'socket.io-client'
import { browserSubject } from '../../server/kernel/names/subject.js'
import { App, type AppFields, type AppOptions } from '../support/app.js'
import { AuthStore, account, identify } from '../support/auth.js'
import { Gate } from '../support/gate.js'
import { cookieContent } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

type SessionOptions = Parameters<typeof session>[0]

interface Given {
  readonly session?: Partial<SessionOptions>
  readonly store?: AuthStore
  /** The handshake's own `identify`, where it is to take its time. */
  readonly identify?: (ctx: Koa.Context, user: unknown) => Promise<unknown>
}

function start({ session: options = {}, store, identify: slow }: Given = {}): Promise<App> {
  const identifying = slow ? (ctx: Koa.Context) => slow(ctx, identify?.(ctx)) : identify
  const before: AppOptions<AppFields>['before'] = (koa) => [
    session({ key: 'app', rolling: true, renew: true, ...(store ? { store } : {}), ...options }, koa),
  ]
  return App.start({ before, options: { identify: identifying } as never, routes: account })
}

/** Lets requests pass, and holds up handshakes until they are released. */
class HandshakeGate extends Gate {
  readonly identify = async (ctx: Koa.Context, user: unknown): Promise<unknown> => {
    if (ctx.path.startsWith('/socket.io')) await this.pass()
    return user
  }
}

/** Resolves when the server has ended the socket, or never let it in. */
async function ended(opening: ReturnType<Visitor['connect']>): Promise<unknown> {
  const socket = await opening.catch((error: Error) => error)
  return socket instanceof Error ? socket.message : socket.closed
}

const read = async (visitor: Visitor): Promise<unknown> => (await visitor.fetch('/')).json()

describe('threat 30: a handshake and the app\u2019s session store', () => {
  const transports = [['websocket'], ['polling'], ['polling', 'websocket']]

  it.each(transports.map((list) => [list.join(', then '), list] as const))(
    'writes nothing to it, and answers with none of its cookies, by %s',
    async (_, list) => {
      const store = new AuthStore()
      const app = await start({ store })
      const visitor = app.visitor()
      await visitor.fetch('/login/now?user=ann')
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
  ])('revives no session that was destroyed while it was let in: %s', async (_, options) => {
    const held = new HandshakeGate()
    const store = new AuthStore()
    const app = await start({ session: options, store, identify: held.identify })
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    // Near its end, which is when koa-session renews.
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

describe('threat 30: a handshake under way at a sign-out', () => {
  it.each([
    ['leave()', '/logout/leave'],
    ['identify()', '/logout/now'],
    ['the next request that finds out', '/logout'],
  ])('ends, still in identify when %s tells the others', async (_, path) => {
    const held = new HandshakeGate()
    const app = await start({ identify: held.identify })
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
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
  ])('ends also where its browser had no live cookie yet: %s', async (_, isHeld) => {
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

describe('threat 30: a handshake whose identify never settles', () => {
  afterEach(() => void jest.restoreAllMocks())

  it('makes no sign-out of others leave anything behind', async () => {
    const held = new HandshakeGate()
    const app = await start({ identify: held.identify })
    const opening = expect(app.visitor().connect()).rejects.toThrow()
    await held.entered
    const add = jest.spyOn(Set.prototype, 'add')
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    const subject = browserSubject(cookieContent(ann).browser)
    await ann.fetch('/logout/leave')
    await ann.fetch('/')
    const sets = add.mock.contexts.filter((set) => set instanceof Set && set.has(subject))
    expect([subject, sets]).toEqual([expect.stringMatching(/^browser:.{22}$/), []])
    app.io.engine.close()
    await opening
  })
})

/** Opens a socket over these transports, and closes it once the last of them is in use. */
async function opened({ url, cookie }: Visitor, transports: string[]): Promise<void> {
  const options = { transports, forceNew: true, reconnection: false, extraHeaders: { cookie, origin: url } }
  const socket: Socket = connect(url, options)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect_error', reject)
    socket.once('connect', () => {
      if (socket.io.engine.transport.name === transports.at(-1)) resolve()
      else socket.io.engine.once('upgrade', () => resolve())
    })
  })
  socket.disconnect()
}
