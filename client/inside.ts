import type { Keys, Value } from '../shared/field-types.js'
import type { JsonValue } from '../shared/json.js'
import type { AnySnapshot } from '../shared/protocol.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { Page } from './core/page.js'
import type { StatusDetail } from './core/view.js'
import type { Dispatch, Surroundings } from './surroundings.js'
import type { AnyClient, AnySocket, LiveSessionClient } from './types.js'

/** The key of what a client's parts need. The same symbol even in an app that bundles the package twice. */
export const INSIDE: unique symbol = Symbol.for('live-session')

/** What a client's parts need besides its public members. */
export interface Inside {
  readonly socket: AnySocket | undefined
  readonly endpoint: string
  /** The values and stamps from `embed()` or `initial`. */
  readonly initial: AnySnapshot | undefined
  /** Returns what the page began with; undefined if it began with nothing. */
  was(key: string): readonly [value: JsonValue | undefined, status: StatusDetail] | undefined
  /** Its state, to read. */
  readonly page: Page
  readonly dispatch: Dispatch
  /** What carries out its effects: a part may add to one. */
  readonly doing: Pick<Surroundings, 'keep'> & { take: Surroundings['take'] }
  /** Has `end` called when the client is closed. */
  onClose(end: () => void): void
}

type F = RegisteredFields

/** A client for hydration: what the server rendered comes first, whatever the page has received since. */
export interface Hydratable extends LiveSessionClient {
  readonly [INSIDE]: {
    was<K extends Keys<F>['readable']>(key: K): readonly [value: Value<F[K]>, status: StatusDetail] | undefined
  }
}

/** @throws {TypeError} if it is not a client */
export function insideOf(live: AnyClient): Inside {
  const { [INSIDE]: inside } = Object(live) as { readonly [INSIDE]?: Inside }
  if (inside) return inside
  throw new TypeError('koa-live-session: expected a client of createLiveSession()')
}
