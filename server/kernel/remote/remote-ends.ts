import type { Connections } from '../connections/connections.js'
import { NOTHING_ERASED } from '../names/ending.js'
import type { Epochs } from '../names/epochs.js'
import { isSubject } from '../names/subject.js'
import type { Sessions } from '../values/sessions.js'
import type { Remote } from './remote.js'

/** What it needs. */
interface Needs {
  readonly connections: Connections
  readonly remote: Remote
  readonly epochs: Epochs
  readonly sessions: Sessions
}

/** Does here what an end asks for that another process has made, whichever way its word has come. */
export function applyRemoteEnd({ connections, remote, epochs, sessions }: Needs, name: string, erased: number): void {
  if (erased !== NOTHING_ERASED && isSubject(name)) {
    remote.store?.abandon(name, erased)
    sessions.erase(name, erased)
  }
  // The user may be signed in again, with a cookie of after the end.
  const over = connections.of(name).filter(({ opener: { cookie } }) => !cookie || !epochs.isCurrent(cookie))
  void connections.end(over, 'other_subject')
}
