import type { StoredRegister } from '../../../shared/register.js'
import type { Replica } from '../../../shared/replica.js'
import { NEVER } from '../../../shared/stamp.js'
import type { KnownSession } from './known-session.js'
import { BORN, keyOf } from './session-registers.js'

/** ms for which a deleted key is remembered: a save that another process has made before that, and that is late, shall not bring it back. */
const LATEST = 10 * 60 * 1000
/** So many at a time: the store hears of it each time. */
const LEAST = 64

/** Lets go of keys of a session that were deleted long ago, where there are many. Answers with the time before which that was. */
export function letGo({ replica }: KnownSession, now: number): number | undefined {
  const before = now - LATEST
  const isPast = ({ stamp, value }: StoredRegister): boolean => value === undefined && stamp < before
  if (replica.registers().filter(isPast).length < LEAST) return undefined
  replica.forget(isPast)
  return before
}

/** Keys that the store had of a session and has no more: another process has let go of them. Of all of them it is asked again. */
export function letGoElsewhere({ replica, loadedAt }: KnownSession, stored: Replica, now: number): ReadonlySet<string> {
  // A store that has lost the session is told all of it again.
  if (stored.stamp(BORN) === NEVER) return new Set()
  const isGone = ({ key, stamp }: StoredRegister): boolean => {
    if (keyOf(key) === undefined || stored.stamp(key) !== NEVER || stamp >= now - LATEST) return false
    // The process that has told of it may not have stored it.
    return replica.source(key) !== 'node' || stamp <= loadedAt
  }
  return new Set(
    replica
      .registers()
      .filter(isGone)
      .map(({ key }) => key),
  )
}
