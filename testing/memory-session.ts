import { EventEmitter } from 'node:events'
import Koa from 'koa'
import { SocketHandle } from '../server/kernel/connections/socket.js'
import { createCore } from '../server/kernel/create-core.js'
import type { LiveSocket } from '../server/kernel/memory/live-socket.js'
import { newBrowserId, subjectHash, type UserId, userNamed } from '../server/kernel/names/subject.js'
import type { Core } from '../server/kernel/seams/core.js'
import { addMembers } from '../server/kernel/seams/members.js'
import { Connection, type Opener } from '../server/kernel/visitors/connection.js'
import { whoOf } from '../server/kernel/visitors/who.js'
import { resolveOptions } from '../server/options.js'
import { PARTS } from '../server/plugin.js'
import type { SocketSession } from '../server/session-types.js'
import type { ChangeSource } from '../shared/change.js'
import type { Fields, Settable } from '../shared/field-types.js'
import { acceptGiven, type Given } from './given.js'

/** It signs only for itself: what it signs goes nowhere. */
const KEYS = ['the key of sessions that only tests have']

/** `socket.liveSession` of a visitor who has a live cookie. */
export interface MemorySession<F extends Fields> extends SocketSession<F> {
  /**
   * Changes a value as if elsewhere: in a request, another tab, a job. Listeners are told at once.
   *
   * @param source the source that they are told. @default 'request'
   * @throws {LiveSessionError} where the value could not have been set
   */
  change<K extends keyof F & string>(key: K, value: Settable<F[K]>, source?: ChangeSource): void
}

/** The visitor of a `memorySession`. */
export interface MemoryVisitor {
  /** The signed-in user, as `identify` would return it. A guest if omitted. */
  readonly userId?: UserId
}

/**
 * Creates a `socket.liveSession` without a server, to unit-test a handler in Node.
 *
 * It is the real one, as if in a process of its own, without a store: writes have the level `'memory'`. What `flash` and `handOff` would
 * tell a page is checked, but goes nowhere: watch them with your runner's spy (`mock.method(session, 'handOff')`).
 *
 * @throws {LiveSessionError} if a given value could not have been set
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
  const app = new Koa()
  const core = createCore(app, resolveOptions(app, { fields, keys: KEYS, clock: () => Date.now() }), PARTS)
  const opener = openerOf(core, visitor)
  const { sessions } = core
  const write = (method: string, values: object, source: ChangeSource): void =>
    void sessions.write(acceptGiven(sessions.fields, values, method), opener.visitor.inTab(opener.tab), source)
  write('memorySession', given, 'request')
  const socket = unheardSocket()
  const Handle = addMembers(
    class extends SocketHandle {},
    core.parts.map(({ socket }) => socket),
  )
  const handle = new Handle(core, socket, new Connection(socket.conn, opener))
  handle.open()
  const change = (key: string, value: unknown, source: ChangeSource = 'request'): void =>
    write('change', { [key]: value }, source)
  // Untyped inside, as all handles are.
  return Object.assign(handle, { change }) as unknown as MemorySession<F>
}

/** A visitor with a cookie that contains no values. */
function openerOf({ cookie, epochs, identities, sessions }: Core, { userId }: MemoryVisitor): Opener {
  const user = userNamed(userId)
  const sub = user && subjectHash(user)
  const content = { browser: newBrowserId(), user: sub, registers: [] }
  const signed = epochs.signed(user, sub)
  const header = cookie.header({ ...content, ...signed })
  const found = identities.take(cookie.read({ headers: { cookie: header } }, user), user)
  const whose = { ...found, isKept: true, who: whoOf(found.visitor, true, signed.epoch), held: [], renew: undefined }
  return { ...whose, ends: epochs.ends, members: [], tab: sessions.tabOf(found.visitor.browser) }
}

/** Creates a socket with only what `socket.liveSession` needs: no page sends anything over it, and nothing that is sent is received. */
function unheardSocket(): LiveSocket {
  const unheard = { emit: () => undefined }
  const socket = Object.assign(new EventEmitter(), {
    ...unheard,
    rooms: new Set<string>(),
    join: () => undefined,
    leave: () => undefined,
    nsp: { local: { to: () => unheard } },
    // No tab brings its own values.
    handshake: { auth: {} },
    conn: { readyState: 'closed', transport: {} },
  })
  return socket as unknown as LiveSocket
}
