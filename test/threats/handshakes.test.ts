import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import session from 'koa-session'
import { connect, type Socket } from 'socket.io-client'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { AuthStore, account, identify } from '../support/app/auth.js'
import { awaited } from '../support/app/awaited.js'
import { Gate } from '../support/app/gate.js'
import { send } from '../support/app/raw-http.js'
import { signedInAs } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

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
  const socket: Socket = connect(url, options)
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
