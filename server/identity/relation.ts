import type { Sub } from '../../shared/sub.js'
import type { VerifiedCookie } from '../http/cookie-text.js'
import type { Epochs } from './epochs.js'

/** What the live cookie of a request, or of a handshake, is to the visitor whom `identify` names. */
export type Relation =
  /** There is none that counts. */
  | 'none'
  /** A newer build's, for that build to find as it was. */
  | 'newer'
  /** This very visitor's. */
  | 'own'
  /** Another visitor's until now. */
  | 'other'
  /** Of a user who was revoked since. */
  | 'revoked'
  /** Its browser id was given up. */
  | 'given-up'

/** Decides it for a cookie of this build, by the user's hash and by what has ended. */
export function relationOf(
  cookie: Pick<VerifiedCookie, 'browserSubject' | 'user' | 'epoch'>,
  user: Sub | undefined,
  epochs: Pick<Epochs, 'isGivenUp' | 'isCurrent'>,
): Relation {
  if (epochs.isGivenUp(cookie.browserSubject)) return 'given-up'
  if (!epochs.isCurrent(cookie)) return 'revoked'
  return cookie.user === user ? 'own' : 'other'
}
