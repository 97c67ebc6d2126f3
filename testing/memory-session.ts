// A `socket.liveSession` for unit tests, with a core of its own and simulated changes from elsewhere.

import { Connection } from '../server/connections/connections.js'
import type { Core } from '../server/core.js'
import { whoOf } from '../server/identity/who.js'
import { FEATURES } from '../server/plugin.js'
import { newBrowserId, subjectHash, type UserId, userNamed } from '../server/subjects/subject.js'
import type { SocketSession } from '../server/types/session.js'
import type { ChangeSource } from '../shared/change.js'
import type { Fields, Settable } from '../shared/types.js'
import type { Given } from './given.js'
import { memoryCore } from './memory-core.js'
import { acceptTestValues } from './test-values.js'
import { UnheardLink, unheardSocket } from './unheard.js'

/** `socket.liveSession` of a visitor who has a live cookie. */
export interface MemorySession<F extends Fields> extends SocketSession<F> {
  /**
   * Changes a value as a request, another tab or a job would. Calls listeners immediately.
   *
   * @param source the source that listeners receive. @default 'request'
   * @throws {LiveSessionError} if `set` would reject the value
   */
  change<K extends keyof F & string>(key: K, value: Settable<F[K]>, source?: ChangeSource): void
}

/** The visitor of a `memorySession`. */
export interface MemoryVisitor {
  /** The signed-in user, as returned by `identify`. A guest if omitted. */
  readonly userId?: UserId
}

/**
 * Creates a `socket.liveSession` without a server, to unit-test a handler in Node.
 *
 * The session is real, as if in a process of its own, without a store: writes have the level `'memory'`. `flash` and `handOff` validate
 * their arguments, but reach no page: watch them with your runner's spy (`mock.method(session, 'handOff')`).
 *
 * @throws {LiveSessionError} if `set` would reject a given value
 * @example
 * const session = memorySession(fields, { division: 3 })
 * await nextDivision({ liveSession: session })
 * assert.equal(session.get('division'), 4)
 */
export function memorySession<F extends Fields>(
  fields: F,
  given: Given<F> = {},
  visitor: MemoryVisitor = {},
): MemorySession<F> {
  const core = memoryCore(fields, FEATURES)
  const { values: inMemory } = core
  const connection = new Connection(new UnheardLink(), recognized(core, visitor))
  const { owner } = connection
  const write = (method: string, values: object, source: ChangeSource): void =>
    void inMemory.write(acceptTestValues(inMemory.fields, values, method), owner, source)
  write('memorySession', given, 'request')
  const handle = core.createSocketHandle(unheardSocket(), connection)
  handle.open()
  const change = (key: string, value: unknown, source: ChangeSource = 'request'): void =>
    write('change', { [key]: value }, source)
  // Untyped inside, as all handles are: only the declaration knows the types of values.
  return Object.assign(handle, { change }) as unknown as MemorySession<F>
}

/** Creates a visitor whose cookie has no values, recognized in a handshake. */
function recognized(
  { cookie, ends, identities, values: inMemory }: Core,
  { userId }: MemoryVisitor,
): ConstructorParameters<typeof Connection>[1] {
  const user = userNamed(userId)
  const sub = user && subjectHash(user)
  const content = { browser: newBrowserId(), user: sub, registers: [] }
  const signed = ends.signed(user, sub)
  const header = cookie.header({ ...content, ...signed })
  const { visitor, cookie: own } = identities.recognize(cookie.read({ headers: { cookie: header } }, user), user)
  const identity = {
    visitor,
    cookie: own,
    hasCookie: true,
    who: whoOf(visitor, true, signed.epoch),
    cookieStamps: [],
    renew: undefined,
  }
  return {
    identity,
    revision: ends.revision,
    members: [],
    owner: visitor.inTab(inMemory.tabOf(visitor.browser)),
  }
}
