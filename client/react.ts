/**
 * A provider and a hook to show and set values in components of React 18 or newer, or of Preact.
 *
 * @module koa-live-session/react
 */
import {
  createContext,
  createElement,
  type FunctionComponent,
  type ReactNode,
  useContext,
  useMemo,
  useState,
  useSyncExternalStore,
} from 'react'
import type { RegisteredFields } from '../shared/registered.js'
import type { Keys, Settable, Value } from '../shared/types.js'
import type { StatusDetail } from './core/public.js'
import { type Hydratable, INTERNALS } from './internals.js'
import type { LiveSessionClient } from './types.js'

type F = RegisteredFields

const Live = createContext<Hydratable | undefined>(undefined)

/**
 * Provides the page's client to the components below it.
 *
 * @example
 * const live = createLiveSession({ socket: io() })
 * hydrateRoot(root, <LiveSessionProvider live={live}><App /></LiveSessionProvider>)
 */
export const LiveSessionProvider: FunctionComponent<{
  /** The client from `createLiveSession()`. */
  readonly live: LiveSessionClient
  /** The components that use the client. */
  readonly children?: ReactNode
}> = ({ live, children }) => createElement(Live.Provider, { value: live as Hydratable }, children)

/**
 * Returns a value, its setter, and the status of its newest change. `set(value)` resolves and rejects as `live.set` does, and
 * `set((previous) => next)` as `live.update` does. All renders get the same `set`. For a read-only field, the type of `set` is `never`. On
 * a page without `embed()` or `initial`, await `live.ready` before rendering.
 *
 * @throws {TypeError} without a `LiveSessionProvider` above the component, and before `live.ready`
 *
 * @example
 * const [division, setDivision, { status }] = useLiveSession('division')
 */
export function useLiveSession<K extends Keys<F>['readable']>(
  key: K,
): readonly [
  value: Value<F[K]>,
  set: K extends Keys<F>['writable']
    ? (value: Settable<F[K]> | ((value: Value<F[K]>) => Settable<F[K]>)) => Promise<void>
    : never,
  status: StatusDetail,
] {
  const live = useContext(Live)
  if (!live) {
    throw new TypeError(
      `koa-live-session: useLiveSession("${key}"): no <LiveSessionProvider live={live}> above this component`,
    )
  }
  const initial = (): readonly [Value<F[K]>, StatusDetail] =>
    live[INTERNALS].initialState(key) ?? [live.get(key), live.status(key)]
  const [, render] = useState({})
  const field = useMemo(() => {
    /**
     * The value that the listener has last received or, before the first, that of the subscription. Undefined without a subscription.
     * `live.get` may already have the server's version of a text that is being typed.
     */
    let told: readonly [Value<F[K]>] | undefined
    return {
      get: () => (told ?? [live.get(key)])[0],
      subscribe: (onChange: () => void) => {
        told = [live.get(key)]
        const unsubscribe = live.subscribe(key, (value) => {
          told = [value]
          onChange()
        })
        return () => {
          told = undefined
          unsubscribe()
        }
      },
      set: (next: never) => {
        // Until the component's effects have subscribed, nothing else renders the value, and React would undo a typed letter.
        if (!told) render({})
        return typeof next === 'function' ? live.update(key as never, next) : live.set(key as never, next)
      },
    }
  }, [live, key])
  const value = useSyncExternalStore(field.subscribe, field.get, () => initial()[0])
  const status = useSyncExternalStore(
    live.onStatus,
    () => live.status(key),
    () => initial()[1],
  )
  // Untyped inside: only the declaration knows whether a key may be set.
  return [value, field.set as never, status]
}
