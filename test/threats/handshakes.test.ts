import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket as Connection } from 'node:net'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import session from 'koa-session'
import { connect, type Socket } from 'socket.io-client'
import { browserSubject } from '../../server/kernel/names/subject.js'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { AuthStore, account, identify } from '../support/app/auth.js'
import { Gate } from '../support/app/gate.js'
import { poll, send } from '../support/app/raw-http.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { cookieContent } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { BAD_ORIGIN, claims, type Site, startSite } from '../support/servers/site.js'

describe('threat 7: a cross-site handshake', () => {
  const evil: readonly (readonly [string, string])[] = [
    ['another site', 'https://evil.example'],
    ['null', 'null'],
    ['a suffix', 'https://example.com.evil'],
    ['a prefix', 'https://evil-example.com'],
    ['a subdomain', 'https://sub.example.com'],
    ['another port', 'https://example.com:8443'],
    ['another scheme', 'http://example.com'],
    ['a user of that name', 'https://example.com@evil.example'],
    ['what is no origin', 'example.com'],
  ]

  /** Opens the namespace over a raw websocket, and answers with the server's word on it. */
  async function upgrade({ app, headers }: Site, more: Record<string, string>): Promise<string> {
    const socket = await RawSocket.open(app.url, { ...headers, ...more })
    socket.send('40')
    const word = await socket.next('4')
    socket.hangUp()
    return word
  }

  it.each([...evil, ['nothing', '']])(
    'by websocket from %s is refused before any session is read',
    async (_, origin) => {
      const site = await startSite()
      const { app, store } = site
      const [reads, entered] = [store.reads, [] as unknown[]]
      app.io.use((socket, next) => {
        entered.push(socket.id)
        next()
      })
      expect(JSON.parse((await upgrade(site, claims('', origin))).slice(2))).toMatchObject({ data: BAD_ORIGIN })
      expect([store.reads, entered]).toEqual([reads, []])
    },
  )

  it.each([
    ...evil.map(([name, origin]) => [name, '', origin] as const),
    ['a cross-site page without Origin', 'cross-site', ''],
    ['a same-site page without Origin', 'same-site', ''],
    ['a cross-site page that claims our Origin', 'cross-site', 'https://example.com'],
    ['another site that claims to be ours', 'same-origin', 'https://evil.example'],
  ])('by polling from %s is refused before any session is read', async (_, site, origin) => {
    const { app, store, headers } = await startSite()
    const { reads } = store
    const word = await poll(app.url, { ...headers, ...claims(site, origin) })
    expect(word).toMatch(/^44/)
    expect(JSON.parse(word.slice(2))).toMatchObject({ data: BAD_ORIGIN })
    expect(store.reads).toBe(reads)
  })

  it.each([
    ['our Origin', 'https://example.com'],
    ['our Origin with its port', 'https://example.com:443'],
    ['a trusted one', 'https://trusted.example'],
  ])('by websocket is none with %s: it reads the session', async (_, origin) => {
    const site = await startSite()
    const { reads } = site.store
    expect(await upgrade(site, claims('', origin))).toMatch(/^40\{"sid"/)
    expect(site.store.reads).toBe(reads + 1)
  })

  it.each([
    ['nothing, as browsers do over http', '', ''],
    ['same-origin', 'same-origin', ''],
    ['none', 'none', ''],
    ['our Origin', '', 'https://example.com'],
    ['both', 'same-origin', 'https://example.com'],
    ['a trusted origin', 'cross-site', 'https://trusted.example'],
  ])('by polling is none with %s: it reads the session', async (_, site, origin) => {
    const { app, store, headers } = await startSite()
    const { reads } = store
    expect(await poll(app.url, { ...headers, ...claims(site, origin) })).toMatch(/^40\{"sid"/)
    expect(store.reads).toBe(reads + 1)
  })

  it('does not take the Origin of the request for the server\u2019s own, as ctx.origin is in Koa 3', async () => {
    const { app, ann } = await startSite()
    const origin = 'https://evil.example'
    const ctx = app.koa.createContext(
      new IncomingMessage(new Connection()),
      new ServerResponse(new IncomingMessage(new Connection())),
    )
    ctx.req.headers.origin = origin
    expect(ctx.origin).toBe(origin)
    await expect(ann.connect('/', { origin })).rejects.toMatchObject({ data: BAD_ORIGIN })
    expect(await (await ann.store({}, { origin })).json()).toMatchObject({ error: BAD_ORIGIN })
  })

  it('is not let in because other headers than those of a trusted proxy name its host', async () => {
    const { app, ann } = await startSite()
    app.koa.proxy = false
    const forwarded = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', cookie: ann.cookie }
    const word = await poll(app.url, { ...forwarded, origin: 'https://evil.example' })
    expect(JSON.parse(word.slice(2))).toMatchObject({ data: BAD_ORIGIN })
  })

  it('is refused by each namespace, and to socket.io-client as a connect_error', async () => {
    const { app } = await startSite()
    app.io.of('/admin')
    for (const namespace of ['/', '/admin']) {
      const refused = app.visitor().connect(namespace, { origin: 'https://evil.example' })
      await expect(refused).rejects.toMatchObject({ message: 'bad_origin', data: BAD_ORIGIN })
    }
  })
})

/** What `<script>` and a form of another page bring about, whose browser says nothing of where it is asked from: over http. */
async function readAsScript(url: string, cookie: string, version: 3 | 4): Promise<string> {
  const path = `${url}/socket.io/?EIO=${version}&transport=polling&j=0`
  const script = async (address: string): Promise<string> => {
    const { text } = await send(address, { headers: { cookie } })
    return new Function('___eio', `let heard; ${text}; return heard`.replace('___eio[0]', 'heard = String'))()
  }
  const opened = await script(path)
  const { sid } = JSON.parse(/\{.*?\}/.exec(opened)?.[0] ?? '{}')
  const headers = { cookie, 'content-type': 'application/x-www-form-urlencoded' }
  // socket.io 2 opens the namespace by itself.
  if (version === 4) await send(`${path}&sid=${sid}`, { method: 'POST', headers, body: 'd=40' })
  return opened + (await script(`${path}&sid=${sid}`))
}

describe('threat 60: JSONP polling by a script of a sibling over plain http', () => {
  it.each([3, 4] as const)('is refused in version %i of the protocol: the script reads nothing', async (version) => {
    const app = await App.start({ io: { allowEIO3: true } })
    const cookie = cookieFor(app.live, { values: { division: 3 } })
    const read = await readAsScript(app.url, cookie, version)
    expect(read).toContain('bad_origin')
    expect(read).not.toMatch(/store_session|eyJ/)
    expect(app.warnings.at(-1)).toContain('JSONP polling (j=), which any page reads as a script')
  })

  it('is refused no client of before that polls otherwise: its pages alone can read that', async () => {
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
