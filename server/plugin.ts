import type Koa from 'koa'
import type { Fields } from '../shared/field-types.js'
import { newestOf } from '../shared/stamp.js'
import { KoaSessionStore } from './app-session/session-store.js'
import type { SessionStore } from './app-session/types.js'
import { type Core, createCore } from './core.js'
import { Requests } from './http/requests.js'
import { subjectHash, type UserId, type UserSubject, userSubject } from './identity/subject.js'
import { createAdmission, type InspectorOptions } from './inspector/admission.js'
import { createInspector, type InspectorRoute } from './inspector/inspector.js'
import { RecentRefusals } from './inspector/recent-refusals.js'
import type { LiveSessionOptions } from './option-types.js'
import { resolveOptions } from './options.js'
import { attachTo, checkServer } from './sockets/attach.js'
import { resolveAttachOptions } from './sockets/attach-options.js'
import { Authentication } from './sockets/authentication.js'
import { Handshake } from './sockets/handshake.js'
import { Nodes } from './sockets/nodes.js'
import { Rechecks } from './sockets/rechecks.js'
import { SocketCensus } from './sockets/socket-census.js'
import { installSocketGetter } from './sockets/socket-getter.js'
import { warnAtStart } from './start-warnings.js'
import type { AnyApp, AnyServer, AttachOptions, LiveSessionPlugin, UserSession } from './types.js'
import { UserHandle } from './values/user.js'

const cores = new WeakMap<object, Core>()

/**
 * Gives a Koa app live session values: once an app, with the middleware and the sockets that the plugin it returns has.
 *
 * @param app of Koa 3
 * @throws {TypeError} for an option that cannot work, saying what was expected, what was received and what to do
 * @example
 * const live = liveSession(app, { fields })
 * app.use(live.middleware())
 * live.attach(new Server(app.listen(3000)))
 */
export function liveSession<const F extends Fields, I = unknown>(
  app: AnyApp,
  options: LiveSessionOptions<F, I>,
): LiveSessionPlugin<F, unknown extends I ? false : true>
export function liveSession(app: AnyApp, options: LiveSessionOptions<Fields>): LiveSessionPlugin<Fields> {
  if (typeof app?.createContext !== 'function') {
    throw new TypeError(`koa-live-session: liveSession(app): expected a Koa app, received ${typeof app}`)
  }
  if ('liveSession' in app.context) {
    throw new TypeError('koa-live-session: liveSession(app): this app has a live session already')
  }
  // In Koa 2 some of what is used here is there, and is another thing: an app would start, and go wrong later.
  if (typeof app.response?.back !== 'function') {
    throw new TypeError(
      'koa-live-session: liveSession(app): expected an app of Koa 3, received one of Koa 2. Run npm install koa@3',
    )
  }
  const core = createCore(app, resolveOptions(app, options))
  installSocketGetter()
  warnAtStart(core)
  const plugin = new Plugin(core)
  cores.set(plugin, core)
  return plugin
}

/** What a plugin is made of, for our own testing tools. */
export function coreOf(plugin: object): Core {
  const core = cores.get(plugin)
  if (!core) throw new TypeError('koa-live-session: expected what liveSession() returned')
  return core
}

class Plugin implements LiveSessionPlugin<Fields> {
  readonly #core: Core
  readonly #requests: Requests
  #rechecks: Rechecks | undefined
  #closed: Promise<void> | undefined
  #refusals: RecentRefusals | undefined
  #sessionStore: KoaSessionStore | undefined

  constructor(core: Core) {
    this.#core = core
    this.#requests = new Requests(core)
  }

  middleware(...given: readonly unknown[]): Koa.Middleware {
    // What TypeScript lets pass, and is no plugin's: `app.use(live.middleware)`.
    if (given.length > 0)
      throw new TypeError('koa-live-session: live.middleware was given a request: expected app.use(live.middleware())')
    return this.#requests.middleware()
  }

  attach(io: AnyServer, ...[options]: readonly [AttachOptions?]): void {
    if (this.#rechecks) throw new TypeError('koa-live-session: attach(io): already attached')
    const { handshake, recheck } = resolveAttachOptions(options, this.#core.settings.identify !== undefined)
    checkServer(io)
    this.#core.remote.peers = new Nodes(io, this.#core)
    this.#core.remote.census = new SocketCensus(io, this.#core)
    const authentication = new Authentication(this.#core, handshake)
    this.#rechecks = new Rechecks(this.#core, authentication, recheck)
    attachTo(io, this.#core, new Handshake(this.#core, authentication, this.#rechecks))
  }

  async user(id: UserId): Promise<UserSession<Fields>> {
    const user = userSubject(id, 'user(id)')
    await this.#core.store?.ensure([user])
    return new UserHandle(this.#core, user) as unknown as UserSession<Fields>
  }

  async revoke(id: UserId): Promise<void> {
    await this.#revoke(userSubject(id, 'revoke(id)'))
  }

  async revokedAt(id: UserId): Promise<number | undefined> {
    const user = userSubject(id, 'revokedAt(id)')
    await this.#core.store?.ensure([user])
    return this.#core.epochs.of(subjectHash(user)) || undefined
  }

  async erase(id: UserId): Promise<void> {
    const user = userSubject(id, 'erase(id)')
    await this.#core.store?.consult([user])
    // Revoked first: a cookie or a ticket that comes in meanwhile must not bring back what is being deleted.
    const { epochs, sessions } = this.#core
    const stamps =
      sessions
        .find(user)
        ?.registers()
        .map(({ stamp }) => stamp) ?? []
    epochs.erase(user, newestOf(stamps))
    sessions.erase(user)
    await this.#endConnections(user)
  }

  sessionStore(): SessionStore {
    const { appSessions, settings, store } = this.#core
    appSessions.begin(store)
    this.#sessionStore ??= new KoaSessionStore(appSessions, settings)
    return this.#sessionStore
  }

  inspector(options: InspectorOptions = {}): InspectorRoute {
    const { app, settings } = this.#core
    const admission = createAdmission(this.#core, options)
    this.#refusals ??= new RecentRefusals(app, settings.clock)
    const revoke = (user: UserSubject): Promise<void> => this.#revoke(user)
    return createInspector({ core: this.#core, refusals: this.#refusals, revoke }, admission)
  }

  async settled(): Promise<void> {
    this.#core.dispatch.flush()
    await this.#settleParts()
    await this.#core.store?.settled()
  }

  async close(): Promise<void> {
    const { dispatch, parts, sessions, store } = this.#core
    sessions.close()
    for (const { close } of parts) close?.()
    dispatch.flush()
    this.#rechecks?.close()
    this.#refusals?.close()
    this.#closed ??= this.#settleParts().then(() => store?.close())
    await this.#closed
  }

  async #settleParts(): Promise<void> {
    await Promise.all(this.#core.parts.map(({ settled }) => settled?.()))
  }

  async #revoke(user: UserSubject): Promise<void> {
    await this.#core.store?.consult([user])
    this.#core.epochs.revoke(user)
    await this.#endConnections(user)
  }

  async #endConnections(user: UserSubject): Promise<void> {
    const { connections, store } = this.#core
    await connections.end(connections.of(user), 'other_subject')
    await store?.level([user])
  }
}
