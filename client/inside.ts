import type { AnySnapshot } from '../shared/protocol.js'
import type { AnyClient, AnySocket } from './types.js'

/** Where a client has what its parts need. The same symbol in an app that bundles the package twice. */
export const INSIDE: unique symbol = Symbol.for('koa-live-session.inside')

/** What the parts of a page need of its client, besides its public members. */
export interface Inside {
  readonly socket: AnySocket | undefined
  readonly endpoint: string
  /** What `embed()`, or `initial`, said of values and their stamps. */
  readonly initial: AnySnapshot | undefined
  /** Called as the client is closed; at once where it is. */
  onClose(end: () => void): void
}

/** @throws {TypeError} where it is no client */
export function insideOf(live: AnyClient): Inside {
  const { [INSIDE]: inside } = Object(live) as { readonly [INSIDE]?: Inside }
  if (inside) return inside
  throw new TypeError('koa-live-session: expected a client of createLiveSession()')
}
