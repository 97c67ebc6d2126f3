import type { ServerResponse } from 'node:http'
import { type Awaitable, after, isThenable } from '../../../shared/promise.js'
import { onArrival } from '../../kernel/requests/arrival.js'
import type { Settings } from '../../options.js'
import type { AppSessions } from './app-sessions.js'
import { withholdCookie } from './late-cookie.js'
import type { Given, SessionContent } from './loaded-sessions.js'
import { sessionEnded } from './refusals.js'
import { type Left, Regenerations } from './regenerations.js'
import { birth, contentOf, difference, goneOn, readContent, toKoaSession } from './session-content.js'
import { type SessionName, sessionName } from './session-name.js'
import type { SessionStore } from './types.js'

const USED =
  'koa-live-session: session: expected a new id, received one that has ended. Let genid make another each time'

/** koa-session's store, which knows what each request has changed. */
export class KoaSessionStore implements SessionStore {
  readonly #sessions: AppSessions
  readonly #regenerations = new Regenerations()
  readonly #settings: Pick<Settings, 'clock' | 'report'>

  constructor(sessions: AppSessions, settings: Pick<Settings, 'clock' | 'report'>) {
    this.#sessions = sessions
    this.#settings = settings
  }

  async get(id: string, _maxAge?: number, { ctx }: { readonly ctx?: unknown } = {}): Promise<unknown> {
    const session = await this.#sessions.open(sessionName(id))
    if (!session) return undefined
    this.#sessions.given.add(ctx, { session, content: contentOf(session), isBrought: true })
    return toKoaSession(session, this.#settings.clock())
  }

  async set(id: string, saved: unknown, maxAge?: number, data: { readonly ctx?: unknown } = {}): Promise<void> {
    checkSource(data)
    const { ctx } = data
    const name = sessionName(id)
    const content = readContent(saved, maxAge)
    const given = this.#sessions.given.of(ctx, name)
    if (given) {
      const isSaved = await this.#saveAgain(name, given, content)
      const res = responseOf(ctx)
      if (!isSaved && res) withholdCookie(res, id)
    } else {
      // koa-session sets the cookie after this, and an app may not wait for `ctx.session.save()`: nothing is waited for where nothing has to be.
      const saving = this.#saveNew(name, content, ctx)
      if (isThenable(saving)) await saving
    }
    const session = this.#sessions.find(name)
    if (session) this.#sessions.given.add(ctx, { session, content, isBrought: given?.isBrought ?? false })
    const level = this.#sessions.level(name)
    if (isThenable(level)) await level
  }

  async destroy(id: string, { ctx }: { readonly ctx?: unknown } = {}): Promise<void> {
    const name = sessionName(id)
    const given = this.#sessions.given.of(ctx, name)
    if (given) {
      // Another process may have ended it, or written to it. Where the store does not say, it is ended all the same.
      await this.#sessions.open(name).catch(() => undefined)
      // koa-session makes an id for each new visitor, and has it destroyed though nothing was ever saved.
    } else if (!(await this.#sessions.mayExist(name))) return
    const left = given && { given, content: this.#current(given) }
    this.#sessions.ended.destroy(name)
    const res = responseOf(ctx)
    if (res) onArrival(res, () => this.#sessions.ended.dismiss(name))
    else this.#sessions.ended.dismiss(name)
    const stored = this.#sessions.level(name)
    if (left) this.#regenerations.leave(ctx, left, stored)
    await stored
  }

  /** What a request saves that was given the session before; says whether that has not ended meanwhile. */
  async #saveAgain(name: SessionName, given: Given, content: SessionContent): Promise<boolean> {
    const changes = difference(given.content, content)
    if (this.#sessions.find(name) ?? (await this.#sessions.open(name))) {
      this.#sessions.save(name, changes, 'request')
      return true
    }
    if (this.#sessions.ended.endOf(given.session) !== undefined) {
      // The request is answered as ever: it may have done nothing but renew the session, while its visitor has signed out.
      if (changes.size > 0) this.#settings.report(sessionEnded())
      return false
    }
    this.#sessions.news.recall(given.session)
    this.#sessions.save(name, changes, 'request')
    return true
  }

  /** What a request saves that has made the id itself; or an app's own code without a request, which replaces what is there. */
  #saveNew(name: SessionName, content: SessionContent, ctx: unknown): Awaitable<void> {
    const source = ctx === undefined ? 'job' : 'request'
    const left = this.#regenerations.leftBy(ctx)
    return after(left && this.#standing(left), (before) => {
      const found = source === 'request' ? this.#sessions.find(name) : this.#sessions.open(name)
      return after(found, (known) => {
        if (this.#sessions.ended.has(name)) throw new TypeError(USED)
        if (known) this.#sessions.save(name, difference(contentOf(known), content), source)
        else if (left && before) {
          this.#sessions.write(name, goneOn(before, difference(left.given.content, content)), source)
          this.#regenerations.goOn(left, this.#sessions.find(name))
        } else this.#sessions.write(name, birth(content), source)
      })
    })
  }

  /** What is in a session now that a request was given; nothing where it has ended. */
  #current(given: Given): SessionContent | undefined {
    const known = this.#sessions.find(given.session.name)
    if (known) return contentOf(known)
    // Memory has forgotten it.
    return this.#sessions.ended.endOf(given.session) === undefined ? contentOf(given.session) : undefined
  }

  /**
   * What goes on of a session under another id.
   *
   * @throws {LiveSessionError} `superseded` where it was ended: its visitor, who may have signed out, would be back in it
   */
  async #standing(left: Left): Promise<SessionContent> {
    if (left.content) return left.content
    const next = await this.#regenerations.next(left)
    if (!next || !(await this.#sessions.open(next.session.name))) throw sessionEnded()
    return next.content
  }
}

/**
 * koa-session says whether a request has changed anything, and from 6.1 on which request it is. Without that nothing could be compared,
 * and what other requests have changed would be lost. An app's own code says neither.
 */
function checkSource(data: { readonly ctx?: unknown }): void {
  if (data.ctx !== undefined || !('changed' in data)) return
  throw new TypeError(
    'koa-live-session: session: expected the ctx of the request, received none. Use koa-session 6.1 or newer, and have a ContextStore pass on all that it is given',
  )
}

/** The answer of a request, as koa-session hands its context over. */
function responseOf(ctx: unknown): ServerResponse | undefined {
  const { res }: { readonly res?: ServerResponse } = Object(ctx)
  return res
}
