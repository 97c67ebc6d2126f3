// Invalidates a user's cookies and tickets, and closes the connections; an erasure also deletes all values.

import type Koa from 'koa'
import type { Core } from '../core.js'
import type { UserSubject } from '../subjects/subject.js'

/**
 * Revokes a user's cookies and tickets. Resolves when the user's connections are closed, and the store has confirmed the revocation or did
 * not answer in time.
 *
 * @param except a request of the user. Its browser id is rotated before the page hears of the closed connection: the page's next request
 * may still bring the former cookie, and then gets the new id
 */
export async function revoke(core: Core, user: UserSubject, except?: Koa.Context): Promise<void> {
  await core.store?.refresh([user])
  const epoch = core.revocations.nextEpoch(user)
  // First, because no process may learn of the epoch without the exception.
  if (except) for (const { excepts } of core.features) excepts?.(user, except, epoch)
  core.revocations.revoke(user, epoch)
  await except?.liveSession.identify()
  await endConnections(core, user)
}

/** Deletes a user's values everywhere. */
export async function erase(core: Core, user: UserSubject): Promise<void> {
  const { revocations, values, store } = core
  await store?.refresh([user])
  // Revoke first: a cookie or ticket arriving now must not restore the deleted values.
  revocations.erase(user)
  values.erase(user)
  await endConnections(core, user)
  await Promise.all(core.features.map(({ erases }) => erases?.(user)))
}

async function endConnections({ connections, store }: Core, user: UserSubject): Promise<void> {
  await connections.close(connections.of(user), 'other_visitor')
  await store?.storedLevel([user])
}
