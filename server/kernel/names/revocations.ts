import type { Connections } from '../connections/connections.js'
import type { StoreSync } from '../remote/store-sync.js'
import type { Sessions } from '../values/sessions.js'
import type { Epochs } from './epochs.js'
import type { UserSubject } from './subject.js'

interface Needs {
  readonly connections: Connections
  readonly epochs: Epochs
  readonly sessions: Sessions
  readonly store: StoreSync | undefined
}

/** Revokes all that a user's browsers were given. Resolves when their connections are closed and the store has been told. */
export async function revoke(core: Needs, user: UserSubject): Promise<void> {
  await core.store?.consult([user])
  core.epochs.revoke(user)
  await endConnections(core, user)
}

/** Deletes a user's values everywhere. */
export async function erase(core: Needs, user: UserSubject): Promise<void> {
  const { epochs, sessions, store } = core
  await store?.consult([user])
  // Revoked first: a cookie or a ticket that comes in meanwhile must not bring back what is being deleted.
  epochs.erase(user)
  sessions.erase(user)
  await endConnections(core, user)
}

async function endConnections({ connections, store }: Needs, user: UserSubject): Promise<void> {
  await connections.end(connections.of(user), 'other_subject')
  await store?.level([user])
}
