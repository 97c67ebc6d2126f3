import { setImmediate as turn } from 'node:timers/promises'
import type { KnownSession } from './known-session.js'
import type { Given, SessionContent } from './loaded-sessions.js'

/** What a request has given the id up of. koa-session regenerates a session so: it destroys it, and saves it under another id. */
export interface Left {
  readonly given: Given
  /** All that was in it by then; nothing where others had ended it before. */
  readonly content: SessionContent | undefined
}

/** How a session has gone on. */
interface GoneOn {
  readonly content: SessionContent
  readonly session: KnownSession
}

/** Sessions that requests have ended, and those that have gone on from there under another id. */
export class Regenerations {
  readonly #left = new WeakMap<object, Left>()
  readonly #goneOn = new WeakMap<KnownSession, GoneOn>()
  /** Until when the request that has ended a session may go on from there. */
  readonly #decided = new WeakMap<KnownSession, Promise<unknown>>()

  /** @param ended settles when koa-session hears that the session has ended */
  leave(ctx: unknown, left: Left, ended: unknown): void {
    this.#left.set(Object(ctx), left)
    // koa-session saves it under another id in the turn in which it hears of that; else the app has destroyed it.
    if (left.content)
      this.#decided.set(
        left.given.session,
        Promise.allSettled([ended]).then(() => turn()),
      )
  }

  /** What a request has given the id up of last, however often it tries to go on from there. */
  leftBy(ctx: unknown): Left | undefined {
    return this.#left.get(Object(ctx))
  }

  goOn({ given, content }: Left, session: KnownSession | undefined): void {
    if (content && session) this.#goneOn.set(given.session, { content, session })
  }

  /** How it has gone on where another request has regenerated it first: a double click at a sign-in makes two of them. */
  async next({ given }: Left): Promise<GoneOn | undefined> {
    await this.#decided.get(given.session)
    return this.#goneOn.get(given.session)
  }
}
