import { createHash } from 'node:crypto'
import type Koa from 'koa'
import type { SyncAnswer } from '../../../shared/protocol.js'
import type { Settings } from '../../options.js'
import { heldIn, type VerifiedCookie } from '../cookie/cookie-text.js'
import type { HasConsent } from '../requests/consent.js'
import type { Epochs } from './epochs.js'
import type { Recognized } from './recognized.js'
import type { Visitor } from './visitor.js'

/** Characters: 132 bits. */
const LENGTH = 22
/** Seconds after which a page that is used POSTs where it is not told otherwise. */
const USUALLY = 300
/** How often at least, within the shortest life that is known. */
const TIMES = 4

/** Whose a request or a connection is, and what its page is told of that. */
export interface Whose {
  readonly visitor: Visitor
  /** The visitor's own. Without one the visitor's browser id is this request's, or connection's, alone. */
  readonly cookie: VerifiedCookie | undefined
  /** Whether it came with this cookie, which its visitor has agreed to. */
  readonly isKept: boolean
  readonly who: string | undefined
  /** What the cookie has. */
  readonly held: SyncAnswer['held']
  /** Seconds after which a page that is used POSTs, where that is sooner than usual. */
  readonly renew: number | undefined
}

interface Needs {
  readonly epochs: Epochs
  readonly hasConsent: HasConsent
  readonly settings: Settings
}

/** Of a connection, or of a request whose answer brings no other cookie. */
export function whoseIs(
  { epochs, hasConsent, settings }: Needs,
  ctx: Koa.Context,
  { visitor, cookie }: Pick<Recognized, 'visitor' | 'cookie'>,
): Whose {
  const isKept = cookie !== undefined && hasConsent(ctx)
  const who = whoOf(visitor, isKept, epochs.of(visitor.userSub))
  return {
    visitor,
    cookie,
    isKept,
    who,
    held: heldIn(cookie, settings.fields),
    get renew() {
      return renewalOf(ctx, settings.maxAge)
    },
  }
}

/**
 * How pages say whose they are, which they compare and never read. A guest whose browser keeps no id has no name.
 *
 * @param isKept whether the browser has, or gets, a cookie that says its id
 */
export function whoOf({ browserSubject, user }: Visitor, isKept: boolean, epoch: number): string | undefined {
  if (!isKept && user === undefined) return undefined
  const text = JSON.stringify([isKept ? browserSubject : null, user ?? null, epoch])
  return createHash('sha256').update(text).digest('base64url').slice(0, LENGTH)
}

/**
 * When a page is to renew what lasts for so long after the last request: the live cookie, and the app's own session, as far as
 * koa-session keeps it. In seconds; nothing where that is as usual.
 *
 * @param maxAge ms, of the live cookie
 */
export function renewalOf(ctx: Koa.Context, maxAge: number): number | undefined {
  const own: unknown = ctx['sessionOptions']?.maxAge
  const life = Math.min(maxAge, typeof own === 'number' ? own : maxAge)
  const seconds = Math.floor(life / 1000 / TIMES)
  return seconds < USUALLY ? Math.max(1, seconds) : undefined
}
