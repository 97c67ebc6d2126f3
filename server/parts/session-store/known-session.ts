import type { Socket } from 'socket.io'
import type { AnyChange } from '../../../shared/change.js'
import type { UserSubject } from '../../kernel/names/subject.js'
import { Kept } from '../../kernel/remote/registers.js'
import type { SessionName } from './session-content.js'
import type { SessionEnd } from './types.js'

/** A listener to a session. */
export interface SessionWatcher {
  changed(change: AnyChange): void
  ended(end: SessionEnd): void
}

/** A browser's koa-session, as this process knows it. */
export class KnownSession extends Kept<SessionName> {
  /** The connections that keep it in memory, each with its watchers. */
  readonly holders: Map<Socket['conn'], Set<SessionWatcher>> = new Map()
  /** Whose request came with it last, and in which hour since 1970. */
  seen: { readonly user: UserSubject | undefined; readonly hour: number } | undefined
  /** Why it has ended. */
  ended: SessionEnd | undefined

  /** Also once it has ended, until the response with its browser's new cookie is sent. */
  override get isHeld(): boolean {
    return this.holders.size > 0 || this.ended !== undefined
  }

  /** Including those that may leave before they are told. */
  get watchers(): readonly SessionWatcher[] {
    return Array.from(this.holders.values()).flatMap((some) => [...some])
  }
}
