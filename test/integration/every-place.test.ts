import { request } from 'node:http'
import { Readable } from 'node:stream'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { AppSession } from 'koa-live-session'
import session from 'koa-session'
import type { Socket } from 'socket.io'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { awaited } from '../support/app/awaited.js'
import { Gate } from '../support/app/gate.js'
import { expectNoCrashes } from '../support/app/no-crashes.js'
import type { TestSocket } from '../support/app/socket.js'
import type { Visitor } from '../support/app/visitor.js'
import { turns } from '../support/app/within.js'

type RequestSession = Koa.Context['liveSession']
type SocketSession = Socket['liveSession']
type Shared = Pick<
  RequestSession & SocketSession,
  'get' | 'has' | 'inspect' | 'userId' | 'visitorId' | 'set' | 'setMany' | 'update' | 'delete' | 'flash'
>
type Reads<S> = Readonly<Record<string, (live: S) => unknown>>
type Writes<S> = Readonly<Record<string, (live: S) => Promise<unknown>>>

const READS: Reads<Shared> = {
  get: (live) => live.get('division'),
  'get of another scope': (live) => live.get('theme'),
  'get of a hidden key': (live) => live.get('secret'),
  has: (live) => live.has('cart'),
  inspect: (live) => live.inspect().size,
  userId: (live) => live.userId,
  visitorId: (live) => live.visitorId,
}
const REQUEST_READS: Reads<RequestSession> = {
  ...READS,
  snapshot: (live) => live.snapshot().values,
  embed: (live) => live.embed(),
}
const SOCKET_READS: Reads<SocketSession> = {
  ...READS,
  subscribe: (live) => live.subscribe('cart', () => undefined)(),
  onChange: (live) => live.onChange(() => undefined)(),
}
const SESSION_READS: Reads<AppSession> = {
  'session.get': (own) => own.get('user' as never),
  'session.values': (own) => own.values(),
  'session.ended': (own) => own.ended,
  'session.subscribe': (own) => own.subscribe(() => undefined)(),
  'session.onChange': (own) => own.onChange(() => undefined)(),
  'session.onEnd': (own) => own.onEnd(() => undefined)(),
}
const WRITES: Writes<Shared> = {
  set: (live) => live.set('division', 3),
  'an invalid set': (live) => live.set('division', 'three' as never),
  setMany: (live) => live.setMany({ division: 4, theme: 'dark' }),
  update: (live) => live.update('cart', (cart) => [...(cart as string[]), 'Mint']),
  'an update that fails': (live) =>
    live.update('cart', () => {
      throw new Error('of the app')
    }),
  delete: (live) => live.delete('cart'),
  flash: (live) => live.flash('Saved.'),
}
const REQUEST_WRITES: Writes<RequestSession> = {
  ...WRITES,
  takeFlash: (live) => live.takeFlash(),
  takeHandOff: (live) => live.takeHandOff('sign-in', z.string()),
  identify: (live) => live.identify(),
  leave: (live) => live.leave(),
}
const SOCKET_WRITES: Writes<SocketSession> = {
  ...WRITES,
  handOff: (live) => live.handOff('sign-in', 'ann', { to: '/sign-in' }),
}

const SESSION_WRITES: Writes<AppSession> = {
  'session.set': (own) => own.set('cart' as never, ['Mint'] as never),
  'an invalid session.set': (own) => own.set('cart' as never, 1n as never),
  'session.update': (own) => own.update('visits' as never, () => 1 as never),
  'session.delete': (own) => own.delete('cart' as never),
}

/** Whether a write has resolved or the library has told its caller why not. */
const isTold = (outcome: string): boolean => /^(saved|Error: of the app|\w+Error: koa-live-session: .+)$/.test(outcome)

/** The outcomes of all uses in a place. */
interface Used {
  readonly threw: readonly string[]
  readonly outcomes: readonly string[]
}

/** Uses all that is public: each read, then each write twice, once without awaiting it. */
async function useAll<S>(reads: Reads<S>, writes: Writes<S>, live: () => S): Promise<Used> {
  const threw: string[] = []
  const attempt = <T>(name: string, use: (of: S) => T): T | undefined => {
    try {
      return use(live())
    } catch (error) {
      threw.push(`${name}: ${error}`)
      return undefined
    }
  }
  for (const [name, read] of Object.entries(reads)) attempt(name, read)
  const pending: Promise<string>[] = []
  for (const [name, write] of Object.entries(writes)) {
    void attempt(name, write)
    const promise = attempt(name, write)
    if (promise) pending.push(promise.then(() => 'saved', String))
  }
  return { threw, outcomes: await Promise.all(pending) }
}

expectNoCrashes()

