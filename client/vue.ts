/**
 * A plugin and a composable to show and set values in components of Vue 3.5 or newer.
 *
 * @module koa-live-session/vue
 */
import {
  computed,
  getCurrentInstance,
  type InjectionKey,
  inject,
  onMounted,
  onScopeDispose,
  type Plugin,
  type Ref,
  shallowRef,
  type WritableComputedRef,
} from 'vue'
import type { RegisteredFields } from '../shared/registered.js'
import type { Keys, Settable, Value } from '../shared/types.js'
import type { StatusDetail } from './core/public.js'
import { type Hydratable, INTERNALS } from './internals.js'
import type { LiveSessionClient } from './types.js'

type F = RegisteredFields

const LIVE: InjectionKey<Hydratable> = Symbol()

/**
 * Provides the page's client, `live` from `createLiveSession()`, to an app's components.
 *
 * @example
 * createSSRApp(App).use(liveSessionPlugin(createLiveSession({ socket: io() }))).mount('#app')
 */
export function liveSessionPlugin(live: LiveSessionClient): Plugin {
  return (app) => app.provide(LIVE, live as Hydratable)
}

/**
 * Returns refs to a value, and to the status and the reason of its newest change. All refs are updated until the scope ends. If you set
 * `value` to a function, `live.update` gets that function. A refusal shows as the status `'rejected'`. For a read-only field, `value` is a
 * readonly ref. Without `embed()` or `initial`, mount after `live.ready`.
 *
 * @throws {TypeError} without `liveSessionPlugin` in the app, and before `live.ready`
 *
 * @example
 * const { value: division, status } = useLiveSession('division')
 * division.value += 1
 */
export function useLiveSession<K extends Keys<F>['readable']>(
  key: K,
): {
  /** The value, updated after each change. Read and set as `value.value`, or with `v-model`. */
  readonly value: K extends Keys<F>['writable']
    ? WritableComputedRef<Value<F[K]>, Settable<F[K]> | ((value: Value<F[K]>) => Settable<F[K]>)>
    : Readonly<Ref<Value<F[K]>>>
  /** The status of the value's newest change. */
  readonly status: Readonly<Ref<StatusDetail['status']>>
  /** The reason of a rejection, or `store_unavailable` for an `update` that waits for the store; undefined with any other status. */
  readonly reason: Readonly<Ref<StatusDetail['reason']>>
} {
  const live = inject(LIVE, null)
  if (!live) throw new TypeError('koa-live-session: no app.use(liveSessionPlugin(live))')
  // If the element is already in the page, the server has rendered it, so the first render must match.
  const isHydrating = getCurrentInstance()?.vnode.el?.['parentNode']
  const state = shallowRef((isHydrating && live[INTERNALS].initialState(key)) || [live.get(key), live.status(key)])
  const update = (value: Value<F[K]>): void => {
    state.value = [value, live.status(key)]
  }
  const follow = (): void => {
    onScopeDispose(live.subscribe(key, update))
    // Keep the value: `live.get` may already have the server's version of a text that is being typed.
    onScopeDispose(live.onStatus(() => update(state.value[0])))
  }
  if (isHydrating) onMounted(follow)
  // Do not follow on a server, where no scope ever ends.
  else if (globalThis.document) follow()
  // No need to await: a refusal shows in the status.
  const value = computed({
    get: () => state.value[0],
    set: (next: never) => void live[typeof next === 'function' ? 'update' : 'set'](key as never, next),
  })
  // Typed as `never`: only the field's declaration says whether the key is writable.
  return {
    value: value as never,
    status: computed(() => state.value[1].status),
    reason: computed(() => state.value[1].reason),
  }
}
