import type Koa from 'koa'
import type { Socket } from 'socket.io'
import type { Field } from '../../../shared/field.js'
import type { JsonValue } from '../../../shared/json.js'
import type { Awaitable } from '../../../shared/promise.js'
import type { Replica } from '../../../shared/replica.js'
import type { CookieMember } from '../cookie/cookie-members.js'
import type { NameOwner } from '../ends/beyond.js'
import type { Written } from '../exchange/outcome.js'
import type { Emit, LiveSocket } from '../memory/live-socket.js'
import type { Subject, UserSubject } from '../names/subject.js'
import type { Identifier } from '../names/visitor.js'
import type { Evidence } from '../visitors/recognized.js'

/** The additions of a part to the plugin. The kernel imports no part, and parts do not import each other. */
export interface Part {
  /** Members of the plugin object, which `liveSession()` returns. */
  readonly plugin?: Readonly<Record<string, (...args: never[]) => unknown>>
  /** Members of `ctx.liveSession`. */
  readonly request?: Members<RequestUse>
  /** Members of `socket.liveSession`. */
  readonly socket?: Members<SocketUse>
  /** Handlers of what pages ask over a socket, by event name. Called for each socket when it is admitted. */
  readonly events?: (use: SocketUse) => Readonly<Record<string, (input: unknown) => Awaitable<object>>>
  /** Called when a socket has opened, before the app's own handlers. Returns what is called when it closes. */
  readonly opens?: (socket: LiveSocket, whose: Evidence) => () => void
  /** Called at once when values of a subject may have changed: the app's next line finds it done. */
  readonly changes?: (subject: Subject) => void
  readonly cookie?: CookieMember
  readonly names?: readonly NameOwner[]
  readonly handshake?: HandshakePart
  /** Answers a POST to the endpoint that is not JSON, and returns whether it did. */
  readonly post?: (ctx: Koa.Context, requests: Identifier) => Awaitable<boolean>
  /** Called when a request begins, with the user whom `identify` names, before the app's own code runs. `useOf` begins the session. */
  readonly begins?: (ctx: Koa.Context, useOf: () => RequestUse, user: UserSubject | undefined) => void
  /** What the part adds to `snapshot` and `embed`. */
  readonly snapshot?: (use: RequestUse) => object
  /** Returns the values of the tab that asks for a page, as far as its request tells. */
  readonly tab?: (ctx: Koa.Context, whose: Evidence) => Replica | undefined
  /** Called when a request has signed a user in. */
  readonly signsIn?: (ctx: Koa.Context) => void
  /** Ends what a user is signed in by, apart from what the request `except` came with. */
  readonly revokes?: (user: UserSubject, except: Koa.Context | undefined) => Promise<void>
  /** What this process knows of a user besides values, for the inspector. */
  readonly facts?: (user: UserSubject) => Fact | undefined
  /** Called when the plugin accepts no more writes. */
  readonly close?: () => void
}

/** What is known under a title. Strangers may have chosen the texts. */
export interface Fact {
  readonly title: string
  readonly texts: readonly string[]
}

/** Functions by name. Each returns a promise whose rejection never ends the process. */
export type Members<U> = Readonly<Record<string, (use: U, ...args: never[]) => Awaitable<unknown>>>

/** A request, as members of `ctx.liveSession` see it. */
export interface RequestUse {
  readonly ctx: Koa.Context
  /** The request and its response. */
  readonly visit: Answer
  /** The visitor's values. */
  readonly values: {
    get(key: string): JsonValue | undefined
    set(key: string, value: JsonValue): Promise<Written>
  }
  /**
   * Call this before setting something of the browser's.
   *
   * @throws {LiveSessionError} `superseded`, `cookies_blocked`, `closed`
   */
  permit(): void
  /** Continues as the user whom `identify` names now: the app may have signed that user in without telling the plugin. */
  catchUp(): Awaitable<unknown>
}

/** A request and its response. */
export interface Answer extends Evidence {
  /** Whether the visitor has left this browser meanwhile. */
  readonly isSuperseded: boolean
  /** Returns whether the owner of values with this scope is known: the browser may have withheld its cookie. */
  knowsOwner(scope: Field['scope']): boolean
  /** Adds a part to the response from now on. */
  join(part: AnswerPart): void
  /** Returns the part of this class that has joined. */
  joined<P extends AnswerPart>(kind: new (...given: never[]) => P): P | undefined
}

/** The role of a part in the handshakes of connections. */
interface HandshakePart {
  /** Called when a browser connects. Returns a function that makes the members of each of its sockets, if there are any. */
  connect(ctx: Koa.Context, conn: Socket['conn']): ((socket: Socket) => object) | undefined
}

/** The role of a part in one response. */
export interface AnswerPart {
  /** Whether the part has something new for the cookie. */
  readonly hasNews: boolean
  /** Whether no cache may store the response. */
  readonly isForOnce: boolean
  /** Called when the request continues as another visitor. */
  changeHands(): void
  /** Called when the headers are about to be sent; the cookie is not written yet. */
  seal(): void
}

/** An open socket, as members of `socket.liveSession` see it. */
export interface SocketUse extends Evidence {
  isOpen(): boolean
  /** Sends to this socket alone, if it is open. */
  readonly emit: Emit
  /**
   * Call this before setting something.
   *
   * @throws {LiveSessionError} `superseded`, `closed`
   */
  permit(): void
}