/** Resolves with what was used in a place, once the app's code has come there. */
function inPlace() {
  let used: (all: Promise<Used>) => void = () => undefined
  const done = new Promise<Used>((resolve) => {
    used = resolve
  })
  return { used: (all: Promise<Used>): void => used(all), done: awaited('the place', done) }
}

describe('ctx.liveSession', () => {
  /** Middleware in front of all, which brings the app's code to a place. */
  type Place = (ctx: Koa.Context, next: Koa.Next, use: () => void) => unknown

  const on =
    (of: 'req' | 'res', event: string): Place =>
    (ctx, next, use) => {
      ctx[of].once(event, use)
      return next()
    }
  const PLACES: readonly (readonly [name: string, path: string, place: Place])[] = [
    ['after next()', '/', (_, next, use) => next().then(use)],
    ['in finally, after identify failed', '/failing', (_, next, use) => next().finally(use)],
    ['in finally, after a route failed', '/broken', (_, next, use) => next().finally(use)],
    ['on finish of a page', '/', on('res', 'finish')],
    ['on finish of a file', '/file', on('res', 'finish')],
    ['on finish of a 404', '/nowhere', on('res', 'finish')],
    ['on finish of a refusal', '/refused', on('res', 'finish')],
    ["on finish of a page's POST", '/store_session', on('res', 'finish')],
    ['on close of a response', '/', on('res', 'close')],
    ['on close of a request', '/', on('req', 'close')],
    ['on abort of a request', '/leaving', on('req', 'aborted')],
    ['on close of an aborted request', '/leaving', on('res', 'close')],
    [
      "in an AbortSignal's listener",
      '/leaving',
      (ctx, next, use) => {
        const leaving = new AbortController()
        leaving.signal.addEventListener('abort', use)
        ctx.res.once('close', () => leaving.abort())
        return next()
      },
    ],
    ["in app.on('error') of auth", '/refused', (ctx, next, use) => listen(ctx, next, use)],
    ["in app.on('error') of identify", '/failing', (ctx, next, use) => listen(ctx, next, use)],
    ["in app.on('error') of a route", '/broken', (ctx, next, use) => listen(ctx, next, use)],
    ["in app.on('error') of a stream", '/broken-stream', (ctx, next, use) => listen(ctx, next, use)],
    ['in a timer while identify waits', '/waiting', (_, next, use) => Promise.all([next(), setImmediate(use)])],
    [
      'in a job after the response',
      '/',
      (ctx, next, use) => next().then(() => ctx.res.once('close', () => setTimeout(use))),
    ],
    ['after live.close()', '/closed', (_, next, use) => next().then(use)],
  ]
  const listen: Place = (ctx, next, use) => {
    ctx.app.once('error', use)
    return next()
  }

  it.each(PLACES)('reads, and tells each write its outcome, %s', async (_, path, place) => {
    const gate = new Gate()
    const { used, done } = inPlace()
    const app: App = await App.start({
      before: (koa) => [
        (ctx, next) => {
          if (ctx.path !== path || ctx.get('x-first') !== '') return next()
          return place(ctx, next, () => used(useAll(REQUEST_READS, REQUEST_WRITES, () => ctx.liveSession))) as never
        },
        (ctx, next) => {
          if (ctx.path === '/refused') ctx.throw(401)
          if (ctx.path !== '/file') return next()
          ctx.body = 'a file'
        },
        session({ key: 'app' }, koa),
      ],
      options: {
        identify: async ({ path: at }: Koa.Context) => {
          if (at === '/failing') throw new Error('the database is down')
          if (at === '/leaving') await gate.pass()
          if (at === '/waiting') await turns(2)
          return 'ann'
        },
      } as never,
      routes: async (ctx) => {
        if (ctx.path === '/nowhere') return
        ctx.body = 'a page'
        if (ctx.path === '/broken') throw new Error('of the route')
        if (ctx.path === '/broken-stream') ctx.body = Readable.from(brokenText())
        if (ctx.path === '/closed') await app.live.close()
      },
    })
    const visitor = app.visitor()
    await visitor.store({ set: [['division', -1, '', 3]] }, { 'x-first': '1' })
    if (path === '/leaving') {
      const leaving = request(new URL(path, app.url), { headers: { cookie: visitor.cookie } })
      leaving.on('error', () => undefined).end()
      await gate.entered
      leaving.destroy()
    } else if (path === '/store_session') await visitor.store()
    else await visitor.text(path).catch(() => undefined)
    const { threw, outcomes } = await done
    gate.open()
    expect(threw).toEqual([])
    expect(outcomes).toHaveLength(Object.keys(REQUEST_WRITES).length)
    expect(outcomes.filter((outcome) => !isTold(outcome))).toEqual([])
  })
})

