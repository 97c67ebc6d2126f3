// The interface between the core and its features: members, events, hooks, and the contexts of requests and sockets.

import type Koa from 'koa'
import type { Written } from '../shared/change.js'
import type { Field } from '../shared/field.js'
import type { JsonValue } from '../shared/json.js'
import type { Awaitable } from '../shared/promise.js'
import type { FlashAnswer, WritableSnapshot } from '../shared/protocol.js'
import type { Replica } from '../shared/replica.js'
import type { CookieMember } from './cookie/members.js'
import type { Members } from './exchange/handle.js'
import type { Identified } from './identity/identified.js'
import type { Emit, Link, PageSocket } from './memory/link.js'
import type { AnyFeatureData } from './store/feature-entry.js'
import type { Subject, UserSubject } from './subjects/subject.js'

/**
 * A feature's additions to the plugin. The core imports no feature, and features do not import each other. Each member serves a moment or a
 * place that only the core knows, so a member stays even if a single feature uses it.
 */
export interface Feature {
  /** Members of the plugin object, which `liveSession()` returns. */
  readonly plugin?: Readonly<Record<string, (...args: never[]) => unknown>>
  /** Members of `ctx.liveSession`. */
  readonly request?: Members<RequestUse>
  /** Members of `socket.liveSession`. */
  readonly socket?: Members<SocketUse>
  /**
   * Handlers of page events by name. Called on each socket's admission. The core limits malformed messages, and acknowledges each message.
   */
  readonly events?: (use: SocketUse) => Readonly<Record<string, (input: unknown) => Awaitable<FlashAnswer>>>
  /** Called when a socket opens, before the app's own handlers. Returns a function to call when the socket closes. */
  readonly opens?: (socket: PageSocket, identity: Identified) => () => void
  /** Called synchronously when a subject's values may have changed, because the app's next line may emit to a room. */
  readonly changes?: (subject: Subject) => void
  /** Content of the live cookie, which the core alone signs and writes. */
  readonly cookie?: CookieMember
  /**
   * Called when a browser connects. The only hook that gets the handshake's context. May return a function that adds members to each socket
   * of the connection.
   */
  readonly connects?: (ctx: Koa.Context, link: Link) => ((socket: PageSocket) => void) | undefined
  /** Answers a POST to the core's endpoint if the body is not JSON. Returns whether the feature has answered. */
  readonly post?: (ctx: Koa.Context) => Awaitable<boolean>
  /**
   * Called at the start of each request, before the app's routes; not for a POST to the endpoint. `user` is the user named by `identify`.
   * `useOf` begins the session, and returns its `RequestUse`.
   */
  readonly begins?: (ctx: Koa.Context, useOf: () => RequestUse, user: UserSubject | undefined) => void
  /** Adds members to the result of `snapshot` and `embed`, which the core serializes. */
  readonly snapshot?: (use: RequestUse, snapshot: WritableSnapshot) => void
  /** Returns the tab's values for the snapshot, if the request brings them: memory has only the values of tabs with a socket. */
  readonly tab?: (ctx: Koa.Context, identity: Identified) => Replica | undefined
  /**
   * Called when `ctx.liveSession.identify()` finds another user, and by `leave()`, before the request continues as that user or as a guest.
   * Both await the result. Meanwhile `ResponseHook.visitorChanged` is called.
   *
   * @param isRevoked whether the user was revoked while `identify` was under way
   * @throws {LiveSessionError} if the request may not continue so
   */
  readonly changesUser?: (
    ctx: Koa.Context,
    visit: ResponseContext,
    user: UserSubject | undefined,
    isRevoked: boolean,
  ) => Awaitable<void>
  /** Returns whether the sign-in of the user named by `identify` has ended: then the request or handshake is a guest's. */
  readonly hasEnded?: (ctx: Koa.Context, user: UserSubject) => Awaitable<boolean>
  /** Returns when the app's session of a request ends, however much it is used, in ms since 1970; undefined if never. */
  readonly endsBy?: (ctx: Koa.Context) => number | undefined
  /**
   * Called before a revocation that the sign-in of this request must survive. Resolves with a function to call just before the revocation
   * begins `epoch`. `revoke` awaits that function's promise, too, because the next request may reach another process.
   *
   * @throws {LiveSessionError} `store_unavailable` if another process may have ended the sign-in; `superseded`
   */
  readonly spares?: (user: UserSubject, ctx: Koa.Context) => Awaitable<((epoch: number) => unknown) | undefined>
  /** Deletes what the feature has about an erased user. `erase` awaits the promise. */
  readonly erases?: (user: UserSubject) => Promise<void>
  /** The feature's data that the plugin stores, and shares with other processes. */
  readonly data?: readonly AnyFeatureData[]
  /** Called when the plugin closes. */
  readonly close?: () => void
}

/** A request, for members of `ctx.liveSession`. */
export interface RequestUse {
  readonly ctx: Koa.Context
  /** The request and its response. */
  readonly visit: ResponseContext
  /** The visitor's values. */
  readonly values: {
    get(key: string): JsonValue | undefined
    set(key: string, value: JsonValue): Promise<Written>
  }
  /**
   * Call this before a write to the browser's own data.
   *
   * @throws {LiveSessionError} `superseded`, `cookies_blocked`, `closed`
   */
  permit(): void
  /** Calls `identify` again, and continues as the returned user, because the app may have signed a user in or out meanwhile. */
  refreshUser(): Awaitable<unknown>
}

/** A request and its response. */
export interface ResponseContext extends Identified {
  /** Whether the visitor has left this browser. */
  readonly isSuperseded: boolean
  /** Returns whether the owner of values with this scope is known. The browser may have withheld the cookie that names the owner. */
  knowsOwner(scope: Field['scope']): boolean
  /** Adds a feature's hook to the response. */
  addHook(hook: ResponseHook): void
  /** Returns the hook of this class, if added. */
  findHook<P extends ResponseHook>(kind: new (...given: never[]) => P): P | undefined
}

/** A feature's role in a response. */
export interface ResponseHook {
  /** Whether the feature has new content for the cookie. */
  readonly hasNewContent: boolean
  /** Whether the response must not be cached. */
  readonly isOneTime: boolean
  /** Called when the request continues as another visitor. */
  visitorChanged(): void
  /** Called just before the headers are sent and the cookie is written. */
  beforeHeaders(): void
}

/** An open socket, for members of `socket.liveSession`. */
export interface SocketUse extends Identified {
  isOpen(): boolean
  /** Sends an event to this socket alone, if the socket is open. */
  readonly emit: Emit
  /**
   * Call this before a write.
   *
   * @throws {LiveSessionError} `superseded`, `closed`
   */
  permit(): void
}
