import type { ServerResponse } from 'node:http'
import { isThenable } from '../../../shared/promise.js'
import { Replica } from '../../../shared/replica.js'
import type { Settings } from '../../options.js'
import type { AppSessions } from './app-sessions.js'
import {
  changed,
  contentOf,
  difference,
  readContent,
  type SessionContent,
  type SessionName,
  sessionName,
  toKoaSession,
} from './session-content.js'
import { sessionEnded } from './session-json.js'
import { type Given, type Left, type SessionRequests, withholdCookie } from './session-requests.js'
import type { SessionStore } from './types.js'

const USED =
  'koa-live-session: session: expected a new id, received one that has ended. Let genid make another each time'

/** A store for koa-session that knows what each request has changed. */
export class KoaSessionStore implements SessionStore {
  readonly #sessions: AppSessions
  readonly #requests: SessionRequests
  readonly #settings: Pick<Settings, 'clock' | 'report'>

  constructor(sessions: AppSessions, requests: SessionRequests, settings: Pick<Settings, 'clock' | 'report'>) {
    this.#sessions = sessions
    this.#requests = requests
    this.#settings = settings
  }

  async get(id: string, _maxAge?: number, { ctx }: { readonly ctx?: unknown } = {}): Promise<unknown> {
    const session = await this.#sessions.open(sessionName(id))
    if (!session) return undefined
    this.#requests.give(ctx, { session, content: contentOf(session.replica), isBrought: true })
    return toKoaSession(session.replica, this.#settings.clock())
  }

  async set(id: string, saved: unknown, maxAge?: number, data: { readonly ctx?: unknown } = {}): Promise<void> {
    checkSource(data)
    const { ctx } = data
    const { memory } = this.#sessions
    const name = sessionName(id)
    const content = readContent(saved, maxAge)
    const given = this.#requests.given(ctx, name)
    const left = given ? undefined : this.#requests.left(ctx)
    // koa-session sets the cookie after this, and an app may not await `ctx.session.save()`: so wait only when necessary.
    if (ctx === undefined || (given && !memory.live(name))) await this.#sessions.open(name)
    const former = left && (await this.#standing(left))
    const begun = former && changed(former, difference(left.given.content, content))
    if (!given) this.#saveNew(name, ctx, content, begun)
    else if (!this.#saveAgain(given, content)) withholdCookie(responseOf(ctx), id)
    const session = memory.live(name)
    if (session) this.#requests.give(ctx, { session, content, isBrought: given?.isBrought ?? false })
    if (session && former) left.goOn({ session, former })
    const level = this.#sessions.level(name)
    if (isThenable(level)) await level
  }

  async destroy(id: string, { ctx }: { readonly ctx?: unknown } = {}): Promise<void> {
    const name = sessionName(id)
    const given = this.#requests.given(ctx, name)
    // koa-session creates an id for each new visitor, and destroys it even if nothing was ever saved.
    if (!(await this.#sessions.mayExist(name)) && !given) return
    const current = given && this.#sessions.current(given.session)
    const content = current && contentOf(current.replica)
    this.#sessions.destroy(name, responseOf(ctx))
    const stored = this.#sessions.level(name)
    if (given) this.#requests.leave(ctx, given, content, stored)
    await stored
  }

  /** Saves for a request that was given the session before; returns whether that is still current. */
  #saveAgain(given: Given, content: SessionContent): boolean {
    const session = this.#sessions.current(given.session)
    const changes = difference(given.content, content)
    if (session) this.#sessions.save(session, changes, 'request')
    // The response stays as it is: the request may just have renewed the session while its visitor signed out.
    else if (changes.size > 0) this.#settings.report(sessionEnded())
    return session !== undefined
  }

  /** Saves for a request that has created the id itself, or for an app's own code without a request, which replaces what is there. */
  #saveNew(name: SessionName, ctx: unknown, content: SessionContent, begun?: SessionContent): void {
    const source = ctx === undefined ? 'job' : 'request'
    const { memory } = this.#sessions
    if (memory.isGivenUp(name)) throw new TypeError(USED)
    const known = memory.live(name)
    if (known) this.#sessions.save(known, difference(contentOf(known.replica), content), source)
    else this.#sessions.write({ name, replica: new Replica() }, begun ?? changed(new Map(), content), source)
  }

  /**
   * Returns what a session takes along to another id.
   *
   * @throws {LiveSessionError} `superseded` if it was ended: otherwise its visitor, who may have signed out, would be back in it
   */
  async #standing(left: Left): Promise<SessionContent> {
    if (left.content) return left.content
    const next = await this.#requests.next(left)
    if (next && (await this.#sessions.open(next.session.name))) return next.former
    throw sessionEnded()
  }
}

/**
 * koa-session says whether a request has changed anything and, since 6.1, which request it is. Without that nothing could be compared, and
 * other requests' changes would be lost. An app's own code says neither.
 */
function checkSource(data: { readonly ctx?: unknown }): void {
  if (data.ctx !== undefined || !('changed' in data)) return
  throw new TypeError(
    'koa-live-session: session: expected the ctx of the request, received none. Use koa-session 6.1 or newer, and have a ContextStore pass on all that it is given',
  )
}

/** The response of a request, from the context that koa-session passes. */
function responseOf(ctx: unknown): ServerResponse | undefined {
  const { res }: { readonly res?: ServerResponse } = Object(ctx)
  return res
}
