// Defines an app session in memory, with its connections, subscribers, last use and end.

import type { AnyChange } from '../../../shared/change.js'
import type { Link } from '../../memory/link.js'
import { FeatureEntry } from '../../store/feature-entry.js'
import type { BrowserSubject, Subject, UserSubject } from '../../subjects/subject.js'
import { changesOf, definedOf, type SessionContent, type SessionName } from './session-content.js'
import { loginChange, loginOf, type SignedIn, type SignIn, signedInTo } from './sign-in.js'
import type { SessionEnd } from './types.js'

/** The use of a session by a request. */
interface SessionUse {
  readonly user: UserSubject | undefined
  readonly login: BrowserSubject
  /** ms since 1970 */
  readonly at: number
  readonly maxAge: number | 'session'
}

export interface SessionSubscriber {
  changed(change: AnyChange): void
  ended(end: SessionEnd): void
}

export class SessionEntry extends FeatureEntry<SessionName> {
  /** The connections that pin the session in memory, each with its subscribers. */
  readonly links: Map<Link, Set<SessionSubscriber>> = new Map()
  /** The last request, as the list of devices needs it. */
  lastUse: SessionUse | undefined
  /** The reason for the session's end; undefined until the session has ended. */
  ended: SessionEnd | undefined
  /** Read once after each change. */
  #signedIn: SignedIn | undefined

  get signedIn(): SignedIn {
    this.#signedIn ??= signedInTo(changesOf(this.replica))
    return this.#signedIn
  }

  get signIns(): readonly SignIn[] {
    return this.signedIn.signIns
  }

  /** The name of all sessions that one sign-out ends. */
  get login(): BrowserSubject {
    return loginOf(this.name, this.signedIn.handedOn)
  }

  /** The contents that the session hands on to its successor under another id. */
  get inheritance(): SessionContent {
    return definedOf([...loginChange(this.login), ...changesOf(this.replica)])
  }

  /** Whether a user has signed in, by the session's own registers: this process may have just loaded the session. */
  override get isUsers(): boolean {
    return this.signIns.length > 0
  }

  /** The subjects whose end ends the session. */
  get dependsOn(): readonly Subject[] {
    return [...this.signIns.map(({ user }) => user), this.signedIn.handedOn ?? []].flat()
  }

  changed(): void {
    this.#signedIn = undefined
  }

  /** An ended session stays in memory until the response with its browser's new cookie is sent. */
  override get isPinned(): boolean {
    return this.links.size > 0 || this.ended !== undefined
  }

  /** Returns a copy, because subscribers may leave during a notification. */
  get subscribers(): readonly SessionSubscriber[] {
    return Array.from(this.links.values()).flatMap((some) => [...some])
  }
}
