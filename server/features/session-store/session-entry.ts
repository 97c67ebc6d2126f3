// Defines an app session in memory, with its connections, subscribers, last use and end.

import type { AnyChange } from '../../../shared/change.js'
import type { Link } from '../../memory/link.js'
import { FeatureEntry } from '../../store/feature-entry.js'
import type { BrowserSubject, Subject, UserSubject } from '../../subjects/subject.js'
import { changesOf, type SessionName } from './session-content.js'
import { type SignedIn, type SignIn, signedInTo } from './sign-in.js'
import type { SessionEnd } from './types.js'

export interface SessionSubscriber {
  changed(change: AnyChange): void
  ended(end: SessionEnd): void
}

export class SessionEntry extends FeatureEntry<SessionName> {
  /** The connections that pin the session in memory, each with its subscribers. */
  readonly links: Map<Link, Set<SessionSubscriber>> = new Map()
  /** The user of the last request, and the hour of that request, counted from 1970. */
  lastUse: { readonly user: UserSubject | undefined; readonly hour: number } | undefined
  /** The reason for the session's end; undefined until the session has ended. */
  ended: SessionEnd | undefined
  /** Read once after each change. */
  #signedIn: SignedIn | undefined

  get signIns(): readonly SignIn[] {
    return this.#whose.signIns
  }

  get family(): BrowserSubject | undefined {
    return this.#whose.family
  }

  get #whose(): SignedIn {
    this.#signedIn ??= signedInTo(changesOf(this.replica))
    return this.#signedIn
  }

  /** A session says itself whether a user has signed in to it: a process may have just loaded the session. */
  override get isUsers(): boolean {
    return this.signIns.length > 0
  }

  /** The subjects whose end ends the session. */
  get owners(): readonly Subject[] {
    return [...this.signIns.map(({ user }) => user), this.family ?? []].flat()
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
