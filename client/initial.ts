import type { Keys, Value } from '../shared/field-types.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { StatusDetail } from './core/view.js'
import type { LiveSessionClient } from './types.js'

type F = RegisteredFields

/** Where a client says what its page came with. The same symbol in an app that bundles the package twice. */
export const INITIAL: unique symbol = Symbol.for('koa-live-session')

/** A client to those that hydrate: what the server has rendered comes first, whatever the page has heard since. */
export interface Hydratable extends LiveSessionClient {
  readonly [INITIAL]?: <K extends Keys<F>['readable']>(key: K) => readonly [value: Value<F[K]>, status: StatusDetail]
}
