import type Koa from 'koa'
import type { JsonValue } from '../../../shared/json.js'
import type { KnownSession } from './known-session.js'
import { type SessionName, sessionName } from './session-name.js'
import type { MaxAge } from './session-registers.js'

/** A session as koa-session has it: its values by their keys, and how long it lasts. */
export interface SessionContent {
  readonly values: ReadonlyMap<string, JsonValue>
  readonly maxAge: MaxAge
}

/** What a request was given of a session: what it saves is compared with that. */
export interface Given {
  readonly session: KnownSession
  readonly content: SessionContent
  /** Whether the browser has brought its id: else the request has made it. */
  readonly isBrought: boolean
}

/** What each request was given, for as long as it lasts. */
export class LoadedSessions {
  readonly #given = new WeakMap<object, Map<SessionName, Given>>()

  /** @param ctx of the request, as koa-session hands it over; an app's own code may call a store without one */
  of(ctx: unknown, name: SessionName): Given | undefined {
    return this.#given.get(Object(ctx))?.get(name)
  }

  add(ctx: unknown, given: Given): void {
    if (typeof ctx !== 'object' || ctx === null) return
    const all = this.#given.get(ctx) ?? new Map<SessionName, Given>()
    this.#given.set(ctx, all.set(given.session.name, given))
  }

  /** The session that koa-session has found for a request, or a handshake; none where it is a new one. */
  sessionOf(ctx: Koa.Context): KnownSession | undefined {
    return this.#found(ctx)?.session
  }

  /** The same, where its browser came with the very id. */
  broughtOf(ctx: Koa.Context): KnownSession | undefined {
    const given = this.#found(ctx)
    return given?.isBrought ? given.session : undefined
  }

  #found(ctx: Koa.Context): Given | undefined {
    // Where koa-session was given nothing from here, `ctx.session` is another's: to read it may fail, or make one.
    if (!this.#given.has(ctx)) return undefined
    const { externalKey }: { externalKey?: unknown } = Object(Reflect.get(ctx, 'session'))
    return typeof externalKey === 'string' ? this.of(ctx, sessionName(externalKey)) : undefined
  }
}
