import type { Connections } from '../connections/connections.js'
import type { Epochs } from '../names/epochs.js'

interface Needs {
  readonly connections: Connections
  readonly epochs: Epochs
}

/** Does here what an end asks for that another process has made, whichever way its word has come. */
export function applyRemoteEnd({ connections, epochs }: Needs, name: string): void {
  // The user may be signed in again, with a cookie of after the end.
  const over = connections.of(name).filter(({ opener: { cookie } }) => !cookie || !epochs.isCurrent(cookie))
  void connections.end(over, 'other_subject')
}
