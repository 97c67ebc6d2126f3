// Names and message shapes of the wire protocol.

import type { LiveSessionErrorCode } from './codes.js'
import type { JsonValue } from './json.js'
import type { IdsByKey, WireRegister } from './register.js'
import type { Stamp } from './stamp.js'

// The event names of protocol version 2.
export const STORE_SESSION = 'store_session'
export const EXCHANGE = 'live_session:exchange'
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
/** The default of `tabCookie`: for an app without its own `key`, and for a page without a snapshot. */
export const TAB_COOKIE = 'live-tab'

/** Maximum bytes of a POST body: the limit of browsers for `keepalive`. */
export const MAX_BODY: number = 64 * 1024
export const MAX_CHANGES = 1000
/** Maximum changes that a page makes between two updates of a key within two minutes. */
export const MAX_AHEAD = 10_000
/** Maximum characters of a ticket. */
export const MAX_TICKET: number = 64 * 1024
/** The default of `renew`: seconds after which a page in use POSTs. */
export const RENEWAL = 300
/** The `base` of an unconditional change, from programs that keep no values. */
export const ANY_BASE = -1

/** The durability of a write: in the memory of this process, or in the store. */
export type Level = 'memory' | 'store'
/**
 * A change of a key:
 *
 * - `base`: the stamp of the overwritten value or of its expiry; -1 for any value
 * - `id`: the idempotency key of an `update`, else `''`
 * - `value`: omitted to delete the key
 * - `group`: common to the changes of a `setMany`; if a change is invalid, its whole group is refused
 */
export type WireChange = readonly [key: string, base: number, id: string, value?: JsonValue, group?: string]
/** A page's message, over its socket or as the body of a POST. */
export interface PageMessage {
  /** The page's visitor: an opaque string from an answer or the snapshot. A page without `who` asks for its visitor. */
  readonly who?: string | undefined
  /** Signed changes. By POST, the response stores them in the cookie. Over a socket, they restore values that the server may have lost. */
  readonly tickets?: readonly string[] | undefined
  /** At most 1,000 changes, each applied or refused on its own or with its group. Each change of a key builds on the previous change. */
  readonly set?: readonly WireChange[] | undefined
  /** Only by POST, with `who` alone. `false` asks when the session ends, and extends nothing; `true` extends the session, as use does. */
  readonly extend?: boolean | undefined
}
/** The result of a change. A refusal in favour of the current value includes that value. */
export type ChangeResult =
  | {
      /**
       * The stamp of the write; for a retry, the stamp of its first arrival or, if the page has changed the key since, a stamp just before
       * that change.
       */
      readonly stamp: Stamp
      /** The durability of the write. */
      readonly level: Level
    }
  | {
      /** The reason of the refusal. */
      readonly code: LiveSessionErrorCode
      /** The stamp of the current value. */
      readonly stamp?: Stamp | undefined
      /** The current value; omitted if there is none. */
      readonly value?: JsonValue | undefined
    }
/** The result of a refused change. */
export type Refused = Extract<ChangeResult, { readonly code: unknown }>
/** The server's answer. */
export interface PageAnswer {
  /**
   * The visitor of the request or connection; omitted for a guest without a cookie, unless this answer sets a cookie, and for
   * changes after a connection's greeting.
   */
  readonly who?: string | undefined
  /** The signed-in user's id, as text; only with `greeting`. */
  readonly user?: string | undefined
  /** Set if the page named another visitor: the server discarded the page's tickets and changes. */
  readonly otherVisitor?: true | undefined
  /** All values that the visitor may read, as tickets: for a POST of `{}`, in a socket's first answer, and for a wrong `who`. */
  readonly greeting?: readonly string[] | undefined
  /** The results of the changes, in their order. */
  readonly results: readonly ChangeResult[]
  /** A ticket with the accepted changes and with the newer values that overrode the page's values. */
  readonly ticket?: string | undefined
  /** Set if the request or handshake brought this visitor's own live cookie, and the visitor has consented; not for those changes. */
  readonly hasCookie?: true | undefined
  /** Keys and stamps in the cookie of the request or handshake; after a POST also those in the store, for fields outside the cookie. */
  readonly persisted: readonly (readonly [key: string, stamp: Stamp])[]
  /** Keys of fields outside the cookie whose newest value is in no store; only after a POST. */
  readonly unsaved?: readonly string[] | undefined
  /** Seconds after which a page in use POSTs, if fewer than 300. */
  readonly renew?: number | undefined
  /**
   * When the visitor's session ends; only in the answer to `extend: false`: the ms that are left, whether use extends the session, and
   * whether the app's own session has an end.
   */
  readonly end?: readonly [left: number, canExtend: boolean, isOfApp: boolean] | undefined
}

/** The answer to an event that the server refuses as a whole. */
export interface Refusal {
  /** Always false. */
  readonly ok: false
  /** The reason of the refusal. */
  readonly code: LiveSessionErrorCode
  /** The key of the field. */
  readonly key?: string | undefined
  /** The index, from 0, of the refused ticket; for `malformed`, of a ticket or a change. */
  readonly index?: number | undefined
}
/** The body of the endpoint's response to a refused POST. */
export interface PostRefusal {
  readonly error: Omit<Refusal, 'ok'> & { readonly message: string }
}
/** The body of the endpoint's response. First check for `persisted` or `error`: a proxy or a portal may have answered instead. */
export type PostBody =
  | (PageAnswer & { readonly [K in keyof PostRefusal]?: undefined })
  | (PostRefusal & { readonly [K in keyof PageAnswer]?: undefined })
