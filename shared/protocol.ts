// The names and shapes on the wire: see docs/protocol.md.

import type { LiveSessionErrorCode } from './errors.js'
import type { JsonValue } from './json.js'
import type { TakenId, WireRegister } from './register.js'
import type { Stamp } from './stamp.js'

/** The names on the wire, version 2: see docs/protocol.md. */
export const STORE_SESSION = 'store_session'
export const SYNC = 'live_session:sync'
export const RECONNECT = 'live_session:reconnect'
export const HAND_OFF = 'live_session:hand_off'
export const FLASH = 'live_session:flash'
export const TAKE_FLASH = 'live_session:take_flash'

/** The form field that carries a hand-off's token. */
export const HAND_OFF_FIELD = 'live_session_hand_off'

/** The `id` of the script element that `embed()` renders. */
export const EMBED_ID = 'live-session'
export const DEFAULT_ENDPOINT = '/store_session'

/** The member of a socket's `auth` with the tickets of its tab. */
export const TAB_AUTH = 'liveTab'
/** The cookie by which a page that is being left tells the next request the tickets of its tab, joined by `~`. */
export const TAB_COOKIE = 'live-tab'

/** Maximum bytes of a POST's body; browsers send no more with keepalive. */
export const MAX_BODY: number = 64 * 1024
/** Maximum changes in one call. */
export const MAX_CHANGES = 1000
/** Maximum characters of a ticket. */
export const MAX_TICKET: number = 64 * 1024
/** `over` of a change that overwrites whatever is there: from programs that keep no values. */
export const OVER_ANY = -1

/** How far a write has got: into the memory of this process, or into the store. */
export type Level = 'memory' | 'store'
/**
 * `[key, over, id, value?, group?]`: deletes if there is no value; `over` is the stamp of the value that it overwrites, -1 for any. `id`
 * identifies a computed change, which is applied once; for any other it is `''`. Changes with the same `group` are valid together, or refused.
 */
export type WireChange = readonly [key: string, over: number, id: string, value?: JsonValue, group?: string]
/** A page's message, over its socket or as the body of a POST. */
export interface Sync {
  /** The page's visitor, from an answer or its snapshot; opaque. A page that does not know it asks without. */
  readonly who?: string | undefined
  /** Changes that the browser knows and the server may have lost. */
  readonly tickets?: readonly string[] | undefined
  /** At most 1,000 changes. Each is applied or refused on its own, or with its group; those of one key are a list, each made over the one before. */
  readonly set?: readonly WireChange[] | undefined
}
/** The result of one change. A refusal includes the current value if that is the reason. */
export type SyncResult =
  | {
      /** When it was written: now, or when it came before. */
      readonly stamp: Stamp
      /** How far it has got. */
      readonly level: Level
    }
  | {
      /** Why it was refused. */
      readonly code: LiveSessionErrorCode
      /** The stamp of the current value. */
      readonly stamp?: Stamp
      /** The current value; omitted if there is none. */
      readonly value?: JsonValue
    }
/** A result that refuses its change. */
export type Refused = Extract<SyncResult, { readonly code: unknown }>
/** The server's answer. */
export interface SyncAnswer {
  /** The visitor of the request or connection; omitted for a guest who has no cookie and gets none. */
  readonly who?: string
  /** The signed-in user's id, as text; only with `greeting`. */
  readonly user?: string
  /** Set if the page was another visitor's: nothing it sent was accepted. */
  readonly dropped?: true
  /** All that the visitor may read, as tickets: by POST without `who`, in a socket's first answer, and if `who` was another's. */
  readonly greeting?: readonly string[]
  /** The results of the changes, in their order. */
  readonly results: readonly SyncResult[]
  /** A ticket for what was set, and for the current values that won over what was brought or to be set. */
  readonly ticket?: string
  /** Set if the request, or the handshake, brought this browser's live cookie. */
  readonly kept?: true
  /** Keys and stamps in this cookie and, for fields that are kept out of it, those in the store. */
  readonly held: readonly (readonly [key: string, stamp: Stamp])[]
  /** Keys whose value is in neither a cookie nor a store. */
  readonly unsaved?: readonly string[]
  /** Seconds after which a page in use POSTs, if fewer than 300. */
  readonly renew?: number
}

