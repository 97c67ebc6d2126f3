import type Koa from 'koa'
import type { AppSession, SessionStore } from 'koa-live-session'
import session, { type CreateSessionOptions } from 'koa-session'
import { App, type AppFields, type AppOptions } from './app.js'
import { awaited, once } from './awaited.js'
import { Gate } from './gate.js'
import type { Visitor } from './visitor.js'

/** Uses `ctx.session`; the result is the response. */
export type Action = (ctx: Koa.Context) => unknown

export const signOut: Action = (ctx) => void Object.assign(ctx, { session: null })
export const rotate: Action = ({ session }) => session.regenerate()
export const identifyNow: Action = ({ liveSession }) => liveSession.identify()
export const setUser =
  (user: string): Action =>
  ({ session }) =>
    void Object.assign(session, { user })
export const leave: Action = ({ liveSession }) => liveSession.leave()

/** Performs actions one after another. */
export const all =
  (...actions: readonly Action[]): Action =>
  async (ctx) => {
    for (const action of actions) await action(ctx)
  }

interface Given extends Omit<AppOptions<AppFields>, 'before' | 'routes'> {
  readonly session?: CreateSessionOptions | ((store: SessionStore) => CreateSessionOptions)
  /** ms that a session may live. */
  readonly lifetime?: number
  /** The app's middleware between its sessions and the plugin. */
  readonly between?: readonly Koa.Middleware[]
  /** Another store for comparison. */
  readonly store?: NonNullable<CreateSessionOptions['store']>
}

/** An app whose `ctx.session` is koa-session's, stored in `live.sessionStore()`. */
export class SessionApp {
  readonly app: App
  readonly #actions: Action[]

  private constructor(app: App, actions: Action[]) {
    this.app = app
    this.#actions = actions
  }

  static async start({ session: own, store, lifetime, between = [], ...given }: Given = {}): Promise<SessionApp> {
    const actions: Action[] = []
    const app = await App.start({
      ...given,
      before: (koa, live) => {
        if (lifetime !== undefined) live.sessionStore({ maxLifetime: lifetime })
        const options = typeof own === 'function' ? own(live.sessionStore()) : own
        return [session({ key: 'app', store: store ?? live.sessionStore(), ...options }, koa), ...between]
      },
      routes: async (ctx) => {
        const action = actions[Number(ctx.path.slice(1))]
        ctx.body = JSON.stringify((await action?.(ctx)) ?? null)
      },
    })
    return new SessionApp(app, actions)
  }

  visitor(cookie?: string): Visitor {
    return this.app.visitor(cookie)
  }

  async fetch(visitor: Visitor, action: Action, init?: RequestInit, query = ''): Promise<Response> {
    return visitor.fetch(`/${this.#actions.push(action) - 1}${query}`, init)
  }

  /** Makes the request of `fetch`, and resolves with the response's JSON. */
  async ask<T>(visitor: Visitor, action: (ctx: Koa.Context) => T): Promise<Awaited<T>> {
    const response = await this.fetch(visitor, action)
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    return (await response.json()) as Awaited<T>
  }

  /** Makes a request that acts before `meanwhile` begins, and again after it has ended. */
  async during(
    visitor: Visitor,
    first: Action,
    meanwhile: () => Promise<unknown>,
    last: Action = () => undefined,
  ): Promise<Response> {
    const gate = new Gate()
    const response = this.fetch(visitor, async (ctx) => {
      await first(ctx)
      await gate.pass()
      await last(ctx)
    })
    await gate.entered
    await meanwhile()
    gate.open()
    return response
  }

  read(visitor: Visitor): Promise<Record<string, unknown>> {
    return this.ask(visitor, (ctx) => ctx['session'].toJSON())
  }

  async write(visitor: Visitor, values: Record<string, unknown>): Promise<void> {
    await this.ask(visitor, (ctx) => void Object.assign(ctx['session'], values))
  }

  async withSession(values: Record<string, unknown>): Promise<Visitor> {
    const visitor = this.visitor()
    await this.write(visitor, values)
    return visitor
  }

  /** Opens a socket for the visitor, and returns its session as handlers see it. */
  async connect(visitor: Visitor): Promise<AppSession | undefined> {
    const connected = new Promise<AppSession | undefined>((resolve) => {
      this.app.io.once('connection', (socket) => resolve(socket.session))
    })
    await visitor.connect()
    return awaited('the connection', connected)
  }

  /** Resolves when the next connection closes. */
  async closing(): Promise<unknown> {
    const [{ conn }] = await once(this.app.io, 'connection')
    return once(conn, 'close')
  }

  /** Returns the session of a handler whose socket is gone, after memory has forgotten the session. */
  async forgotten(visitor: Visitor): Promise<AppSession> {
    const left = this.closing()
    const session = await this.session(visitor)
    visitor.leave()
    await left
    await this.flood()
    return session
  }

  /** Creates so many sessions that memory forgets others, if `cache.maxVisitors` is small. */
  async flood(): Promise<void> {
    for (let at = 0; at < 50; at += 1) await this.withSession({ csrf: at })
  }

  /** The same as `connect`, but throws if the visitor has no session. */
  async session(visitor: Visitor): Promise<AppSession> {
    const found = await this.connect(visitor)
    if (!found) throw new Error('the socket has no session')
    return found
  }
}

/** Returns the user of a request, by the plugin or, before `identify` names the user, by the app's session. */
export function userOf(node: SessionApp, visitor: Visitor): Promise<unknown> {
  return node.ask(visitor, ({ liveSession, session }) => liveSession.userId ?? session.user ?? null)
}

/** Returns the user and the cart of a request. */
export function seen(node: SessionApp, visitor: Visitor): Promise<unknown> {
  return node.ask(visitor, ({ liveSession, session }) => [
    liveSession.userId ?? session.user ?? null,
    session.cart ?? null,
  ])
}

export function sessionId(visitor: Visitor): string {
  const [, id] = /(?:^|; )app=([^;]*)/.exec(visitor.cookie) ?? []
  if (id === undefined) throw new Error('no session')
  return id
}

export async function begin(
  values: Record<string, unknown>,
  given: Given = {},
): Promise<{ sessions: SessionApp; visitor: Visitor }> {
  const sessions = await SessionApp.start(given)
  return { sessions, visitor: await sessions.withSession(values) }
}

export async function connect(
  values: Record<string, unknown>,
  given?: Given,
): Promise<{ sessions: SessionApp; visitor: Visitor; session: AppSession }> {
  const { sessions, visitor } = await begin(values, given)
  return { sessions, visitor, session: await sessions.session(visitor) }
}
