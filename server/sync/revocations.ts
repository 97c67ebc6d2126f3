// Invalidates a user's cookies and tickets, and closes the connections; an erasure also deletes all values.

import type { UserSubject } from '../ids/subject.js'
import type { SyncCore } from './sync-core.js'

/**
 * Revokes a user's cookies and tickets. Resolves when the user's connections are closed, and the store has the revocation or is late.
 *
 * @param goOn rotates a browser's id before the page learns of the closing, so that the page's next request, still with the former cookie,
 * leads to the new id
 */
export async function revoke(core: SyncCore, user: UserSubject, goOn?: () => Promise<void>): Promise<void> {
  await core.store?.refresh([user])
  core.epochs.revoke(user)
  await goOn?.()
  await endConnections(core, user)
}

/** Deletes a user's values everywhere. */
export async function erase(core: SyncCore, user: UserSubject): Promise<void> {
  const { epochs, values, store } = core
  await store?.refresh([user])
  // Revoke first: a cookie or ticket arriving now must not restore the deleted values.
  epochs.erase(user)
  values.erase(user)
  await endConnections(core, user)
}

async function endConnections({ connections, store }: SyncCore, user: UserSubject): Promise<void> {
  await connections.end(connections.of(user), 'other_visitor')
  await store?.storedLevel([user])
}
