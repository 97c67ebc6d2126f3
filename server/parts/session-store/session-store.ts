import type { ServerResponse } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import type Koa from 'koa'
import onHeaders from 'on-headers'
import { isThenable } from '../../../shared/promise.js'
import { Replica } from '../../../shared/replica.js'
import type { Settings } from '../../options.js'
import type { AppSessions } from './app-sessions.js'
import type { KnownSession } from './known-session.js'
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
import type { SessionStore } from './types.js'

const USED =
  'koa-live-session: session: expected a new id, received one that has ended. Let genid make another each time'

/** What a request was given of a session, to compare with what it saves. */
interface Given {
  readonly session: KnownSession
  readonly content: SessionContent
  /** Whether the browser brought its id; otherwise the request created it. */
  readonly isBrought: boolean
}

/** How a session continued under another id. */
interface GoneOn {
  readonly session: KnownSession
  /** The contents of the former one when it ended. */
  readonly former: SessionContent
}

/** A session whose id a request has abandoned. koa-session regenerates a session by destroying it and saving it under another id. */
interface Left {
  readonly given: Given
  /** Its contents at that time; undefined if others had already ended it. */
  readonly content: SessionContent | undefined
  readonly goOn: (next: GoneOn) => void
}

/**
 * A store for koa-session that knows what each request has changed. What a request was given of sessions, and which it has ended, is known
 * during its lifetime, by the `ctx` that koa-session passes.
 */
export class KoaSessionStore implements SessionStore {
  readonly #sessions: AppSessions
  readonly #settings: Pick<Settings, 'clock' | 'report'>
  readonly #given = new WeakMap<object, Map<SessionName, Given>>()
  readonly #left = new WeakMap<object, Left>()
  /** How sessions whose id was abandoned have continued: a double click on a sign-in makes two requests. */
  readonly #next = new WeakMap<KnownSession, Promise<GoneOn | undefined>>()

  constructor(sessions: AppSessions, settings: Pick<Settings, 'clock' | 'report'>) {
    this.#sessions = sessions
    this.#settings = settings
  }

  async get(id: string, _maxAge?: number, { ctx }: { readonly ctx?: unknown } = {}): Promise<unknown> {
    const session = await this.#sessions.open(sessionName(id))
    if (!session) return undefined
    this.#give(ctx, { session, content: contentOf(session.replica), isBrought: true })
    return toKoaSession(session.replica, this.#settings.clock())
  }

  async set(id: string, saved: unknown, maxAge?: number, data: { readonly ctx?: unknown } = {}): Promise<void> {
    checkSource(data)
    const { ctx } = data
    const name = sessionName(id)
    const content = readContent(saved, maxAge)
    const given = this.#givenOf(ctx, name)
    const left = given ? undefined : this.#left.get(Object(ctx))
    // koa-session sets the cookie after this, and an app may not await `ctx.session.save()`: so wait only when necessary.
    if (ctx === undefined || (given && !this.#sessions.live(name))) await this.#sessions.open(name)
    const former = left && (await this.#standing(left))
    const begun = former && changed(former, difference(left.given.content, content))
    if (!given) this.#saveNew(name, ctx, content, begun)
    else if (!this.#saveAgain(given, content)) withholdCookie(responseOf(ctx), id)
    const session = this.#sessions.live(name)
    if (session) this.#give(ctx, { session, content, isBrought: given?.isBrought ?? false })
    if (session && former) left.goOn({ session, former })
    const level = this.#sessions.level(name)
    if (isThenable(level)) await level
  }

  async destroy(id: string, { ctx }: { readonly ctx?: unknown } = {}): Promise<void> {
    const name = sessionName(id)
    const given = this.#givenOf(ctx, name)
    // koa-session creates an id for each new visitor, and destroys it even if nothing was ever saved.
    if (!(await this.#sessions.mayExist(name)) && !given) return
    const current = given && this.#sessions.current(given.session)
    const content = current && contentOf(current.replica)
    this.#sessions.destroy(name, responseOf(ctx))
    const stored = this.#sessions.level(name)
    if (given) this.#leave(ctx, given, content, stored)
    await stored
  }

  /** Returns the session that koa-session has found for a request or handshake, by the id that its browser sent. */
  brought(ctx: Koa.Context): KnownSession | undefined {
    // If koa-session was given nothing from here, `ctx.session` is not ours: reading it may fail, or create one.
    if (!this.#given.has(ctx)) return undefined
    const { externalKey }: { externalKey?: unknown } = Object(Reflect.get(ctx, 'session'))
    const given = typeof externalKey === 'string' ? this.#givenOf(ctx, sessionName(externalKey)) : undefined
    return given?.isBrought ? given.session : undefined
  }

  /** @param ctx an app's own code may call a store without one */
  #givenOf(ctx: unknown, name: SessionName): Given | undefined {
    return this.#given.get(Object(ctx))?.get(name)
  }

  #give(ctx: unknown, given: Given): void {
    const all = this.#given.get(Object(ctx)) ?? new Map<SessionName, Given>()
    this.#given.set(Object(ctx), all.set(given.session.name, given))
  }

  /** @param ended settles when koa-session hears that the session has ended */
  #leave(ctx: unknown, given: Given, content: SessionContent | undefined, ended: unknown): void {
    const next = new Promise<GoneOn | undefined>((goOn) => {
      this.#left.set(Object(ctx), { given, content, goOn })
      // koa-session saves it under another id in the same turn in which it learns of that; otherwise the app has destroyed it.
      void Promise.allSettled([ended])
        .then(() => turn())
        .then(() => goOn(undefined))
    })
    if (content) this.#next.set(given.session, next)
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
    if (this.#sessions.isGivenUp(name)) throw new TypeError(USED)
    const known = this.#sessions.live(name)
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
    const next = await this.#next.get(left.given.session)
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

/**
 * Removes a cookie with this id from a response. koa-session sets it after each save: if the session has ended meanwhile, it would replace
 * the cookie of the next one, and its visitor, who may just have signed in, would have none.
 */
function withholdCookie(res: ServerResponse | undefined, id: string): void {
  if (!res) return
  onHeaders(res, () => {
    const lines = [res.getHeader('set-cookie') ?? []].flat().map(String)
    const late = lines.find((line) => line.split(';')[0]?.endsWith(`=${id}`))
    if (late === undefined) return
    // Along with its signature, which would not match the cookie that the browser has.
    const names = new Set([nameOf(late), `${nameOf(late)}.sig`])
    const left = lines.filter((line) => !names.has(nameOf(line)))
    res.setHeader('set-cookie', left)
  })
}

function nameOf(line: string): string | undefined {
  return line.split('=')[0]
}
