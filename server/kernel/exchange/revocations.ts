import type { UserSubject } from '../names/subject.js'
import type { UpToExchange } from './up-to-exchange.js'

/** Revokes all that a user's browsers were given. Resolves when their connections are closed and the store has been told. */
export async function revoke(core: UpToExchange, user: UserSubject): Promise<void> {
  await core.store?.consult([user])
  core.epochs.revoke(user)
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
