import type { Keys, Value } from '../shared/field-types.js'
import type { JsonValue } from '../shared/json.js'
import type { AnySnapshot } from '../shared/protocol.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { StatusDetail } from './core/view.js'
import type { AnyClient, AnySocket, LiveSessionClient } from './types.js'

/** Where a client has what its parts need. The same symbol in an app that bundles the package twice. */
export const INSIDE: unique symbol = Symbol.for('live-session')

/** What the parts of a page need of its client, besides its public members. */
export interface Inside {
  readonly socket: AnySocket | undefined
  readonly endpoint: string
  /** What `embed()`, or `initial`, said of values and their stamps. */
  readonly initial: AnySnapshot | undefined
  /** What the page came with; undefined where it came with nothing. */
  was(key: string): readonly [value: JsonValue | undefined, status: StatusDetail] | undefined
  /** Called as the client is closed. */
  onClose(end: () => void): void
}

type F = RegisteredFields

/** A client to those that hydrate: what the server has rendered comes first, whatever the page has heard since. */
export interface Hydratable extends LiveSessionClient {
  readonly [INSIDE]: {
    was<K extends Keys<F>['readable']>(key: K): readonly [value: Value<F[K]>, status: StatusDetail] | undefined
  }
}

/** @throws {TypeError} where it is no client */
export function insideOf(live: AnyClient): Inside {
  const { [INSIDE]: inside } = Object(live) as { readonly [INSIDE]?: Inside }
  if (inside) return inside
  throw new TypeError('koa-live-session: expected a client of createLiveSession()')
}
