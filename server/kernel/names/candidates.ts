import type { Awaitable } from '../../../shared/promise.js'
import type { StoreSync } from '../remote/store-sync.js'
import type { Epochs } from './epochs.js'
import type { Identities } from './identities.js'
import type { Departing } from './recognized.js'
import { browserSubject, subjectHash, type UserSubject } from './subject.js'

interface Needs {
  readonly epochs: Epochs
  readonly identities: Identities
  readonly store: StoreSync | undefined
}

/**
 * Loads all subjects that may count in a request. If a browser changes hands, the store is asked again: what another process has just
 * written is brought along, and what another process has already brought along is not brought twice.
 */
export function loadCandidates(
  { epochs, identities, store }: Needs,
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
