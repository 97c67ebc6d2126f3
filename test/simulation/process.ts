import type { IncomingMessage } from 'node:http'
import Koa from 'koa'
import { type LiveSessionPlugin, liveSession } from 'koa-live-session'
import type { Fields } from 'koa-live-session/fields'
import session from 'koa-session'
import type { Server } from 'socket.io'
import type { Core } from '../../server/core.js'
import { RoomNames } from '../../server/features/rooms/room-names.js'
import { RequestHandle } from '../../server/http/request.js'
import { coreOf } from '../../server/plugin.js'
import type { UserSubject } from '../../server/subjects/subject.js'
import type { Store } from '../../server/types/store.js'
import { type BuildName, builds, rotations } from './builds.js'
import type { Message } from './bus.js'
import { FakeIo, type ServerSocket } from './fake-io.js'
import type { FakeResponse } from './http.js'
import type { Identity } from './knowledge.js'
import { cookieIn, hashOf } from './registers.js'

export type Route = (ctx: Koa.Context) => Promise<void>
/** Routes by request, instead of by path. */
export const routes: WeakMap<object, Route> = new WeakMap<object, Route>()
export const identified: WeakMap<object, string | undefined> = new WeakMap<object, string | undefined>()

/** The number of schedules after which a new process is faster than a reused process. */
const RENEWAL = 300

const contexts = new WeakMap<object, Koa.Context>()
/** The requests that have used their session. */
const begun = new WeakSet<object>()

/** Returns a request's visitor from the plugin's internals, because an id is not public before its cookie is sent. */
export function identityOf(req: object): Identity | undefined {
  const ctx = contexts.get(req)
  if (!ctx || !begun.has(req)) return undefined
  const { user, browserSubject } = RequestHandle.useOf(ctx.liveSession as unknown as RequestHandle).visit.visitor
  return { user: user && hashOf(user), browser: hashOf(browserSubject) }
}

/** Longer than any schedule, so only the schedule evicts. */
const FOREVER = 36_525 * 24 * 60 * 60 * 1000
/** ms, so that each round rechecks all sockets. */
const RECHECK = 1000
/** Other tests cover limits. */
const LIMITS = { changesPerSocket: 1e9, changesPerVisitor: 1e9, socketsPerVisitor: 1e9 }

/** Where the app keeps `ctx.session`. */
export type SessionKeeper = 'plain-cookie' | 'koa-session' | 'session-store'

export interface ProcessOptions {
  readonly build: BuildName
  readonly rotation: number
  readonly keeper: SessionKeeper
  now(this: void): number
  readonly store?: Store | undefined
  readonly publish?: ((message: Message) => void) | undefined
}

/** A server process: a real app with the real plugin, without a network. */
export class Process {
  readonly io: FakeIo
  readonly live: LiveSessionPlugin<Fields, boolean>
  readonly core: Core
  readonly build: BuildName
  readonly errors: unknown[] = []
  /** Callbacks that run when a request may have been identified. */
  readonly looks = new Set<() => void>()
  onEnd: (user: UserSubject, isErased: boolean) => void = () => undefined
  readonly #handle: ReturnType<Koa['callback']>

  constructor({ build, rotation, keeper, now, store, publish }: ProcessOptions) {
    this.build = build
    this.io = new FakeIo(publish)
    const koa = new Koa({ keys: [...(rotations[rotation] ?? [])] })
    koa.on('error', (error) => this.errors.push(error))
    this.live = liveSession(koa, {
      fields: builds[build],
      identify: (ctx) => {
        const user: string | undefined = ctx['session']?.user
        identified.set(ctx.req, user)
        return user
      },
      consent: (ctx) => !ctx.get('cookie').includes('consent=no'),
      clock: now,
      ...(store ? { store, storeMaxIdle: Number.POSITIVE_INFINITY } : {}),
      onError: (error) => this.errors.push(error),
      cache: { maxIdle: FOREVER },
      limits: LIMITS,
    })
    const auth = sessionsOf(keeper, koa, this.live)
    koa.use((ctx, next) => {
      contexts.set(ctx.req, ctx)
      return next()
    })
    koa.use(auth)
    koa.use(this.live.middleware())
    koa.use(async (ctx) => {
      await routes.get(ctx.req)?.(ctx)
      ctx.body ??= ''
    })
    this.live.attach(this.io as unknown as Server, {
      handshake: [auth],
      ...(keeper === 'session-store' ? { recheck: RECHECK } : {}),
    })
    this.core = coreOf(this.live)
    this.#watch()
    this.#handle = koa.callback()
  }

