// Implements `get`, `set` and `destroy` of koa-session's store, and carries contents over a `regenerate()`.

import type { ServerResponse } from 'node:http'
import type Koa from 'koa'
import { LiveSessionError } from '../../../shared/errors.js'
import { isThenable } from '../../../shared/promise.js'
import { Replica } from '../../../shared/replica.js'
import { isClosed } from '../../http/headers-sent.js'
import { endSession, renewSession } from '../../identity/identify-user.js'
import type { FeatureParts } from '../../parts.js'
import type { UserSubject } from '../../subjects/subject.js'
import type { AppSessions } from './app-sessions.js'
import { withholdCookie, withholdDeletion } from './cookie-lines.js'
import type { Devices } from './devices.js'
import {
  contentOf,
  definedOf,
  difference,
  readContent,
  type SessionContent,
  type SessionName,
  sessionName,
  toKoaSession,
  unchangedBy,
  withChanges,
} from './session-content.js'
import type { SessionEntry } from './session-entry.js'
import { sessionEnded } from './session-json.js'
import { handOffChange, isSignedOut, loginChange, signedInTo } from './sign-in.js'
import type { SignIns } from './sign-ins.js'
import type { SessionStore } from './types.js'

const USED =
  'koa-live-session: session: expected a new id, received the id of an ended session. Let genid return a new id each time'

/** A session as a request has read it. The request's save is compared with the content. */
interface ReadSession {
  /** koa-session's id of the session. */
  readonly id: string
  readonly session: SessionEntry
  readonly content: SessionContent
  /** Whether the browser brought the session's id; otherwise the request created the id. */
  readonly isOfBrowser: boolean
}

/** The session that continues another session under a new id. */
interface NextSession {
  readonly session: SessionEntry
  /** The contents of the former session at its end that this session has not changed. */
  readonly former: SessionContent
}

/**
 * A session that a request has ended. The session may continue, because koa-session's `regenerate()` is a `destroy` and then a `set` under
 * another id.
 */
interface EndedSession {
  readonly read: ReadSession
  /** The session's contents at its end; undefined if another request had already ended the session. */
  readonly content: SessionContent | undefined
  /** Tells other requests which session goes on; undefined if the user leaves: then none of them may continue the session. */
  readonly goOn: ((next: NextSession) => void) | undefined
}

type Parts = Pick<FeatureParts, 'settings' | 'ends' | 'store' | 'handOffs'>

/**
 * A store for koa-session that saves only the changes of each request. Remembers, by koa-session's `ctx`, the sessions that each request
 * has read, and the session that the request has ended.
 */
export class KoaSessionStore implements SessionStore {
  readonly #sessions: AppSessions
  readonly #signIns: SignIns
  readonly #devices: Devices
  readonly #parts: Parts
  readonly #reads = new WeakMap<object, Map<SessionName, ReadSession>>()
  readonly #ended = new WeakMap<object, EndedSession>()
  /** The requests whose session gets a new id because their user leaves. */
  readonly #leaving = new WeakSet<object>()
  /** By request, the session that its cookie names, even if ended. */
  readonly #named = new WeakMap<object, SessionName>()
  /**
   * By regenerated session, the session that continues it. A double click on a sign-in makes two requests, and both must continue in the
   * same session.
   */
  readonly #next = new WeakMap<SessionEntry, Promise<NextSession | undefined>>()

  constructor(sessions: AppSessions, signIns: SignIns, devices: Devices, parts: Parts) {
    this.#sessions = sessions
    this.#signIns = signIns
    this.#devices = devices
    this.#parts = parts
  }

