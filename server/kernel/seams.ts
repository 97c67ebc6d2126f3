import type Koa from 'koa'
import type { Socket } from 'socket.io'
import type { JsonValue } from '../../shared/json.js'
import type { Awaitable } from '../../shared/promise.js'
import type { LiveSessionServerToClient } from '../../shared/protocol.js'
import type { StoredRegister } from '../../shared/register.js'
import type { CookieMember } from './cookie/cookie-members.js'
import type { VerifiedCookie } from './cookie/cookie-text.js'
import type { PartName } from './names/subject.js'
import type { Identifier, Visitor } from './names/visitor.js'
import type { Written } from './values/written.js'

/** What a part adds to a plugin. The kernel imports no part, and no part imports another one. */
export interface Part {
  /** Members of the plugin, what `liveSession()` returns. */
  readonly plugin?: Readonly<Record<string, (...args: never[]) => unknown>>
  /** Members of `ctx.liveSession`. */
  readonly request?: Members<RequestUse>
  /** Members of `socket.liveSession`. */
  readonly socket?: Members<SocketUse>
  /** What pages ask over a socket, by the name of the event; called for each socket as it gets in. */
  readonly events?: (use: SocketUse) => Readonly<Record<string, (input: unknown) => Awaitable<object>>>
  readonly cookie?: CookieMember
  readonly names?: NameOwner
  readonly handshake?: HandshakePart
  /** Answers a POST to the endpoint that brings no JSON, and returns whether it has. */
  readonly post?: (ctx: Koa.Context, requests: Identifier) => Awaitable<boolean>
  /** A request begins, before the app's own code. `useOf` begins the session. */
  readonly begins?: (ctx: Koa.Context, useOf: () => RequestUse) => void
  /** More of what the page is told by `snapshot` and `embed`. */
  readonly snapshot?: (use: RequestUse) => object
  /** A request has signed a user in. */
  readonly signsIn?: (ctx: Koa.Context) => void
  /** Resolves when nothing of it is under way. */
  readonly settled?: () => Promise<void>
  /** The plugin takes no more writes. */
  readonly close?: () => void
}

/** Functions by their names. Each returns a promise, whose rejection never ends the process. */
export type Members<U> = Readonly<Record<string, (use: U, ...args: never[]) => Awaitable<unknown>>>

/** A visitor, and the cookie that the browser came with, where it is this visitor's. */
interface Asker {
  readonly visitor: Visitor
  readonly cookie: VerifiedCookie | undefined
}

/** A request, as members of `ctx.liveSession` see it. */
export interface RequestUse {
  readonly ctx: Koa.Context
  /** The request and its answer, as they are by now: begun at the first use. */
  readonly visit: Answer
  /** The visitor's. */
  readonly values: {
    get(key: string): JsonValue | undefined
    set(key: string, value: JsonValue): Promise<Written>
  }
  /**
   * Something is set.
   *
   * @throws {LiveSessionError} `superseded`, `closed`
   */
  permit(): void
  /** Goes on as the user whom `identify` names now: the app may have signed that user in without a word. */
  catchUp(): Awaitable<unknown>
}

/** A request and its answer. */
export interface Answer extends Asker {
  /** The visitor has left this browser meanwhile. */
  readonly isSuperseded: boolean
  /** Has a part take part in it from now on. */
  join(part: AnswerPart): void
}

/** Has names of its own, in the store and among processes. */
export interface NameOwner {
  owns(this: void, name: string): name is PartName
  /** Takes over what another process has written, or what stands in the store for what was written here: another process may have been faster. */
  take(name: PartName, registers: readonly StoredRegister[], source: 'node' | 'store'): void
}

/** What a part has to do with the handshakes of connections. */
interface HandshakePart {
  /** Whether it needs what the app's own middleware finds out. */
  isUsed(): boolean
  /** A browser connects. Returns what makes the members of each of its sockets, if there are any. */
  connect(ctx: Koa.Context, conn: Socket['conn']): ((socket: Socket) => object) | undefined
}

/** What a part does about one answer. */
export interface AnswerPart {
  /** The cookie is to say more than it did. */
  readonly hasNews: boolean
  /** No cache may keep the answer. */
  readonly isForOnce: boolean
  /** The request goes on as another visitor. */
  changeHands(): void
  /** The headers are about to go out, and the cookie is not written yet. */
  seal(): void
}

/** What a page is sent over its socket. */
type PageEvent = keyof LiveSessionServerToClient

/** An open socket, as members of `socket.liveSession` see it. */
export interface SocketUse extends Asker {
  readonly isOpen: boolean
  /** Sends to this socket alone, where it is open. */
  emit<E extends PageEvent>(event: E, ...args: Parameters<LiveSessionServerToClient[E]>): void
  /**
   * Something is set.
   *
   * @throws {LiveSessionError} `superseded`, `closed`
   */
  permit(): void
}
