import type { App } from './app.js'
import type { Visitor } from './visitor.js'

/** Ways in which a browser stops being ann's; each resolves when the server has processed it. */
export const ENDS: readonly (readonly [string, (app: App, ann: Visitor) => Promise<unknown>])[] = [
  ['leave()', (_, ann) => ann.fetch('/logout/leave')],
  ['identify() at a sign-out', (_, ann) => ann.fetch('/logout/now')],
  ['identify() as another user', (_, ann) => ann.fetch('/login/now?user=bob')],
  [
    'the next request after a sign-out',
    async (_, ann) => {
      await ann.fetch('/logout/unused')
      await ann.fetch('/')
    },
  ],
  ['a revocation', (app) => app.live.revoke('ann')],
  ['an erasure', (app) => app.live.erase('ann')],
]