export type FlashAnswer = { readonly ok: true; readonly messages: readonly JsonValue[] } | Refusal

/** The events to a page's socket, handled by `createLiveSession` and `storeSession`, for the types of your own socket.io server. */
export interface LiveSessionServerToClient {
  /** A ticket: signed changes for the page to show and to POST to the endpoint. */
  store_session: (ticket: string) => void
  /** The page must reconnect, as another visitor or with another cookie: `code` says why. */
  'live_session:reconnect': (code: LiveSessionErrorCode) => void
  /** The page must POST the token to the endpoint by a form: the response redirects the page. */
  'live_session:hand_off': (token: string) => void
  /** Messages are waiting: the page answers with `live_session:take_flash` when visible. */
  'live_session:flash': () => void
}
/** The events from a page's socket to the server, which acknowledges each. */
export interface LiveSessionClientToServer {
  /** Asks for or confirms the page's visitor, sends tickets, and sets and deletes values. */
  'live_session:exchange': (message: PageMessage, ack: (answer: PageAnswer | Refusal) => void) => void
  /**
   * Takes the messages waiting for this browser; a page that reconnects passes `true`. The answer is `{ ok: true, messages }` or a refusal.
   */
  'live_session:take_flash': (
    ...given:
      | readonly [ack: (answer: FlashAnswer) => void]
      | readonly [isBack: true, ack: (answer: FlashAnswer) => void]
  ) => void
}

/** The message between processes. Pass this type as `InterServerEvents` to your own `Server`. */
export interface LiveSessionInterServer {
  /** Announces new registers of a subject. `ids` has, by key, the ids of updates; `kids` has the ids of the sender's signing keys. */
  'live_session:merge': (
    subject: string,
    registers: readonly (readonly [key: string, stamp: number, value?: JsonValue])[],
    ids: unknown,
    kids: readonly string[],
  ) => void
}

export type WireEnd = NonNullable<PageAnswer['end']>
export type Expiries = NonNullable<AnySnapshot['expiries']>

/** The claims of a ticket: signed changes of a subject, for its browser to keep and send back. */
export interface TicketClaims {
  readonly aud: typeof STORE_SESSION
  /** base64url(SHA-256(subject)) */
  readonly sub: string
  readonly epoch: number
  /** The time of the user's last erasure before the signature, in ms since 1970; omitted if never erased. */
  readonly generation?: number | undefined
  /** Seconds since 1970, like `exp`. */
  readonly iat: number
  readonly exp: number
  readonly changes: readonly WireRegister[]
  /** By key, the ids of the updates of the last two minutes, each with its stamp. */
  readonly ids?: IdsByKey | undefined
  /** The expiry times of values, counted from the signature. Expired values are not in `changes`. */
  readonly expiries?: Expiries | undefined
  /** For each readable field to which `changes` gives no value: its migrated value, or its default. Only in a greeting. */
  readonly defaults?: Readonly<Record<string, JsonValue>> | undefined
  /** Set for a guest; only in a greeting. */
  readonly guest?: true | undefined
  /** Only if the subject is a tab: the keys of its values, which the tab itself persists. */
  readonly tab?: readonly string[] | undefined
}

/** The values and stamps in a page's HTML, as rendered by `ctx.liveSession.embed()`. */
export interface AnySnapshot {
  /** The page's visitor: an opaque string. Omitted for a guest who has and gets no cookie, and if the browser may withhold its cookie. */
  readonly who?: string
  /** Set for a guest; omitted if the browser may have withheld its cookie. */
  readonly guest?: true
  /** The signed-in user's id, as text. */
  readonly user?: string
  /** Keys and stamps in the request's own cookie; present only if the cookie was this visitor's. */
  readonly persisted?: readonly (readonly [key: string, stamp: Stamp])[]
  /** Seconds after which a page in use POSTs, so that neither the cookie nor the app's own session expires. @default 300 */
  readonly renew?: number
  readonly values: Readonly<Record<string, JsonValue>>
  readonly defaults: Readonly<Record<string, JsonValue>>
  readonly stamps: Readonly<Record<string, Stamp>>
  /** Keys that were written but have no value now: `values` has their defaults. */
  readonly deleted?: readonly string[]
  /** Keys whose newest write was not in the request's cookie, so the browser may not have stored it yet. */
  readonly unsaved?: readonly string[]
  /** Keys of the tab: the page's own values override the values here. */
  readonly tab?: readonly string[]
  /** The name of the cookie by which an unloading page passes its tab's tickets, joined by `~`, to the next request. */
  readonly tabCookie?: string
  /** The expiry times of values with their own `maxAge`: the stamp of the expiry, and the ms left at rendering; 0 if expired. */
  readonly expiries?: readonly (readonly [key: string, stamp: Stamp, ms: number])[]
  /** By key, the URL parameter to keep in sync with the value. */
  readonly urls?: Readonly<Record<string, string>>
  /** By key, values in the page's URL that the page must set itself, as for a prefetched page, or before consent. */
  readonly unapplied?: Readonly<Record<string, JsonValue>>
  /** By key, the texts in the request's URL from which the server has read `unapplied`. */
  readonly texts?: Readonly<Record<string, readonly string[]>>
}

/** A snapshot while the server and its features add members. */
export type WritableSnapshot = { -readonly [K in keyof AnySnapshot]: AnySnapshot[K] }
