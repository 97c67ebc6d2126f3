// Adds hand-offs to sockets and requests, and decides which redirect targets are safe.

import type { StandardSchemaV1 } from '@standard-schema/spec'
import { LiveSessionError } from '../../../shared/errors.js'
import { isWellFormed } from '../../../shared/json.js'
import { after } from '../../../shared/promise.js'
import { HAND_OFF } from '../../../shared/protocol.js'
import type { Feature, SocketUse } from '../../feature.js'
import type { FeatureParts, HandOffOrigin } from '../../parts.js'
import { subjectHash, type UserId, type UserSubject, userSubject } from '../../subjects/subject.js'
import { isRevokedSince, redeemHandOff, sendOn } from './posted-token.js'
import { checkPurpose, frozenPayload, HandOffTokens } from './tokens.js'

const LONGEST = 2000
const UNNAMED =
  'a hand-off signed a user in without naming the user, so a revocation may come too late for it: expected ' +
  'handOff(purpose, payload, { to, user })'
/** Matches characters refused in a target. Browsers drop tabs and line ends from a URL, and read a backslash as a slash. */
const UNSAFE = /[\p{Cc}\s\\]/u
/** Stands in for our own origin, which is unknown here. */
const ORIGIN = 'https://origin.invalid'

/** Creates the feature for hand-offs: a socket's handler sends an encrypted payload to the browser's next request. */
export function handOffFeature(parts: FeatureParts): Feature {
  const tokens = new HandOffTokens(parts)
  /** @throws {LiveSessionError} `superseded` */
  const checkUnrevoked = (user: UserSubject, handOff: HandOffOrigin): void => {
    if (isRevokedSince(parts, user, handOff))
      throw new LiveSessionError('superseded', 'the user was revoked after the hand-off that this request has taken')
  }
  return {
    request: {
      takeHandOff: (use, purpose: string, schema: StandardSchemaV1) =>
        redeemHandOff(parts, tokens, use, purpose, schema),
    },
    socket: {
      handOff: (use, purpose: string, payload: unknown, options: { readonly to: string; readonly user?: UserId }) => {
        checkPurpose('handOff', purpose)
        const to = checkTarget(options?.to)
        const user = options.user === undefined ? undefined : userSubject(options.user, 'handOff')
        checkOpen(use)
        if (!use.cookie)
          throw new LiveSessionError('cookies_blocked', 'handOff: the connection has brought no live cookie')
        parts.limits.spend(1, use)
        const recipient = { browser: subjectHash(use.cookie.browserSubject), purpose }
        const json = frozenPayload(purpose, payload)
        const { ends } = parts
        const { revision } = ends
        // Otherwise a revocation that only other nodes know would count as one after the hand-off.
        return after(user && parts.store?.refresh([user]), () => {
          checkOpen(use)
          const sub = user && subjectHash(user)
          if (sub && ends.validityOfUser(sub, revision) === 'revoked')
            throw new LiveSessionError('superseded', 'handOff: the user was revoked meanwhile')
          const signsIn = user && { user, epoch: ends.of(sub) }
          use.emit(HAND_OFF, tokens.encrypt(recipient, to, json, signsIn))
        })
      },
    },
    post: (ctx) => sendOn(parts, tokens, ctx),
    // A revocation by the request that has taken the hand-off does not count as newer than the hand-off.
    spares: (user, ctx) => (epoch) => {
      const handOff = parts.handOffs.get(ctx)
      if (!handOff) return
      checkUnrevoked(user, handOff)
      parts.handOffs.set(ctx, { ...handOff, epochs: new Map([...handOff.epochs, [user, epoch]]) })
    },
    changesUser: (ctx, _, user) => {
      const handOff = parts.handOffs.get(ctx)
      if (user === undefined || !handOff) return
      if (handOff.epochs.size === 0) parts.settings.warn(UNNAMED)
      checkUnrevoked(user, handOff)
    },
  }
}

/** @throws {LiveSessionError} `superseded`, `closed` */
function checkOpen(use: SocketUse): void {
  use.permit()
  if (!use.isOpen()) throw new LiveSessionError('closed', 'handOff: the socket is not open')
}

/**
 * Checks that a redirect target is a path of this origin, and returns the path.
 *
 * @throws {LiveSessionError} `malformed`
 */
export function checkTarget(to: unknown): string {
  if (typeof to === 'string' && isPath(to)) return to
  throw new LiveSessionError('malformed', 'handOff: expected a path of this origin as `to`, like "/sign-in"')
}

function isPath(to: string): boolean {
  if (to.length > LONGEST || !isWellFormed(to) || UNSAFE.test(to)) return false
  // After two slashes, browsers read a host name.
  if (!to.startsWith('/') || to.startsWith('//')) return false
  if (!URL.canParse(to, ORIGIN)) return false
  const { origin, pathname } = new URL(to, ORIGIN)
  // Browsers remove dots from a path, so they request `/.//host` as `//host`. A route that redirects to the requested path would then
  // redirect to that host.
  return origin === ORIGIN && !pathname.startsWith('//')
}
