import { NOTHING_ERASED } from '../identity/ending.js'
import type { Epochs } from '../identity/epochs.js'
import { isSubject } from '../identity/subject.js'
import type { Elsewhere } from '../values/elsewhere.js'
import type { Sessions } from '../values/sessions.js'
import type { Connections } from './connections.js'

/** What it needs. */
interface Needs {
  readonly connections: Connections
  readonly elsewhere: Elsewhere
  readonly epochs: Epochs
  readonly sessions: Sessions
}

/** Does here what an end asks for that another process has made, whichever way its word has come. */
export function actOn({ connections, elsewhere, epochs, sessions }: Needs, name: string, erased: number): void {
  if (erased !== NOTHING_ERASED && isSubject(name)) {
    elsewhere.store?.abandon(name, erased)
    sessions.erase(name, erased)
  }
  // The user may be signed in again, with a cookie of after the end.
  const over = connections.of(name).filter(({ opener: { cookie } }) => !cookie || !epochs.isCurrent(cookie))
  void connections.end(over, 'other_subject')
}
