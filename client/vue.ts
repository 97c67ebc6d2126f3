/**
 * Components of Vue 3.5 or newer that show and set values.
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
 * Gives the components of an app the page's client: `live` is what `createLiveSession()` returned.
 *
 * @example
 * createSSRApp(App).use(liveSessionPlugin(createLiveSession({ socket: io() }))).mount('#app')
 */
export function liveSessionPlugin(live: LiveSessionClient): Plugin {
  return (app) => app.provide(LIVE, live as Hydratable)
}

/**
 * A value to read and, where the page may, to write, and how far its newest change has got: refs, which follow until the scope ends. A function that is set computes the value from the one before it, as `live.update`. A refusal shows in the status. Of a field
 * that the page may only read, `value` is a readonly ref. On a page without `embed()` or `initial`, await `live.ready` before mounting.
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
  /** The value, which follows each change. Read and set as `value.value`, or by `v-model`. */
  readonly value: K extends Keys<F>['writable']
    ? WritableComputedRef<Value<F[K]>, Settable<F[K]> | ((value: Value<F[K]>) => Settable<F[K]>)>
    : Readonly<Ref<Value<F[K]>>>
  /** How far its newest change has got. */
  readonly status: Readonly<Ref<StatusDetail>>
} {
  const live = inject(LIVE, null)
  if (!live) throw new TypeError('koa-live-session: no app.use(liveSessionPlugin(live))')
  // Where there is an element in the page already, it is the server's, to be rendered once more as it is.
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
  // On a server no scope ever ends.
  else if (globalThis.document) follow()
  // A refusal shows in the status.
  const value = computed({
    get: () => state.value[0],
    set: (next: never) => void live[typeof next === 'function' ? 'update' : 'set'](key as never, next),
  })
  // Untyped inside: whether a key may be set, only the declaration knows.
  return { value: value as never, status: computed(() => state.value[1]) }
}
