import type { Awaitable } from '../../shared/promise.js'
import type { Core } from '../core.js'
import type { PreviousVisitor } from '../identity/identified.js'
import { browserSubject, subjectHash, type UserSubject } from '../ids/subject.js'

/**
 * Loads all subjects involved in a request: at a sign-in also the new browser id, which another process may have used or retired. Before
 * an id rotation, reloads even fresh subjects, so that the transfer includes the newest writes of other processes, and happens only once.
 */
export function loadSubjects(
  { revocations, identities, store }: Core,
  departing: readonly Pick<PreviousVisitor, 'browser' | 'user'>[],
  user: UserSubject | undefined,
): Awaitable<unknown> {
  const subjects = identities.subjectsToLoad(departing, user)
  const sub = user && subjectHash(user)
  const isChanging = departing.some(({ browser, user: former }) => {
    return former !== sub && !revocations.isRetired(browserSubject(browser))
  })
  return isChanging ? store?.refresh(subjects) : store?.loadIfStale(subjects)
}
