import type { ServerResponse } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import type Koa from 'koa'
import onHeaders from 'on-headers'
import type { KnownSession } from './known-session.js'
import { type SessionContent, type SessionName, sessionName } from './session-content.js'

/** What a request was given of a session, to compare with what it saves. */
export interface Given {
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
export interface Left {
  readonly given: Given
  /** Its contents at that time; undefined if others had already ended it. */
  readonly content: SessionContent | undefined
  readonly goOn: (next: GoneOn) => void
}

/** What each request was given of sessions, and which it has ended, during its lifetime: by the `ctx` that koa-session passes. */
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

  /** Returns the session that koa-session has found for a request or handshake, by the id that its browser sent. */
  brought(ctx: Koa.Context): KnownSession | undefined {
    // If koa-session was given nothing from here, `ctx.session` is not ours: reading it may fail, or create one.
    if (!this.#given.has(ctx)) return undefined
    const { externalKey }: { externalKey?: unknown } = Object(Reflect.get(ctx, 'session'))
    const given = typeof externalKey === 'string' ? this.given(ctx, sessionName(externalKey)) : undefined
    return given?.isBrought ? given.session : undefined
  }

  /** @param ended settles when koa-session hears that the session has ended */
  leave(ctx: unknown, given: Given, content: SessionContent | undefined, ended: unknown): void {
    const next = new Promise<GoneOn | undefined>((goOn) => {
      this.#left.set(Object(ctx), { given, content, goOn })
      // koa-session saves it under another id in the same turn in which it learns of that; otherwise the app has destroyed it.
      void Promise.allSettled([ended])
        .then(() => turn())
        .then(() => goOn(undefined))
    })
    if (content) this.#next.set(given.session, next)
  }

  /** Returns the last session whose id a request has abandoned, however often it tries to continue from there. */
  left(ctx: unknown): Left | undefined {
    return this.#left.get(Object(ctx))
  }

  /** Returns how it continued if another request has regenerated it first: a double click on a sign-in makes two requests. */
  async next({ given }: Left): Promise<GoneOn | undefined> {
    return this.#next.get(given.session)
  }
}

/**
 * Removes a cookie with this id from a response. koa-session sets it after each save: if the session has ended meanwhile, it would replace
 * the cookie of the next one, and its visitor, who may just have signed in, would have none.
 */
export function withholdCookie(res: ServerResponse | undefined, id: string): void {
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
