import type { Socket } from 'socket.io'
import type { LiveSessionErrorCode } from '../shared/errors.js'
import type { VerifiedCookie } from './cookie.js'
import { newcomers, subjectHash, type UserId } from './subject.js'
import type { Visitor } from './visitor.js'

/** Who opened a connection, as its handshake said. */
export interface Greeted {
  readonly visitor: Visitor
  readonly cookie: VerifiedCookie | undefined
  readonly userId: UserId | undefined
  /** The browser came without a live cookie of its own: its id is not known to it yet. */
  readonly isNew: boolean
}

/** What a connection has in each namespace. */
interface Handle {
  /** Tells the browser to come back, and takes nothing more from it. */
  dismiss(code: LiveSessionErrorCode): void
}

/** ms for a browser to fetch its last messages, where it polls. */
const GRACE = 500

/** A connection, with its sockets in all namespaces. */
export class Connection {
  readonly greeted: Greeted
  /** Under which `Connections` finds it. */
  readonly names: readonly string[]
  readonly #conn: Socket['conn']
  readonly #handles = new Set<Handle>()
  #ended: LiveSessionErrorCode | undefined

  constructor(conn: Socket['conn'], greeted: Greeted) {
    this.#conn = conn
    this.greeted = greeted
    this.names = namesOf(greeted)
  }

  add(handle: Handle): void {
    this.#handles.add(handle)
    if (this.#ended !== undefined) this.end(this.#ended)
  }

  remove(handle: Handle): void {
    this.#handles.delete(handle)
  }

  /** Ends it so that its browser comes back as whoever it is by then: after `disconnect(true)` it never would. */
  end(code: LiveSessionErrorCode): void {
    this.#ended = code
    // One that is still being let in has heard of nothing yet: it is told as it comes in.
    if (this.#handles.size === 0) return
    for (const handle of [...this.#handles]) handle.dismiss(code)
    this.#conn.close()
    // One that has stopped polling would stay for as long as its messages wait.
    setTimeout(() => this.#conn.close(true), GRACE).unref()
  }
}

function namesOf({ visitor: { user, browserSubject }, isNew }: Greeted): readonly string[] {
  const isNewcomer = isNew && user !== undefined
  return [user, browserSubject, isNewcomer ? newcomers(subjectHash(user)) : undefined].filter(
    (name) => name !== undefined,
  )
}
