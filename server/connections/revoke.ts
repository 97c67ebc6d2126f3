// Invalidates a user's cookies and tickets, and closes the connections; an erasure also deletes all values.

import type Koa from 'koa'
import type { Parts } from '../parts.js'
import type { UserSubject } from '../subjects/subject.js'

type EndParts = Pick<Parts, 'revocations' | 'connections' | 'store' | 'features'>

/**
 * Revokes a user's cookies and tickets. Resolves when the user's connections are closed, and the store has confirmed the revocation or did
 * not answer in time.
 *
 * @param except a request of the user. Its browser id is rotated before the page hears of the closed connection: the page's next request
 * may still bring the former cookie, and then gets the new id
 */
export async function revoke(parts: EndParts, user: UserSubject, except?: Koa.Context): Promise<void> {
  await parts.store?.refresh([user])
  const epoch = parts.revocations.nextEpoch(user)
  // First, because no process may learn of the epoch without the exception.
  if (except) for (const { excepts } of parts.features) excepts?.(user, except, epoch)
  parts.revocations.revoke(user, epoch)
  await except?.liveSession.identify()
  await endConnections(parts, user)
}

/** Deletes a user's values everywhere. */
export async function erase(parts: EndParts, user: UserSubject): Promise<void> {
  const { revocations, store } = parts
  await store?.refresh([user])
  // Revoke first: a cookie or ticket arriving now must not restore the deleted values.
  revocations.erase(user)
  await endConnections(parts, user)
  await Promise.all(parts.features.map(({ erases }) => erases?.(user)))
}

async function endConnections({ connections, store }: EndParts, user: UserSubject): Promise<void> {
  await connections.close(connections.of(user), 'other_visitor')
  await store?.storedLevel([user])
}
