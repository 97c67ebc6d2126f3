import type { LiveSessionErrorCode } from './errors.js'
import type { JsonValue } from './json.js'
import type { TakenId, WireRegister } from './register.js'
import type { Stamp } from './stamp.js'

/** The words on the wire, version 2: docs/protocol.md. */
export const STORE_SESSION = 'store_session'
export const SYNC = 'live_session:sync'
export const RECONNECT = 'live_session:reconnect'
export const HAND_OFF = 'live_session:hand_off'
export const FLASH = 'live_session:flash'
export const TAKE_FLASH = 'live_session:take_flash'

/** The field of a form that brings a hand-off's token. */
export const HAND_OFF_FIELD = 'live_session_hand_off'

/** The `id` of the script element that `embed()` renders. */
export const EMBED_ID = 'live-session'
export const DEFAULT_ENDPOINT = '/store_session'

/** Bytes of a POST's body; a browser sends no more with keepalive. */
export const MAX_BODY: number = 64 * 1024
/** Changes in one call. */
export const MAX_CHANGES = 1000
/** Characters of a ticket. */
export const MAX_TICKET: number = 64 * 1024
/** `over` of a change that goes over whatever is there. */
export const OVER_ANY = -1

/** How far a write has got: into the memory of this process, or into the store. */
export type Level = 'memory' | 'store'
/**
 * `[key, over, id, value?]`: no value deletes; `over` is the stamp of the value that it was made over, -1 over anything. `id` names a
 * computed change, which is taken once; of any other it is `''`.
 */
export type WireChange = readonly [key: string, over: number, id: string, value?: JsonValue]
/** What a page says, over its socket or as the body of a POST. */
export interface Sync {
  /** Whose page it is, as an answer or its snapshot said: opaque. A page that was not told asks with none. */
  readonly who?: string | undefined
  /** What the browser knows and the server may have lost. */
  readonly tickets?: readonly string[] | undefined
  /** Changes, at most 1,000, of each key one at the most. Each is applied, or refused, on its own. */
  readonly set?: readonly WireChange[] | undefined
}
/** What became of one change. One that is refused says what stands instead, where that is why. */
export type SyncResult =
  | {
      /** When it was written: now, or as it came before. */
      readonly stamp: Stamp
      /** How far it has got. */
      readonly level: Level
    }
  | {
      /** Why it was refused. */
      readonly code: LiveSessionErrorCode
      /** That of what stands instead. */
      readonly stamp?: Stamp
      /** What stands instead; left out where there is no value. */
      readonly value?: JsonValue
    }
/** What the server answers. */
export interface SyncAnswer {
  /** Whose the request, or the connection, is; left out of a guest's who has no cookie, and gets none. */
  readonly who?: string
  /** The page was another visitor's: nothing of it was taken. */
  readonly dropped?: true
  /** All that the visitor may read, as tickets: by POST where the page named no `who`, in the first answer over a socket, and where it was another's. */
  readonly greeting?: readonly string[]
  /** Of each change, in their order. */
  readonly results: readonly SyncResult[]
  /** Of what was set, and of what stands in place of what was brought, or was to be set. */
  readonly ticket?: string
  /** The request, or the handshake, brought this browser's live cookie. */
  readonly kept?: true
  /** Keys and stamps that this cookie had, and of fields that are kept out of it those that the store has. */
  readonly held: readonly (readonly [key: string, stamp: Stamp])[]
  /** Keys whose value is in no cookie and in no store. */
  readonly unsaved?: readonly string[]
  /** Seconds after which a page that is used POSTs, where that is sooner than 300. */
  readonly renew?: number
}

/** How the server answers an event that it refuses as a whole. */
export interface Refusal {
  /** Always false. */
  readonly ok: false
  /** What was wrong. */
  readonly code: LiveSessionErrorCode
  /** The field that it is about. */
  readonly key?: string
  /** Which ticket, from 0; of `malformed` it may be which change. */
  readonly index?: number
}
export type FlashAnswer = { readonly ok: true; readonly messages: readonly JsonValue[] } | Refusal

/**
 * The events that the server sends to a page's socket, for the types of your own socket.io server: `createLiveSession` and `storeSession`
 * answer them. Each is described in docs/protocol.md.
 */
export interface LiveSessionServerToClient {
  /** A ticket: signed changes that the page is to show, and to bring to the endpoint. */
  store_session: (ticket: string) => void
  /** The page is to connect again, as another visitor or with another cookie: `code` says why. */
  'live_session:reconnect': (code: LiveSessionErrorCode) => void
  /** The page is to POST the token to the endpoint, by a form: the answer sends it on. */
  'live_session:hand_off': (token: string) => void
  /** There are messages to take: the page answers with `live_session:take_flash`, once it is seen. */
  'live_session:flash': () => void
}
/** The events that a page's socket sends to the server, which answers each. Each is described in docs/protocol.md. */
export interface LiveSessionClientToServer {
  /** The one exchange: says whose page it is, brings tickets, sets and deletes values. */
  'live_session:sync': (sync: Sync, ack: (answer: SyncAnswer | Refusal) => void) => void
  /** Takes the messages that wait for this browser: with `true` first, from a page that was connected before. The answer is `{ ok: true, messages }`. */
  'live_session:take_flash': (
    ...given:
      | readonly [ack: (answer: FlashAnswer) => void]
      | readonly [isBack: true, ack: (answer: FlashAnswer) => void]
  ) => void
}

/** The claims of a ticket: signed changes of one subject, for its browser to store. */
export interface TicketClaims {
  readonly aud: typeof STORE_SESSION
  /** base64url(SHA-256(subject)) */
  readonly sub: string
  readonly epoch: number
  /** Which erasure of a user it was signed after: ms since 1970. Left out where there was none. */
  readonly generation?: number | undefined
  /** Seconds since 1970, as `exp`. */
  readonly iat: number
  readonly exp: number
  readonly changes: readonly WireRegister[]
  /** By key, the ids of its computed changes of the last two minutes, each with the stamp that it got. */
  readonly ids?: Readonly<Record<string, readonly TakenId[]>>
  /** Of each readable field what it reads as where `changes` cannot say it; only in a greeting. */
  readonly defaults?: Readonly<Record<string, JsonValue>>
  /** It is a guest's; only in a greeting. */
  readonly guest?: true
}

/** Values with stamps, as a page brings them along: what `ctx.liveSession.embed()` renders. */
export interface AnySnapshot {
  /** Whose the page is: opaque. Left out where the browser has no cookie and gets none. */
  readonly who?: string
  /** It is a guest's. */
  readonly guest?: true
  /** Keys and stamps that the request's own cookie had; there only where it brought this visitor's. */
  readonly held?: readonly (readonly [key: string, stamp: Stamp])[]
  /** Seconds after which a page that is used POSTs, so that neither the cookie nor the app's own session ends. @default 300 */
  readonly renew?: number
  readonly values: Readonly<Record<string, JsonValue>>
  readonly defaults: Readonly<Record<string, JsonValue>>
  readonly stamps: Readonly<Record<string, Stamp>>
  /** Keys that were written and have no value now: `values` has their default. */
  readonly deleted?: readonly string[]
  /** Keys whose newest write was not in the cookie of the request: that the browser keeps it is still to be seen. */
  readonly unsaved?: readonly string[]
  /** By key, the parameter of the page's address that is kept in step with it. */
  readonly urls?: Readonly<Record<string, string>>
  /** By key, what the page's address says and the request has not set, as of a page that is fetched before it is wanted. */
  readonly unvisited?: Readonly<Record<string, JsonValue>>
}