  look(): void {
    for (const look of [...this.looks]) look()
  }

  /** Reports the moment of a revocation or erasure, which may be later than the app's call. */
  #watch(): void {
    const { ends, identities } = this.core
    const rotate = identities.rotate.bind(identities)
    const recognize = identities.rotateIfDue.bind(identities)
    const revoke = ends.revoke.bind(ends)
    const erase = ends.erase.bind(ends)
    const lookSoon = (): void => queueMicrotask(() => this.look())
    identities.rotate = (...change) => {
      lookSoon()
      return rotate(...change)
    }
    identities.rotateIfDue = (...found) => {
      begun.add(found[2])
      lookSoon()
      return recognize(...found)
    }
    ends.revoke = (user) => {
      revoke(user)
      this.onEnd(user, false)
    }
    ends.erase = (user) => {
      erase(user)
      this.onEnd(user, true)
    }
  }

  async handle(req: IncomingMessage, res: FakeResponse): Promise<void> {
    await this.#handle(req, res.asServerResponse)
  }
}

function sessionsOf(keeper: SessionKeeper, koa: Koa, live: LiveSessionPlugin<Fields, boolean>): Koa.Middleware {
  if (keeper === 'plain-cookie') return plainSession
  return session(
    keeper === 'koa-session' ? { key: 'app' } : { key: 'app', signed: false, store: live.sessionStore() },
    koa,
  )
}

/** Like koa-session with a cookie, but unsigned and synchronous. */
const plainSession: Koa.Middleware = async (ctx, next) => {
  const text = cookieIn(ctx.req.headers.cookie ?? '', 'app')
  const before = text === undefined ? '{}' : Buffer.from(text, 'base64').toString()
  ctx['session'] = JSON.parse(before)
  await next()
  const after = JSON.stringify(ctx['session'])
  if (after !== before) ctx.append('Set-Cookie', `app=${after === 'null' ? '' : encode(after)}; path=/`)
}

export function plainCookie(user: string): string {
  return encode(JSON.stringify({ user }))
}

function encode(session: string): string {
  return Buffer.from(session).toString('base64')
}

/** Reuses processes, because a start takes longer than a schedule. No two schedules share users or browsers. */
export class ProcessPool {
  readonly #processes = new Map<string, Process[]>()
  readonly #used = new Map<string, number>()
  #schedules = 0

  reset(): void {
    this.#used.clear()
    this.#schedules += 1
    if (this.#schedules % RENEWAL === 0) this.#processes.clear()
  }

  start(options: ProcessOptions): Process {
    const { build, rotation, keeper } = options
    const name = `${build} ${rotation} ${keeper}`
    const processes = this.#processes.get(name) ?? []
    const used = this.#used.get(name) ?? 0
    const process = processes[used] ?? new Process(options)
    processes[used] = process
    this.#processes.set(name, processes)
    this.#used.set(name, used + 1)
    process.core.memory.clear()
    return process
  }
}

interface Handle {
  get(key: string): never
}

const known = new WeakMap<Process, ReadonlyMap<string, RoomNames>>()

/** Returns an error text if a socket is not in exactly the rooms of its values. */
export function misplaced(process: Process): string | undefined {
  const names = known.get(process) ?? namesOf(process)
  known.set(process, names)
  for (const socket of process.io.namespace.sockets.values()) {
    const { liveSession }: ServerSocket & { readonly liveSession?: Handle } = socket
    if (!liveSession || socket.conn.readyState !== 'open') continue
    const wanted = new Set([...names].flatMap(([key, own]) => own.find(liveSession.get(key))))
    const rooms = [...socket.rooms].filter((room) => room.startsWith('live_session:value:'))
    const wrong = rooms.filter((room) => !wanted.has(room)).length
    if (wrong > 0 || rooms.length !== wanted.size)
      return `a socket is in ${rooms.length} rooms instead of ${wanted.size}, and ${wrong} are wrong`
  }
  return undefined
}

function namesOf({ core: { values, settings } }: Process): ReadonlyMap<string, RoomNames> {
  const fields = [...values.fields.values()].filter(({ rooms }) => rooms)
  return new Map(fields.map(({ key }) => [key, new RoomNames(key, settings)]))
}
