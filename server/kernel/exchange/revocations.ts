import type { UserSubject } from '../names/subject.js'
import type { UpToExchange } from './up-to-exchange.js'

/**
 * Revokes all that a user's browsers were given. Resolves when their connections are closed and the store has been told.
 *
 * @param goOn has one browser continue under another id, before its page hears that its connection ends: what the page asks then, with the
 * cookie of before, leads to that id
 */
export async function revoke(core: UpToExchange, user: UserSubject, goOn?: () => Promise<void>): Promise<void> {
  await core.store?.consult([user])
  core.epochs.revoke(user)
  await goOn?.()
  await endConnections(core, user)
}

/** Deletes a user's values everywhere. */
export async function erase(core: UpToExchange, user: UserSubject): Promise<void> {
  const { epochs, sessions, store } = core
  await store?.consult([user])
  // Revoked first: a cookie or a ticket that comes in meanwhile must not bring back what is being deleted.
  epochs.erase(user)
  sessions.erase(user)
  await endConnections(core, user)
}

async function endConnections({ connections, store }: UpToExchange, user: UserSubject): Promise<void> {
  await connections.end(connections.of(user), 'other_subject')
  await store?.level([user])
}
