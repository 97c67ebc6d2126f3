// Assembles the core, the features and the methods of the plugin.

import type Koa from 'koa'
import type { Fields } from '../shared/types.js'
import { Admissions } from './connections/admissions.js'
import { attachTo, checkServer, installSocketGetter, resolveAttachOptions } from './connections/attach.js'
import { Authentication } from './connections/authentication.js'
import { Handshake } from './connections/handshake.js'
import { Rechecks } from './connections/rechecks.js'
import { type Core, createCore } from './core.js'
import { UserHandle } from './exchange/user-handle.js'
import { addressFeature } from './features/address/index.js'
import { flashFeature } from './features/flash/index.js'
import { handOffFeature } from './features/hand-off/index.js'
import { inspectorFeature } from './features/inspector/index.js'
import { roomsFeature } from './features/rooms/index.js'
import { sessionFeature } from './features/session-store/index.js'
import { tabFeature } from './features/tab/index.js'
import { createSameOrigin } from './http/origin.js'
import { RequestHandle } from './http/request.js'
import { Nodes } from './nodes.js'
import type { MakeFeature } from './parts.js'
import { resolveOptions, warnAtStart } from './resolve-options.js'
import { check, checkNames, warnOfIdleOptions } from './settings/option-checks.js'
import { tracked, watchFailures } from './settings/report.js'
import { subjectHash, type UserId, userSubject } from './subjects/subject.js'
import type { AnyServer, AttachOptions, LiveSessionPlugin, PluginMembers, RevokeOptions } from './types/live.js'
import type { LiveSessionOptions } from './types/options.js'
import type { UserSession } from './types/session.js'

/** The optional features, independent of each other. */
export const FEATURES: readonly MakeFeature[] = [
  addressFeature,
  flashFeature,
  handOffFeature,
  tabFeature,
  roomsFeature,
  sessionFeature,
  inspectorFeature,
]

const IDLE_RECHECK =
  'attach(io): recheck, maxAge: no effect without identify or middleware in handshake, because there is nothing to run. Leave them out'

const cores = new WeakMap<object, Core>()

/** Creates the plugin of `liveSession` with these features. */
export function createPlugin(
  app: Koa,
  options: LiveSessionOptions<Fields>,
  features: readonly MakeFeature[],
): LiveSessionPlugin<Fields> {
  const core = createCore(app, resolveOptions(app, options), features)
  installSocketGetter()
  warnAtStart(core.settings, options)
  warnOfIdleOptions(options, core.settings.warn)
  Object.defineProperty(app.context, 'liveSession', {
    get(this: Koa.Context) {
      return core.handles.of(this)
    },
  })
  watchFailures(app)
  const plugin = Object.assign(new Plugin(core), ...core.features.map(({ plugin }) => plugin))
  cores.set(plugin, core)
  return plugin
}

/** Returns a plugin's core, for our own testing tools. */
export function coreOf(plugin: object): Core {
  const core = cores.get(plugin)
  if (!core) throw new TypeError('koa-live-session: expected what liveSession() returned')
  return core
}

class Plugin implements PluginMembers<Fields, boolean> {
  readonly #core: Core
  #rechecks: Rechecks | undefined
  #closed: Promise<void> | undefined

  constructor(core: Core) {
    this.#core = core
  }

  middleware(...given: readonly unknown[]): Koa.Middleware {
    checkNotUsed('middleware', given)
    return this.#core.middleware
  }

  sameOrigin(...given: readonly unknown[]): Koa.Middleware {
    checkNotUsed('sameOrigin', given)
    return createSameOrigin(this.#core.settings)
  }

  attach(io: AnyServer, ...[options]: readonly [AttachOptions?]): void {
    check(!this.#rechecks, 'attach(io)', 'already attached. Call it once: it serves all namespaces of its server')
    const { handshake, ...intervals } = resolveAttachOptions(options, this.#core.settings.identify !== undefined)
    checkServer(io)
    this.#core.remotes.nodes = new Nodes(io, this.#core)
    this.#core.handshake.isGiven = options?.handshake !== undefined
    const authentication = new Authentication(this.#core.settings, this.#core.signedIn, handshake)
    if ((options?.recheck ?? options?.maxAge) !== undefined && !authentication.isNeeded)
      this.#core.settings.warn(IDLE_RECHECK)
    this.#rechecks = new Rechecks(this.#core, authentication, intervals)
    const admissions = new Admissions(this.#core, new Handshake(this.#core, authentication), this.#rechecks)
    attachTo(io, this.#core.settings, admissions, this.#core.createSocketHandle)
  }

  async user(id: UserId): Promise<UserSession<Fields>> {
    const user = userSubject(id, 'user(id)')
    await this.#core.store?.loadIfStale([user])
    return new UserHandle(this.#core, user) as unknown as UserSession<Fields>
  }

  revoke(id: UserId, options: RevokeOptions = {}): Promise<void> {
    return this.#tracked(async () => {
      checkNames(options, ['except'], 'revoke(id): ')
      const { except } = options
      const user = userSubject(id, 'revoke(id)')
      const isUsers = !except || (await this.#core.identifyUser(except)) === user
      check(isUsers, 'revoke(id, { except })', 'expected a request of this user', 'one of another visitor')
      const handle = except && this.#core.handles.of(except)
      // Begin the visit before the revocation, while the request's cookie is valid.
      if (handle) RequestHandle.useOf(handle)
      await this.#core.endings.revoke(user, handle && { ctx: except, rotate: () => handle.identify() })
    })
  }

  async revokedAt(id: UserId): Promise<number | undefined> {
    const user = userSubject(id, 'revokedAt(id)')
    await this.#core.store?.loadIfStale([user])
    return this.#core.ends.of(subjectHash(user)) || undefined
  }

  erase(id: UserId): Promise<void> {
    return this.#tracked(() => this.#core.endings.erase(userSubject(id, 'erase(id)')))
  }

  async settled(): Promise<void> {
    this.#core.pageTickets.flush()
    await this.#core.store?.settled()
  }

  close(): Promise<void> {
    return this.#tracked(async () => {
      const { pageTickets, features, values, store } = this.#core
      values.close()
      for (const { close } of features) close?.()
      pageTickets.flush()
      this.#rechecks?.close()
      this.#closed ??= Promise.resolve(store?.close())
      await this.#closed
    })
  }

  /** Runs a call that the app may leave unawaited: then a rejection is reported, and does not end the process. */
  #tracked(act: () => Promise<void>): Promise<void> {
    return tracked(act, this.#core.settings.report)
  }
}

/** @throws {TypeError} if the app passes the method itself as middleware, as in `app.use(live.middleware)`, which TypeScript accepts */
function checkNotUsed(method: 'middleware' | 'sameOrigin', given: readonly unknown[]): void {
  if (given.length === 0) return
  const expected = `expected app.use(live.${method}())`
  throw new TypeError(`koa-live-session: live.${method} was given a request: ${expected}`)
}
