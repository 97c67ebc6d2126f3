import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, jest } from '@jest/globals'
import Koa from 'koa'
import { type AttachOptions, type LiveSessionOptions, type LiveSessionPlugin, liveSession } from 'koa-live-session'
import { defineFields, type Fields } from 'koa-live-session/fields'
import { type TestClock, testClock } from 'koa-live-session/testing'
import { Server, type ServerOptions } from 'socket.io'
import { z } from 'zod'
import type { MakeFeature } from '../../../server/parts.js'
import { coreOf, createPlugin, FEATURES } from '../../../server/plugin.js'
import { endLimits } from './awaited.js'
import { Visitor } from './visitor.js'

export const SECRET = 'a secret of at least thirty-two bytes'
/** In ms, longer than any test: tests about late stores set less. */
const STORE_TIMEOUT = 60_000

const join = (account: readonly string[], browser: readonly string[]): readonly string[] => [...account, ...browser]

export const appFields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  theme: { schema: z.enum(['light', 'dark']), default: 'light', client: 'write', scope: 'browser' },
  cart: { schema: z.array(z.string()), default: [], client: 'write', onLogin: join },
  role: { schema: z.string(), default: 'guest' },
  secret: { schema: z.string(), default: '', client: 'hidden' },
})
export type AppFields = typeof appFields

export interface AppOptions<F extends Fields> {
  readonly fields?: F
  readonly options?: Partial<LiveSessionOptions<F>>
  readonly attach?: AttachOptions
  readonly io?: Partial<ServerOptions>
  /** @default true */
  readonly isAttached?: boolean
  readonly keys?: string[]
  /** The app's middleware before the plugin's; the handshake runs the same, unless `attach` says otherwise. */
  readonly before?: (koa: Koa, live: LiveSessionPlugin<F, boolean>) => readonly Koa.Middleware[]
  /** The app's own routes, on top of the plugin. */
  readonly routes?: Koa.Middleware
  readonly clock?: TestClock
  /** Features besides the plugin's own. */
  readonly features?: readonly MakeFeature[]
  /** The port of the stopped server that the app replaces. */
  readonly port?: number
}

const running = new Set<{ stop(): Promise<void> }>()
const visitors: Visitor[] = []
afterEach(async () => {
  endLimits()
  for (const visitor of visitors.splice(0)) visitor.leave()
  for (const app of running) await app.stop()
})

/** A real Koa app with a real socket.io server, on a free port. */
export class App<F extends Fields = AppFields> {
  readonly koa: Koa
  readonly io: Server
  readonly live: LiveSessionPlugin<F, boolean>
  readonly clock: TestClock
  /** Errors of `onError` and of the app's error event. */
  readonly errors: unknown[] = []
  readonly warnings: string[] = []
  readonly #http: HttpServer

  private constructor(given: AppOptions<F>, listening: () => void) {
    jest.spyOn(console, 'warn').mockImplementation((text: string) => void this.warnings.push(text))
    this.clock = given.clock ?? testClock()
    this.koa = new Koa({ keys: given.keys ?? [SECRET] })
    this.koa.silent = true
    this.koa.on('error', (error) => this.errors.push(error))
    const options = {
      clock: this.clock.now,
      onError: (error: unknown) => void this.errors.push(error),
      ...(given.options?.store && { storeTimeout: STORE_TIMEOUT }),
      ...given.options,
      fields: given.fields ?? appFields,
    } as unknown as LiveSessionOptions<F> & { identify: object }
    this.live = given.features
      ? (createPlugin(this.koa, options as never, [...FEATURES, ...given.features]) as unknown as LiveSessionPlugin<
          F,
          boolean
        >)
      : liveSession(this.koa, options)
    const before = given.before?.(this.koa, this.live) ?? []
    for (const middleware of before) this.koa.use(middleware)
    this.koa.use(this.live.middleware())
    if (given.routes) this.koa.use(given.routes)
    this.#http = createServer(this.koa.callback())
    // On a busy machine, a visitor might reuse a connection at the moment of its idle timeout.
    this.#http.keepAliveTimeout = 0
    this.io = new Server(this.#http, given.io)
    if (given.isAttached ?? true) this.live.attach(this.io, given.attach ?? { handshake: before })
    // Listens last, so nothing listens if the plugin refuses its options.
    this.#http.listen(given.port ?? 0, '127.0.0.1', listening)
  }

  static async start<F extends Fields = AppFields>(given: AppOptions<F> = {}): Promise<App<F>> {
    let app: App<F> | undefined
    await new Promise<void>((resolve) => {
      app = new App(given, resolve)
    })
    if (!app) throw new Error('never')
    running.add(app)
    return app
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  visitor(cookie?: string): Visitor {
    const visitor = new Visitor(this.url, cookie)
    visitors.push(visitor)
    return visitor
  }

  /** Stops the server; a crash loses everything unsent. */
  async stop({ isCrash = false } = {}): Promise<void> {
    running.delete(this)
    // A dead process retries no writes. Its retries would outlive the test file.
    if (isCrash) coreOf(this.live).store?.breaker.close()
    else await this.live.close()
    this.#http.closeAllConnections()
    await new Promise<void>((resolve) => void this.io.close(() => resolve()))
  }
}