describe('socket.liveSession and socket.session', () => {
  /** Registers the app's code in a place, and may bring it there once the socket is open. */
  type Place = (app: App, use: (socket: Socket) => void) => ((own: TestSocket, visitor: Visitor) => unknown) | undefined

  const emit = ({ io }: TestSocket): unknown => io.emit('act')
  const hangUp = ({ io }: TestSocket): unknown => io.disconnect()
  const endSession = (_: TestSocket, visitor: Visitor): unknown => visitor.fetch('/end')
  const signOut = (_: TestSocket, visitor: Visitor): unknown => visitor.fetch('/sign-out')
  const each = (register: (socket: Socket, use: () => void, app: App) => unknown, bring?: ReturnType<Place>): Place => {
    return (app, use) => {
      app.io.on('connection', (socket) => void register(socket, () => use(socket), app))
      return bring
    }
  }
  const PLACES: readonly (readonly [name: string, place: Place])[] = [
    [
      'in io.use',
      ({ io }, use) => {
        io.use((socket, next) => {
          use(socket)
          next()
        })
        return undefined
      },
    ],
    ['on connection', each((_, use) => use())],
    [
      'in socket.use',
      each((socket, use) => {
        socket.use((__, next) => {
          use()
          next()
        })
      }, emit),
    ],
    ['in onAny', each((socket, use) => socket.onAny(use), emit)],
    ['in a handler', each((socket, use) => socket.on('act', use), emit)],
    ['in a handler, after an await', each((socket, use) => socket.on('act', () => turns(2).then(use)), emit)],
    ['in a subscriber', each((socket, use) => socket.liveSession.subscribe('division', use))],
    [
      'in a listener of changes',
      each((socket, use) => {
        socket.liveSession.onChange(use)
        void socket.liveSession.set('role', 'editor')
      }),
    ],
    ['in a subscriber of the session', each((socket, use) => socket.session?.subscribe(use))],
    ['on disconnecting', each((socket, use) => socket.once('disconnecting', use), hangUp)],
    ['on disconnect', each((socket, use) => socket.once('disconnect', use), hangUp)],
    ['on close of the connection', each(({ conn }, use) => conn.once('close', use), hangUp)],
    ['in a timer after disconnect', each((socket, use) => socket.once('disconnect', () => setTimeout(use)), hangUp)],
    ['on disconnect by a sign-out', each((socket, use) => socket.once('disconnect', use), signOut)],
    ['in a timer after a sign-out', each((socket, use) => socket.once('disconnect', () => setTimeout(use)), signOut)],
    ["in the session's onEnd", each((socket, use) => socket.session?.onEnd(use), endSession)],
    ['after live.close()', each((socket, use, { live }) => socket.on('act', () => live.close().then(use)), emit)],
  ]

  it.each(PLACES)('read, and tell each write its outcome, %s', async (_, place) => {
    const { used, done } = inPlace()
    let isThere = false
    const sessions = (koa: Koa, live: App['live']): Koa.Middleware => session({ store: live.sessionStore() }, koa)
    const app = await App.start({
      before: (koa, live) => [sessions(koa, live)],
      options: { identify: (ctx: Koa.Context) => ctx['session']?.user } as never,
      routes: async (ctx) => {
        ctx.body = ''
        if (ctx.path === '/end') ctx['session'] = null
        else if (ctx.path === '/sign-out') {
          ctx['session'] = null
          await ctx.liveSession.leave()
        } else {
          ctx['session'].user = 'ann'
          await ctx.liveSession.identify()
        }
      },
    })
    const bring = place(app, (socket) => {
      // A use that changes a value comes to a listener again.
      if (isThere) return
      isThere = true
      const all = [
        useAll(SOCKET_READS, SOCKET_WRITES, () => socket.liveSession),
        useAll(SESSION_READS, SESSION_WRITES, () => socket.session as AppSession),
      ]
      used(
        Promise.all(all).then((both) => ({
          threw: both.flatMap(({ threw }) => threw),
          outcomes: both.flatMap(({ outcomes }) => outcomes),
        })),
      )
    })
    const visitor = app.visitor()
    await visitor.fetch('/sign-in')
    const own = await visitor.connect()
    await bring?.(own, visitor)
    const { threw, outcomes } = await done
    expect(threw).toEqual([])
    expect(outcomes).toHaveLength(Object.keys({ ...SOCKET_WRITES, ...SESSION_WRITES }).length)
    expect(outcomes.filter((outcome) => !isTold(outcome))).toEqual([])
  })
})

async function* brokenText(): AsyncGenerator<string> {
  yield 'a part'
  throw new Error('of the stream')
}
