import type { LiveSessionErrorCode } from '../../shared/errors.js'
import type { JsonValue } from '../../shared/json.js'
import type { Stamp } from '../../shared/stamp.js'
import type { TimerName } from './messages.js'

/** Whose page this is. What the page holds belongs to it. */
export interface Identity {
  /** Hash of the user, or of the browser. */
  readonly sub: string
  /** The public name of the browser's id; none where the browser keeps no cookie. */
  readonly browser?: string | undefined
  readonly epoch: number
  /** The id was just made: `guest`, or the hash of the user it was made for. */
  readonly young?: string | undefined
  /** It is a guest's, where neither of the two says so. */
  readonly guest?: true
  /** Seconds after which a page that is used POSTs, where that is sooner than usual. */
  readonly renew?: number | undefined
}

/**
 * What the page knows of its browser's cookie.
 * - `new`: nothing yet, or what the page's own HTML says of a cookie that was not seen coming back
 * - `known`: it came back, and says whose page this is
 * - `asking`: it is missing, or another's; a POST of `{}` is to bring the right one
 * - `asked`: it was brought, here or by another tab; the next connection says what it is
 * - `memory`: the browser keeps none; values are in this page, and on the server for as long as its connection lives
 */
export interface Page {
  readonly is: 'new' | 'known' | 'asking' | 'asked' | 'memory'
  readonly identity?: Identity | undefined
}

/**
 * The page's connection.
 * - `up`: it has not said whose it is; where the app has attached nothing to its namespace, it never does
 * - `ours`: it is this page's
 * - `strange`: it is, or was refused as, another's than this page's
 */
type Link = 'none' | 'down' | 'up' | 'ours' | 'strange'

/** What the page's POSTs are doing: one at a time, and `queued` for its turn among the tabs of the browser. */
type Posting = { readonly is: 'idle' | 'queued' } | ({ readonly is: 'sent' } & Load)

/** What a POST brings. */
export interface Load {
  /** It asks whose page this is, and brings nothing. */
  readonly isAsk: boolean
  /** It asks whether this browser id was given up, and brings nothing. */
  readonly doubt?: string | undefined
  /** The server was not told of it before. */
  readonly isNews: boolean
  readonly tickets: readonly string[]
  readonly keys: readonly string[]
}

/** Computes a value from the one before it. It may throw, and is called again wherever that is another one by then. */
export type Next = (value: JsonValue | undefined) => JsonValue

/** What a caller has asked for. */
export interface Call {
  /** Its promise. */
  readonly id: number
  /** Where it has not said the value itself. */
  readonly next?: Next | undefined
  /** The subjects of before that may have taken what it has computed. */
  readonly of?: string
}

/** One whose promise waits until the cookie was seen with this stamp. */
interface Wait extends Call {
  readonly stamp: Stamp
}

/** What the page's callers have set, or computed: then each of them has, one after the other. */
export interface Want {
  /** None: deleted. */
  readonly value: JsonValue | undefined
  readonly calls: readonly Call[]
  /** The stamp that it may go over, where it is sent again: the one that was known at its first sending, or that it was refused for; else -1. */
  readonly seen: number
  /** What it was computed from. */
  readonly from?: JsonValue | undefined
}

/** A key: what the page was told of it, how far the newest write of it has got, and what is wanted over that. */
export interface Field {
  /** Its default. */
  readonly fallback: JsonValue | undefined
  /** The newest value that the page was told of, and its stamp. None: deleted. */
  readonly value: JsonValue | undefined
  readonly at: Stamp
  /**
   * How far the newest write that the server knows has got.
   * - `held`: the page has its ticket, if that has come, and the cookie was not seen with it
   * - `saved`: the cookie was seen with it
   * - `lost`: nothing will save it
   */
  readonly is: 'none' | 'held' | 'saved' | 'lost'
  readonly stamp: Stamp
  readonly ticket: string
  /** Good answers that did not show it in the cookie. */
  readonly answers: number
  readonly waits: readonly Wait[]
  /** The first goes out first: until its end is known none overtakes it. The last is what the page shows. */
  readonly wants: readonly Want[]
  /** The newest stamp that was known when the first of them went out; none where it is not under way. */
  readonly over: Stamp | undefined
  /** Why nothing keeps the newest value. What is wanted all the same is shown, and would be made anew. */
  readonly code: LiveSessionErrorCode | undefined
  /** Why a change of this page was refused, until it makes another one. */
  readonly refused: LiveSessionErrorCode | undefined
}

/** All that a page knows. */
export interface State {
  readonly page: Page
  readonly link: Link
  readonly posting: Posting
  /** Whose values the page shows, each with its epoch: the user's or the browser's, then the browser's where that is another. */
  readonly subjects: readonly string[]
  readonly fields: ReadonlyMap<string, Field>
  /**
   * Browser ids under which some of what is wanted was set, and of which it is not known whether they were given up: then it is another
   * guest's. Until that is known nothing goes out.
   */
  readonly doubts: readonly string[]
  /** The page is used, and no POST of its browser was taken for so long that its cookie, and the app's own session, may end. */
  readonly isDue: boolean
  /** The first values are known. */
  readonly isReady: boolean
  /** The tickets of the newest POST, and the one of its answer. */
  readonly told: readonly string[]
  /** The times that the page waits for. */
  readonly timers: ReadonlySet<TimerName>
  /** The newest POST got no answer of ours. */
  readonly isUnreachable: boolean
  /** The server has answered, or connected, since a connection or an answer was lost. */
  readonly isHeard: boolean
  /** The browser id that came with the answer to the newest question, where that browser had no cookie. */
  readonly cookieless: string | undefined
  /** POSTs without an answer, one after the other. */
  readonly failures: number
  /** Questions and reconnections, one soon after the other. */
  readonly moves: number
}
