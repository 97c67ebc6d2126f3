import type { Awaitable } from '../../../shared/promise.js'
import type { Core } from '../core.js'
import type { Departing } from './recognized.js'
import { browserSubject, subjectHash, type UserSubject } from './subject.js'

/**
 * Has all who may turn out to count in a request in memory. Where a browser changes hands the store is asked again: what another
 * process has written just now comes along, and what another has brought along does not come twice.
 */
export function loadCandidates(
  { epochs, identities, store }: Pick<Core, 'epochs' | 'identities' | 'store'>,
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
