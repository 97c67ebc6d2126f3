import { LiveSessionError } from '../../shared/errors.js'

/** What is written to it would come back under an id that its app has given up. */
export function sessionEnded(): LiveSessionError {
  return new LiveSessionError('superseded', 'the session has ended meanwhile')
}

/** Deleted keys count, too: their registers stay, so that a late write of another process does not bring them back. */
export function tooManyKeys(most: number): LiveSessionError {
  return new LiveSessionError('too_large', `session: expected at most ${most} keys in its whole life`)
}
