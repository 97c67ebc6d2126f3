import type { App } from './app.js'
import type { Visitor } from './visitor.js'

/** The ways in which ann's session ends. */
export const ENDS: readonly (readonly [string, (app: App, ann: Visitor) => Promise<unknown>])[] = [
  ['leave()', (_, ann) => ann.fetch('/logout/leave')],
  ['identify()', (_, ann) => ann.fetch('/logout/now')],
  ['another sign-in', (_, ann) => ann.fetch('/login/now?user=bob')],
  ['revoke()', (app) => app.live.revoke('ann')],
  ['erase()', (app) => app.live.erase('ann')],
]

/** The live cookie and its signature. What tells of its end is no cookie of a visitor. */
const LIVE = /^live(\.sig)?=/

/** Returns only the live cookie of a Cookie header: as a thief has it, or when the app's own session has ended. */
export function liveOnly(cookie: string): string {
  const pairs = cookie.split('; ').filter((pair) => LIVE.test(pair))
  return pairs.join('; ')
}

/** Returns the Set-Cookie headers of a response for the live cookie. */
export function written(answer: Response): readonly string[] {
  return answer.headers.getSetCookie().filter((line) => LIVE.test(line))
}
