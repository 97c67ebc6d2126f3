import type { SigningKeys } from '../cookie/keys.js'
import type { Subject } from '../names/subject.js'
import type { Visitor } from '../names/visitor.js'

const PREFIX = 'live_session:'

/**
 * Names of rooms that only servers with the same keys know: an app may let its clients say which rooms they join. During a
 * rotation nodes with another first secret have other names, which does no harm: each node sends to its own sockets alone.
 */
export class Rooms {
  readonly #keys: SigningKeys

  constructor(keys: SigningKeys) {
    this.#keys = keys
  }

  /** Of the sockets of a subject. */
  ofSubject(subject: Subject): string {
    return this.#name('subject', subject)
  }

  /** Of the sockets of one browser, for as long as it is the same visitor's. */
  ofVisitor({ browser, user }: Visitor, epoch: number): string {
    return this.#name('visitor', JSON.stringify([browser, user ?? null, epoch]))
  }

  #name(kind: 'subject' | 'visitor', text: string): string {
    return PREFIX + this.#keys.sign(`${kind}:${text}`)
  }
}
