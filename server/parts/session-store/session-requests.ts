import type { ServerResponse } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import type Koa from 'koa'
import onHeaders from 'on-headers'
import type { KnownSession } from './known-session.js'
import { type SessionContent, type SessionName, sessionName } from './session-content.js'

/** What a request was given of a session: what it saves is compared with that. */
export interface Given {
  readonly session: KnownSession
  readonly content: SessionContent
  /** Whether the browser has brought its id: else the request has made it. */
  readonly isBrought: boolean
}

/** How a session has gone on under another id. */
interface GoneOn {
  readonly session: KnownSession
  /** All that was in the former one as it ended. */
  readonly former: SessionContent
}

/** What a request has given the id up of. koa-session regenerates a session so: it destroys it, and saves it under another id. */
export interface Left {
  readonly given: Given
  /** All that was in it by then; nothing where others had ended it before. */
  readonly content: SessionContent | undefined
  readonly goOn: (next: GoneOn) => void
}

/** What each request was given of sessions, and has ended of them, for as long as it lasts: by the `ctx` that koa-session hands over. */
export class SessionRequests {
  readonly #given = new WeakMap<object, Map<SessionName, Given>>()
  readonly #left = new WeakMap<object, Left>()
  readonly #next = new WeakMap<KnownSession, Promise<GoneOn | undefined>>()

  /** @param ctx an app's own code may call a store without one */
  given(ctx: unknown, name: SessionName): Given | undefined {
    return this.#given.get(Object(ctx))?.get(name)
  }

  give(ctx: unknown, given: Given): void {
    const all = this.#given.get(Object(ctx)) ?? new Map<SessionName, Given>()
    this.#given.set(Object(ctx), all.set(given.session.name, given))
  }

  /** The session that koa-session has found for a request, or a handshake, by the id that its browser came with. */
  brought(ctx: Koa.Context): KnownSession | undefined {
    // Where koa-session was given nothing from here, `ctx.session` is another's: to read it may fail, or make one.
    if (!this.#given.has(ctx)) return undefined
    const { externalKey }: { externalKey?: unknown } = Object(Reflect.get(ctx, 'session'))
    const given = typeof externalKey === 'string' ? this.given(ctx, sessionName(externalKey)) : undefined
    return given?.isBrought ? given.session : undefined
  }

  /** @param ended settles when koa-session hears that the session has ended */
  leave(ctx: unknown, given: Given, content: SessionContent | undefined, ended: unknown): void {
    const next = new Promise<GoneOn | undefined>((goOn) => {
      this.#left.set(Object(ctx), { given, content, goOn })
      // koa-session saves it under another id in the turn in which it hears of that; else the app has destroyed it.
      void Promise.allSettled([ended])
        .then(() => turn())
        .then(() => goOn(undefined))
    })
    if (content) this.#next.set(given.session, next)
  }

  /** What a request has given the id up of last, however often it tries to go on from there. */
  left(ctx: unknown): Left | undefined {
    return this.#left.get(Object(ctx))
  }

  /** How it has gone on where another request has regenerated it first: a double click at a sign-in makes two of them. */
  async next({ given }: Left): Promise<GoneOn | undefined> {
    return this.#next.get(given.session)
  }
}

/**
 * Has an answer bring no cookie with this id. koa-session sets it after each save: of a session that has ended meanwhile it would replace
 * the cookie of the one that came after, and its visitor, who may have signed in just then, would have none.
 */
export function withholdCookie(res: ServerResponse | undefined, id: string): void {
  if (!res) return
  onHeaders(res, () => {
    const lines = [res.getHeader('set-cookie') ?? []].flat().map(String)
    const late = lines.find((line) => line.split(';')[0]?.endsWith(`=${id}`))
    if (late === undefined) return
    // With its signature, which alone would not verify what the browser has.
    const names = new Set([nameOf(late), `${nameOf(late)}.sig`])
    const left = lines.filter((line) => !names.has(nameOf(line)))
    res.setHeader('set-cookie', left)
  })
}

function nameOf(line: string): string | undefined {
  return line.split('=')[0]
}
