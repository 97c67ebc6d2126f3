import type { Given, SessionContent } from './given.js'
import type { KnownSession } from './known-session.js'

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

  leave(ctx: unknown, left: Left): void {
    this.#left.set(Object(ctx), left)
  }

  /** What a request has given the id up of last, however often it tries to go on from there. */
  leftBy(ctx: unknown): Left | undefined {
    return this.#left.get(Object(ctx))
  }

  goOn({ given, content }: Left, session: KnownSession | undefined): void {
    if (content && session) this.#goneOn.set(given.session, { content, session })
  }

  /** How it has gone on where another request has regenerated it first: a double click at a sign-in makes two of them. */
  next({ given }: Left): GoneOn | undefined {
    return this.#goneOn.get(given.session)
  }
}
