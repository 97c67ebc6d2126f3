/**
 * A plugin and a composable for components of Vue 3.5 or newer that show and set values.
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
import type { Keys, Settable, Value } from '../shared/field-types.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { StatusDetail } from './core/view.js'
import { type Hydratable, INSIDE } from './inside.js'
import type { LiveSessionClient } from './types.js'

type F = RegisteredFields

const LIVE: InjectionKey<Hydratable> = Symbol()

/**
 * Provides the page's client to an app's components: `live` is what `createLiveSession()` returned.
 *
 * @example
 * createSSRApp(App).use(liveSessionPlugin(createLiveSession({ socket: io() }))).mount('#app')
 */
export function liveSessionPlugin(live: LiveSessionClient): Plugin {
  return (app) => app.provide(LIVE, live as Hydratable)
}

/**
 * Returns refs to a value and to how far its newest change has got, updated until the scope ends. Setting a function calls `live.update`. A
 * refusal shows in the status. If the page may only read the field, `value` is a readonly ref. Without `embed()` or `initial`, await
 * `live.ready` before mounting.
 *
 * @throws {TypeError} where the app does not use `liveSessionPlugin`, and before `live.ready`
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
  /** How far its newest change has got. */
  readonly status: Readonly<Ref<StatusDetail>>
} {
  const live = inject(LIVE, null)
  if (!live) throw new TypeError('koa-live-session: no app.use(liveSessionPlugin(live))')
  // An element that is already in the page is the server's, and must first be rendered unchanged.
  const isHydrating = getCurrentInstance()?.vnode.el?.['parentNode']
  const state = shallowRef((isHydrating && live[INSIDE].was(key)) || [live.get(key), live.status(key)])
  const update = (): void => {
    state.value = [live.get(key), live.status(key)]
  }
  const follow = (): void => {
    onScopeDispose(live.subscribe(key, update))
    onScopeDispose(live.onStatus(update))
  }
  if (isHydrating) onMounted(follow)
  // On a server, no scope ever ends.
  else if (globalThis.document) follow()
  // A refusal shows in the status.
  const value = computed({
    get: () => state.value[0],
    set: (next: never) => void live[typeof next === 'function' ? 'update' : 'set'](key as never, next),
  })
  // Untyped inside: only the declaration knows whether a key may be set.
  return { value: value as never, status: computed(() => state.value[1]) }
}