  async get(id: string, _maxAge?: number, { ctx }: { readonly ctx?: unknown } = {}): Promise<unknown> {
    const name = sessionName(id)
    this.#named.set(Object(ctx), name)
    const session = await this.#sessions.open(name, Object(ctx))
    if (!session) return undefined
    this.#remember(ctx, id, session, contentOf(session.replica), true)
    return toKoaSession(session.replica, this.#parts.settings.clock())
  }

  async set(id: string, saved: unknown, maxAge?: number, data: { readonly ctx?: unknown } = {}): Promise<void> {
    checkSource(data)
    const { ctx } = data
    const name = sessionName(id)
    const content = readContent(saved, maxAge)
    const read = this.#readOf(ctx, name)
    const ended = read ? undefined : this.#ended.get(Object(ctx))
    // Waits only when necessary, because koa-session sets the cookie after `set`, and an app may not await `ctx.session.save()`.
    if (ctx === undefined || (read && !this.#sessions.ongoing(name))) await this.#sessions.open(name, Object(ctx))
    const former = ended && (await this.#carriedContent(ended, ctx))
    const firstContent = former && withChanges(former, difference(ended.read.content, content))
    const joined = read || ended ? undefined : this.#endedLogin(ctx)
    if (joined) await this.#parts.store?.loadIfStale([joined.login], Object(ctx))
    if (!read) this.#saveNew(name, ctx, content, firstContent)
    else this.#saveAgain(read, content)
    const session = this.#sessions.ongoing(name)
    const known = session ?? read?.session
    if (known) withholdCookie(responseOf(ctx), id, () => !this.#sessions.current(known))
    const handOff = this.#parts.handOffs.get(Object(ctx))
    if (session && handOff) this.#sessions.write(session, handOffChange(handOff), 'request')
    if (session && joined && !this.#parts.ends.isRetired(joined.login))
      this.#sessions.write(session, loginChange(joined.login, joined.isUsers), 'request')
    if (session) this.#remember(ctx, id, session, content, read?.isOfBrowser ?? false)
    // Before the answer, because the browser's next request may come to another process. A session of the browser may yet be replaced.
    if (session && !read?.isOfBrowser) this.#signIns.recordBegun(Object(ctx), session)
    if (session && former) {
      // Lists the session now: no request may ever bring its id. A process that has just loaded the former session knows no last use.
      const { lastUse } = ended.read.session
      const [only, ...others] = session.signIns
      const user = lastUse?.user ?? (others.length === 0 ? only?.user : undefined)
      if (ended.goOn) this.#devices.recordUse(session, user, ctx as Koa.Context)
      else session.lastUse = lastUse
      ended.goOn?.({ session, former: unchangedBy(contentOf(session.replica), former) })
    }
    const level = this.#sessions.storedLevel(name)
    if (isThenable(level)) await level
  }

  async destroy(id: string, { ctx }: { readonly ctx?: unknown } = {}): Promise<void> {
    const name = sessionName(id)
    const read = this.#readOf(ctx, name)
    // `regenerate()` destroys the session, too, but keeps `ctx.session`.
    const isSignOut = ctx === undefined || Reflect.get(Object(ctx), 'session') === null
    const isKnown = read !== undefined || this.#sessions.ongoing(name) !== undefined
    // Ignores an id without a session: koa-session creates an id for each new visitor, and destroys the id even if nothing was saved.
    // Waits on its own, even if this request has waited for a slow store: otherwise a new id would outlive an end elsewhere.
    if (!(await this.#sessions.mayExist(name)) && !isKnown) return
    if (isSignOut) this.#signIns.leave(name, read?.session)
    const current = read && this.#sessions.current(read.session)
    const content = current?.inheritance
    this.#sessions.destroy(name, responseOf(ctx), current?.signedIn)
    const stored = this.#sessions.storedLevel(name)
    if (read && !isSignOut) this.#recordEnd(ctx, read, content)
    await stored
  }

  /** Ends the login of the session that a leaving visitor's cookie names. The request's own session may go on. */
  leave(ctx: Koa.Context, hasLeft: (user: UserSubject) => boolean): void {
    const named = this.#named.get(ctx)
    if (this.#sessions.isClosed) return
    const own = this.sessionOf(ctx)
    const session = Reflect.get(ctx, 'session') === null ? undefined : own
    const staying = session && { session, handOff: this.#parts.handOffs.get(ctx), hasLeft }
    this.#signIns.leave(named, named && this.#readOf(ctx, named)?.session, staying)
    if (!named) return
    // koa-session may have refused the session or, without `autoCommit`, not seen its end, and so not destroyed it.
    for (const name of [named, own?.name]) {
      const left = name && this.#sessions.ongoing(name)
      if (left && name !== session?.name) this.#sessions.destroy(name, ctx.res, left.signedIn)
    }
  }

  /**
   * Renews the id and the login of a session, such as with a cart, whose user leaves. Under its former id, another request of the browser,
   * or of a thief with a copy of the cookie, could save the user again. Does nothing after the app's own `regenerate()`, or before
   * koa-session 6.4.
   */
  async renewId(ctx: Koa.Context): Promise<void> {
    if (this.#reads.has(ctx) && Reflect.get(ctx, 'session') === null) await endSession(ctx)
    const received = this.receivedSession(ctx)
    if (ctx.res.headersSent || !received || !this.#sessions.current(received)) return
    const session: { regenerate?(): Promise<void> } = Reflect.get(ctx, 'session')
    this.#leaving.add(ctx)
    try {
      await session.regenerate?.()
    } catch (error) {
      if (!(error instanceof LiveSessionError && error.code === 'superseded')) throw error
      // Another request has just signed the visitor out, as after a double click.
      renewSession(ctx)
    } finally {
      this.#leaving.delete(ctx)
    }
  }

  /** Returns the name of the session that a request's cookie names, even if the session has ended. */
  namedBy(ctx: Koa.Context): SessionName | undefined {
    return this.#named.get(ctx)
  }

  /**
   * Whether the cookie of a guest's request names an ended session of a user's login, or a guest's session that has joined such a login.
   */
  namesUsersLogin(ctx: Koa.Context): boolean {
    const named = this.#named.get(ctx)
    if (!named) return false
    return this.#parts.ends.retired(named)?.isUsers ?? this.#sessions.find(named)?.signedIn.isJoined ?? false
  }

  /** Returns the session found by koa-session for a request or handshake, by the browser's id. */
  receivedSession(ctx: Koa.Context): SessionEntry | undefined {
    const own = this.#readNow(ctx)
    return own?.isOfBrowser ? own.session : undefined
  }

  /**
   * Returns the session with which a request reaches the plugin: middleware may have regenerated the browser's. An ended one if none goes
   * on.
   */
  arrivingSession(ctx: Koa.Context): SessionEntry | undefined {
    return this.sessionOf(ctx) ?? this.#readNow(ctx)?.session
  }

  /** Returns the session of a request: the browser's, or its saved successor. */
  sessionOf(ctx: Koa.Context): SessionEntry | undefined {
    const all = [...(this.#reads.get(ctx)?.values() ?? [])]
    if (all.length === 0) return undefined
    const session: { readonly isNew?: unknown } | null = Reflect.get(ctx, 'session')
    // koa-session may have refused the browser's session, and gone on with a new one.
    const isOfOther = session === null || session.isNew === true
    const isOwn = ({ isOfBrowser }: ReadSession): boolean => !isOfBrowser || !isOfOther
    return all.findLast((read) => isOwn(read) && this.#sessions.current(read.session))?.session
  }

  /** @param ctx undefined if the app's own code calls the store without a request */
  #readOf(ctx: unknown, name: SessionName): ReadSession | undefined {
    return this.#reads.get(Object(ctx))?.get(name)
  }

  /** Returns the read, or the save, of the session that `ctx.session` has now. */
  #readNow(ctx: Koa.Context): ReadSession | undefined {
    // If the request has read nothing from this store, `ctx.session` belongs to another store. Reading it may fail, or create a session.
    const reads = this.#reads.get(ctx)
    if (!reads) return undefined
    const { externalKey }: { externalKey?: unknown } = Object(Reflect.get(ctx, 'session'))
    return [...reads.values()].find(({ id }) => id === externalKey)
  }

  #remember(ctx: unknown, id: string, session: SessionEntry, content: SessionContent, isOfBrowser: boolean): void {
    const all = this.#reads.get(Object(ctx)) ?? new Map<SessionName, ReadSession>()
    this.#reads.set(Object(ctx), all.set(session.name, { id, session, content, isOfBrowser }))
  }

  #recordEnd(ctx: unknown, read: ReadSession, content: SessionContent | undefined): void {
    // A second `regenerate()` of this request, beside the first, must not wait for the first, which would wait for the second.
    if (this.#ended.get(Object(ctx))?.read === read) return
    if (this.#leaving.has(Object(ctx))) {
      // Begins another login at once: a sign-out under the former id ends the former login.
      const goingOn = content && definedOf([...content, ...loginChange()])
      this.#ended.set(Object(ctx), { read, content: goingOn, goOn: undefined })
      return
    }
    const next = new Promise<NextSession | undefined>((goOn) => {
      this.#ended.set(Object(ctx), { read, content, goOn })
      // If no `set` follows, the end of the response resolves the promise.
      const res = responseOf(ctx)
      if (res && isClosed(res)) goOn(undefined)
      else res?.once('close', () => goOn(undefined))
    })
    if (content) this.#next.set(read.session, next)
  }

  /** Returns the login that a request's new session joins: the login of the ended session that the cookie names. */
  #endedLogin(ctx: unknown): ReturnType<SignIns['loginOf']> {
    const named = this.#named.get(Object(ctx))
    return named && this.#sessions.isRetired(named) ? this.#signIns.loginOf(named) : undefined
  }

  /** Saves the changes of a request that has read the session, unless the session has ended. */
  #saveAgain(read: ReadSession, content: SessionContent): void {
    const session = this.#sessions.current(read.session)
    const changes = difference(read.content, content)
    if (session) this.#sessions.save(session, changes, 'request')
    // Reports lost changes, but does not fail the response. A mere renewal during a sign-out is no error.
    else if (changes.size > 0) this.#parts.settings.report(sessionEnded())
  }

  /** Saves a session whose id this request has created. For the app's own code without a request, replaces the session. */
  #saveNew(name: SessionName, ctx: unknown, content: SessionContent, firstContent?: SessionContent): void {
    const source = ctx === undefined ? 'job' : 'request'
    if (this.#sessions.isRetired(name)) throw new TypeError(USED)
    const known = this.#sessions.ongoing(name)
    if (known) this.#sessions.save(known, difference(contentOf(known.replica), content), source)
    else this.#sessions.write({ name, replica: new Replica() }, firstContent ?? withChanges(new Map(), content), source)
  }

  /**
   * Returns the contents with which an ended session continues under another id.
   *
   * @throws {LiveSessionError} `superseded` if another request has ended the session for good, or its user was revoked: an ended session's
   * cookie must not replace the cookie of the visitor's next session
   */
  async #carriedContent(ended: EndedSession, ctx: unknown): Promise<SessionContent> {
    const next = ended.content ? undefined : await this.#next.get(ended.read.session)
    const isOpen = next && (await this.#sessions.open(next.session.name, Object(ctx))) !== undefined
    const content = isOpen ? next.former : ended.content
    if (content && !isSignedOut(signedInTo(content), this.#parts.ends)) return content
    withholdDeletion(responseOf(ctx), ended.read.id)
    throw sessionEnded()
  }
}

/**
 * Refuses koa-session before 6.1, which passes `changed` but no `ctx`. Without `ctx`, the request's read is unknown, so a save would
 * overwrite concurrent changes. An app's own code passes neither member.
 */
function checkSource(data: { readonly ctx?: unknown }): void {
  if (data.ctx !== undefined || !('changed' in data)) return
  throw new TypeError(
    'koa-live-session: session: expected the ctx of the request, received none. Use koa-session 6.1 or newer, and have a ContextStore pass on all its arguments',
  )
}

/** Returns the response of a request; undefined if the app's own code calls the store without one. */
function responseOf(ctx: unknown): ServerResponse | undefined {
  const { res }: { readonly res?: ServerResponse } = Object(ctx)
  return res
}
