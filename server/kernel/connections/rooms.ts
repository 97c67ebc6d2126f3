import type { SigningKeys } from '../cookie/keys.js'
import type { Subject } from '../names/subject.js'
import type { Visitor } from '../names/visitor.js'

const PREFIX = 'live_session:'

/**
 * Names of rooms that only servers with the same keys know: an app may let its clients choose which rooms they join. During a key rotation,
 * nodes with another first secret have other names, which does no harm: each node sends to its own sockets alone.
 */
export class Rooms {
  readonly #keys: SigningKeys

  constructor(keys: SigningKeys) {
    this.#keys = keys
  }

  /** Returns the room of a subject's sockets. */
  ofSubject(subject: Subject): string {
    return this.#name('subject', subject)
  }

  /** Returns the room of one browser's sockets, for as long as it has the same visitor. */
  ofVisitor({ browser, user }: Visitor, epoch: number): string {
    return this.#name('visitor', JSON.stringify([browser, user ?? null, epoch]))
  }

  #name(kind: 'subject' | 'visitor', text: string): string {
    return PREFIX + this.#keys.sign(`${kind}:${text}`)
  }
}
