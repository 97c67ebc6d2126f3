// Reads a client's internals under a symbol, for separately imported functions, React and Vue.

import type { JsonValue } from '../shared/json.js'
import type { AnySnapshot } from '../shared/protocol.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { Keys, Value } from '../shared/types.js'
import type { PostOptions } from './browser/post.js'
import type { Dispatch, EffectHandlers } from './core/events.js'
import type { Page } from './core/page.js'
import type { StatusDetail } from './core/public.js'
import type { AnyClient, LiveSessionClient, PageSocket } from './types.js'

/** The key of a client's internals. A registered symbol, the same even in an app that bundles the package twice. */
export const INTERNALS: unique symbol = Symbol.for('live-session')

/** A client's internals, for `onFlash`, `onSessionEnd`, `followAddress`, `followHandOffs`, `keepTab`, React and Vue. */
export interface Internals {
  readonly socket: PageSocket | undefined
  readonly posts: PostOptions
  /** The snapshot from `embed()` or `initial`; undefined if `initial` has plain values. */
  readonly initial: AnySnapshot | undefined
  /** Returns the key's first value and status, for hydration; undefined if the page began without values. */
  initialState(key: string): readonly [value: JsonValue | undefined, status: StatusDetail] | undefined
  /** The page's state, which only `dispatch` changes; `keepTab` adds the tab's part. */
  readonly page: Readonly<Page> & Pick<Page, 'tab' | 'followTab'>
  readonly dispatch: Dispatch
  /** The implementations of effects, to which `keepTab` adds the tab's. */
  readonly environment: Pick<EffectHandlers, 'saveTab'>
  /** Calls the listener when the client is closed. */
  onClose(listener: () => void): void
}

type F = RegisteredFields

/** A client for hydration: components first render the HTML's values, even if the page has received newer values. */
export interface Hydratable extends LiveSessionClient {
  readonly [INTERNALS]: {
    initialState<K extends Keys<F>['readable']>(key: K): readonly [value: Value<F[K]>, status: StatusDetail] | undefined
  }
}

/** @throws {TypeError} if `live` is not a client */
export function internalsOf(live: AnyClient): Internals {
  const { [INTERNALS]: internals } = Object(live) as { readonly [INTERNALS]?: Internals }
  if (internals) return internals
  throw new TypeError('koa-live-session: expected a client of createLiveSession()')
}
