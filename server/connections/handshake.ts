// Decides who opens a connection, and who may not, by origin, user and cookie.

import type Koa from 'koa'
import { LiveSessionError } from '../../shared/errors.js'
import { readable } from '../cookie/content.js'
import { describeBadOrigin, isOwnPolling, isOwnWebSocket, originHeaders } from '../http/origin.js'
import type { CookieStatus } from '../identity/cookie-status.js'
import type { PageIdentity } from '../identity/identified.js'
import type { Link } from '../memory/link.js'
import type { Parts } from '../parts.js'
import { subjectHash } from '../subjects/subject.js'
import type { IdentifiedUser } from '../subjects/visitor.js'
import type { Authentication } from './authentication.js'

const READ_BY_ANY =
  '403 bad_origin: a socket came by JSONP polling (j=), which any page reads as a script: expected another transport. ' +
  'In clients of socket.io 2 leave forceJSONP out'

/** The cookie statuses with which a handshake is refused, whichever user `identify` names. */
const REFUSED: readonly CookieStatus[] = ['retired', 'revoked']

type HandshakeParts = Pick<Parts, 'arrivals' | 'endings' | 'identifyChecks' | 'pageIdentities' | 'ends' | 'settings'>

/** Identifies the visitor who opens a connection. */
export class Handshake {
  readonly #parts: HandshakeParts
  readonly #authentication: Authentication

  constructor(parts: HandshakeParts, authentication: Authentication) {
    this.#parts = parts
    this.#authentication = authentication
  }

  /** Checks the origin, and returns the user. Loads the visitor from the store. */
  async arrive(ctx: Koa.Context): Promise<IdentifiedUser> {
    const { arrivals } = this.#parts
    const { revision } = arrivals
    this.#checkOrigin(ctx)
    const user = await this.#authentication.userOf(ctx)
    await arrivals.loadIfStale(ctx, user)
    return { user, revision }
  }

  /**
   * Identifies the visitor by the cookie and the user. The identity is final, because a connection cannot receive another cookie.
   *
   * @throws {LiveSessionError} `other_visitor`
   */
  recognize(ctx: Koa.Context, link: Link, { user, revision }: IdentifiedUser): PageIdentity {
    const { arrivals, endings, identifyChecks, pageIdentities, ends } = this.#parts
    const recognized = arrivals.recognize(ctx.req, user)
    arrivals.adopt(recognized)
    const { cookie, cookieStatus, visitor } = recognized
    const received = readable(recognized.receivedCookie)
    const browser = received?.browserSubject
    const hasLeft = user !== undefined && ends.validityOfUser(subjectHash(user), revision) !== 'current'
    if (hasLeft || (browser && (ends.isRetiredSince(browser, revision) || endings.isPending(browser)))) {
      // The visitor has changed, or a pending response is changing the visitor. Closes the connection first: then socket.io cannot send the
      // refusal, and the browser reconnects by itself.
      void link.hangUp()
      throw signedOut()
    }
    const isUsers = received?.user !== undefined
    if (cookieStatus === 'own' && isUsers) identifyChecks.forget(received.browser)
    if (cookieStatus === 'other' && received) {
      const former = received.user ?? (user && subjectHash(user))
      identifyChecks.record('handshakes', user, former, received.browser)
    }
    // Refuses a retired cookie even with a user: during a sign-out, the app session of such a browser may still be valid.
    if (REFUSED.includes(cookieStatus) || (cookieStatus === 'other' && isUsers)) throw signedOut()
    return pageIdentities.of(ctx, cookie ? recognized : { visitor: visitor.ofConnection, cookie })
  }

  #checkOrigin(ctx: Koa.Context): void {
    const headers = originHeaders(ctx)
    // JSONP requests are scripts. Without https, no header reveals which page requested a script.
    const isScript = 'j' in ctx.query
    // Checks how the request began: a polling connection may have been upgraded to a websocket meanwhile.
    const isOwn = ctx.get('Upgrade') === '' ? isOwnPolling : isOwnWebSocket
    if (!isScript && isOwn(headers, this.#parts.settings.origins)) return
    this.#parts.settings.warn(isScript ? READ_BY_ANY : describeBadOrigin(headers), 'bad_origin')
    throw new LiveSessionError('bad_origin', 'this page may not connect')
  }
}

export function signedOut(): LiveSessionError {
  return new LiveSessionError('other_visitor', 'the cookie is of another visitor, or is no longer valid')
}
