import type { Awaitable } from '../../../shared/promise.js'
import { browserSubject, subjectHash, type UserSubject } from '../names/subject.js'
import type { Core } from '../seams/core.js'
import type { Departing } from '../visitors/recognized.js'

/**
 * Loads all subjects that may count in a request. If a browser changes hands, the store is asked again: what another process has just
 * written is brought along, and what another process has already brought along is not brought twice.
 */
export function loadCandidates(
  { epochs, identities, store }: Core,
  departing: readonly Pick<Departing, 'browser' | 'user'>[],
  user: UserSubject | undefined,
): Awaitable<unknown> {
  const subjects = identities.candidates(departing, user)
  const sub = user && subjectHash(user)
  const isChanging = departing.some(({ browser, user: owner }) => {
    return owner !== sub && !epochs.isGivenUp(browserSubject(browser))
  })
  return isChanging ? store?.consult(subjects) : store?.ensure(subjects)
}
