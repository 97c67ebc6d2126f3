import type { UpToVisitors } from '../visitors/up-to-visitors.js'

/** Applies an end that another process has made, whichever way the news has come. */
export function applyRemoteEnd({ connections, epochs }: UpToVisitors, name: string): void {
  // The user may be signed in again, with a cookie from after the end.
  const over = connections.of(name).filter(({ opener: { cookie } }) => !cookie || !epochs.isCurrent(cookie))
  void connections.end(over, 'other_subject')
}
