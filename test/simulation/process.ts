import type { IncomingMessage } from 'node:http'
import Koa from 'koa'
import { type LiveSessionPlugin, liveSession } from 'koa-live-session'
import type { Fields } from 'koa-live-session/fields'
import session from 'koa-session'
import type { Server } from 'socket.io'
import type { UserSubject } from '../../server/kernel/names/subject.js'
import type { Visit } from '../../server/kernel/requests/visit.js'
import type { Core } from '../../server/kernel/seams/core.js'
import { coreOf } from '../../server/plugin.js'
import type { Store } from '../../server/stores/store.js'
import { type BuildName, builds, rotations } from './builds.js'
import type { Message } from './bus.js'
import { FakeIo } from './fake-io.js'
import type { FakeResponse } from './http.js'
import type { Identity } from './knowledge.js'
import { cookieIn, hashOf } from './registers.js'

/** What a request does at the app's own route. */
export type Route = (ctx: Koa.Context) => Promise<void>
/** By request, as the app would by its path. */
export const routes: WeakMap<object, Route> = new WeakMap<object, Route>()
/** Whom the app took the sender of a request for. */
export const identified: WeakMap<object, string | undefined> = new WeakMap<object, string | undefined>()

/** After so many schedules, what a process remembers of earlier browsers costs more time than starting it anew. */
const RENEWAL = 300

const contexts = new WeakMap<object, object>()
/** Under which the plugin keeps what `ctx.liveSession` is. */
let handleOf: symbol | undefined

/** Whom the plugin takes the sender of a request for. There is no other way to know of an id before its cookie is out. */
export function identityOf(req: object): Identity | undefined {
  const ctx = contexts.get(req) ?? {}
  handleOf ??= Object.getOwnPropertySymbols(ctx).find(({ description }) => description === 'koa-live-session')
  const handle: { readonly begun?: Visit } | undefined = handleOf && Reflect.get(ctx, handleOf)
  if (!handle?.begun) return undefined
  const { user, browserSubject } = handle.begun.visitor
  return { user: user && hashOf(user), browser: hashOf(browserSubject) }
}

/** Longer than any schedule: what is evicted, and when, is for the schedule to say. */
const FOREVER = 36_525 * 24 * 60 * 60 * 1000
/** Pages are patient here: refusals for being too fast have tests of their own. */
const LIMITS = { changesPerSocket: 1e9, changesPerSubject: 1e9, socketsPerSubject: 1e9 }

/** How a process is started. */
export interface ProcessOptions {
  readonly build: BuildName
  /** Which secrets it has. */
  readonly rotation: number
  readonly hasKoaSession: boolean
  /** ms since 1970, by its clock */
  now(this: void): number
  readonly store?: Store | undefined
  /** Tells the others. */
  readonly publish?: ((message: Message) => void) | undefined
}

/** One server process: a real app with the real plugin, on no network. */
export class Process {
  readonly io: FakeIo
  readonly live: LiveSessionPlugin<Fields, boolean>
  readonly core: Core
  readonly build: BuildName
  /** What it reported since this was last read. */
  readonly errors: unknown[] = []
  /** Each looks whether it has become known who sent its request, or another visitor goes on there. */
  readonly looks = new Set<() => void>()
  /** Told of a user who is revoked, or erased, at that moment. */
  onEnd: (user: UserSubject, isErased: boolean) => void = () => undefined
  readonly #handle: ReturnType<Koa['callback']>

  constructor({ build, rotation, hasKoaSession, now, store, publish }: ProcessOptions) {
    this.build = build
    this.io = new FakeIo(publish)
    const koa = new Koa({ keys: [...(rotations[rotation] ?? [])] })
    koa.on('error', (error) => this.errors.push(error))
    const auth = hasKoaSession ? session({ key: 'app' }, koa) : plainSession
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
    this.live.attach(this.io as unknown as Server, { handshake: [auth] })
    this.core = coreOf(this.live)
    this.#watch()
    this.#handle = koa.callback()
  }

  /** In the order in which it has come about. */
  look(): void {
    for (const look of [...this.looks]) look()
  }

  /** At which moment something ends is known here alone: what was asked for may have waited for the store. */
  #watch(): void {
    const { epochs, identities } = this.core
    const changeHands = identities.changeHands.bind(identities)
    const recognize = identities.recognize.bind(identities)
    const revoke = epochs.revoke.bind(epochs)
    const erase = epochs.erase.bind(epochs)
    const lookSoon = (): void => queueMicrotask(() => this.look())
    identities.changeHands = (...change) => {
      lookSoon()
      return changeHands(...change)
    }
    identities.recognize = (...found) => {
      lookSoon()
      return recognize(...found)
    }
    epochs.revoke = (user) => {
      revoke(user)
      this.onEnd(user, false)
    }
    epochs.erase = (user) => {
      erase(user)
      this.onEnd(user, true)
    }
  }

  async handle(req: IncomingMessage, res: FakeResponse): Promise<void> {
    await this.#handle(req, res.asServerResponse)
  }
}

/** A session of the app's own that costs nothing: what koa-session does with its cookie, without its signature. */
const plainSession: Koa.Middleware = async (ctx, next) => {
  const text = cookieIn(ctx.req.headers.cookie ?? '', 'app')
  const before = text === undefined ? '{}' : Buffer.from(text, 'base64').toString()
  ctx['session'] = JSON.parse(before)
  await next()
  const after = JSON.stringify(ctx['session'])
  if (after !== before) ctx.append('Set-Cookie', `app=${after === 'null' ? '' : encode(after)}; path=/`)
}

/** The cookie of a user who has signed in, where the app's session is the plain one. */
export function plainCookie(user: string): string {
  return encode(JSON.stringify({ user }))
}

function encode(session: string): string {
  return Buffer.from(session).toString('base64')
}

/**
 * Processes that this schedule has not met yet. They have served other schedules, whose users and browsers are
 * not those of this one: starting a process anew would take longer than the schedule does.
 */
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
    const { build, rotation, hasKoaSession } = options
    const name = `${build} ${rotation} ${hasKoaSession}`
    const processes = this.#processes.get(name) ?? []
    const used = this.#used.get(name) ?? 0
    const process = processes[used] ?? new Process(options)
    processes[used] = process
    this.#processes.set(name, processes)
    this.#used.set(name, used + 1)
    process.core.subjects.clear()
    return process
  }
}
