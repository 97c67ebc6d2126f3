// A `socket.session` for unit tests, with methods to simulate changes elsewhere and a sign-out.

import { AppSessions } from '../server/features/session-store/app-sessions.js'
import { readContent, registerKey, sessionName } from '../server/features/session-store/session-content.js'
import { SessionHandle } from '../server/features/session-store/session-handle.js'
import { checkWritable, jsonOf } from '../server/features/session-store/session-json.js'
import type { AppSession, AppSessionValues } from '../server/features/session-store/types.js'
import type { RegisteredSession } from '../shared/registered.js'
import type { Frozen } from '../shared/types.js'
import { memoryCore } from './memory-core.js'
import { UnheardLink, unheardSocket } from './unheard.js'

/** `socket.session` of a browser with a session. */
export interface MemoryAppSession<S extends object = RegisteredSession> extends AppSession<S> {
  /**
   * Changes a value as if in a request or another tab; `undefined` deletes the key. Calls listeners immediately.
   *
   * @throws {LiveSessionError} if `set` would reject the value
   */
  change<K extends keyof S & string>(key: K, value: Frozen<S[K]> | undefined): void
  /** Ends the session, as a sign-out of the app does. */
  end(): void
}

/**
 * Creates a `socket.session` without a server, to unit-test a handler in Node. The session is real, as if `live.sessionStore()` ran in a
 * process of its own, without a store.
 *
 * @throws {LiveSessionError} if `set` would reject a given value
 * @example
 * const session = memoryAppSession({ userId: 'ann' })
 * await addToCart({ session }, 'tea')
 * assert.deepEqual(session.get('cart'), ['tea'])
 */
export function memoryAppSession<S extends object = RegisteredSession>(
  given: AppSessionValues<S> = {},
): MemoryAppSession<S> {
  const core = memoryCore({}, [])
  const sessions = new AppSessions(core)
  const name = sessionName('')
  const session = sessions.ensure(name)
  sessions.save(session, readContent(given, 'session'), 'request')
  const link = new UnheardLink()
  const pinned = sessions.pin(session, link)
  const handle = new SessionHandle(sessions, core.settings.report, pinned, link, unheardSocket())
  const change = (key: string, value: unknown): void => {
    checkWritable(key)
    sessions.save(
      session,
      new Map([[registerKey(key), value === undefined ? undefined : jsonOf(key, value)]]),
      'request',
    )
  }
  // Untyped inside, as all handles are: only the declaration knows the types of values.
  return Object.assign(handle, {
    change,
    end: () => sessions.destroy(name, undefined),
  }) as unknown as MemoryAppSession<S>
}