/** The server's answer to an event that it refuses as a whole. */
export interface Refusal {
  /** Always false. */
  readonly ok: false
  /** What was wrong. */
  readonly code: LiveSessionErrorCode
  /** The field that it is about. */
  readonly key?: string
  /** The index of the ticket, from 0; for `malformed` it may be that of a change. */
  readonly index?: number
}
export type FlashAnswer = { readonly ok: true; readonly messages: readonly JsonValue[] } | Refusal

/**
 * The events that the server sends to a page's socket, for the types of your own socket.io server: `createLiveSession` and `storeSession`
 * answer them. Each is described in docs/protocol.md.
 */
export interface LiveSessionServerToClient {
  /** A ticket: signed changes for the page to show and to POST to the endpoint. */
  store_session: (ticket: string) => void
  /** The page must reconnect, as another visitor or with another cookie: `code` says why. */
  'live_session:reconnect': (code: LiveSessionErrorCode) => void
  /** The page must POST the token to the endpoint with a form: the response redirects it. */
  'live_session:hand_off': (token: string) => void
  /** Messages are waiting: the page answers with `live_session:take_flash` once it is visible. */
  'live_session:flash': () => void
}
/** The events that a page's socket sends to the server, which answers each. Each is described in docs/protocol.md. */
export interface LiveSessionClientToServer {
  /** The only exchange: tells whose page it is, brings tickets, sets and deletes values. */
  'live_session:sync': (sync: Sync, ack: (answer: SyncAnswer | Refusal) => void) => void
  /**
   * Takes the messages waiting for this browser; a page that was connected before passes `true`. The answer is `{ ok: true, messages }`.
   */
  'live_session:take_flash': (
    ...given:
      | readonly [ack: (answer: FlashAnswer) => void]
      | readonly [isBack: true, ack: (answer: FlashAnswer) => void]
  ) => void
}

/** When values end. */
export type Ends = NonNullable<AnySnapshot['ends']>

/** The claims of a ticket: signed changes of one subject, for its browser to store. */
export interface TicketClaims {
  readonly aud: typeof STORE_SESSION
  /** base64url(SHA-256(subject)) */
  readonly sub: string
  readonly epoch: number
  /** The user's last erasure before it was signed, in ms since 1970. Omitted if there was none. */
  readonly generation?: number | undefined
  /** Seconds since 1970, like `exp`. */
  readonly iat: number
  readonly exp: number
  readonly changes: readonly WireRegister[]
  /** By key, the ids of its computed changes of the last two minutes, each with its stamp. */
  readonly ids?: Readonly<Record<string, readonly TakenId[]>>
  /** When the values end, counted from when it was signed. What has ended is not in `changes`. */
  readonly ends?: Ends
  /** What each readable field reads as if `changes` cannot tell; only in a greeting. */
  readonly defaults?: Readonly<Record<string, JsonValue>>
  /** Set for a guest; only in a greeting. */
  readonly guest?: true
  /** The keys of its subject, if they belong to one tab, which alone keeps them. */
  readonly tab?: readonly string[]
}

/** Values with stamps that come with a page: what `ctx.liveSession.embed()` renders. */
export interface AnySnapshot {
  /** The page's visitor; opaque. Omitted if the browser has no cookie and gets none. */
  readonly who?: string
  /** Set for a guest. */
  readonly guest?: true
  /** The signed-in user's id, as text. */
  readonly user?: string
  /** Keys and stamps in the request's own cookie; present only if that was this visitor's. */
  readonly held?: readonly (readonly [key: string, stamp: Stamp])[]
  /** Seconds after which a page in use POSTs, so that neither the cookie nor the app's own session expires. @default 300 */
  readonly renew?: number
  readonly values: Readonly<Record<string, JsonValue>>
  readonly defaults: Readonly<Record<string, JsonValue>>
  readonly stamps: Readonly<Record<string, Stamp>>
  /** Keys that were written and have no value now: `values` has their default. */
  readonly deleted?: readonly string[]
  /** Keys whose newest write was not in the request's cookie: whether the browser keeps it is not yet known. */
  readonly unsaved?: readonly string[]
  /** Keys that belong to the tab: what the page has of them itself counts. */
  readonly tab?: readonly string[]
  /** When values of fields with their own `maxAge` end: the stamp of the end, and ms from when it was made; 0 if it has ended. */
  readonly ends?: readonly (readonly [key: string, stamp: Stamp, ms: number])[]
  /** By key, the URL parameter that is kept in sync with it. */
  readonly urls?: Readonly<Record<string, string>>
  /** By key, values in the page's URL that the request did not set, as for a prefetched page. */
  readonly unvisited?: Readonly<Record<string, JsonValue>>
}
