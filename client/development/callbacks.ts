import { checkNext, checkSubscriber } from '../../shared/callbacks.js'
import type { AnyClient } from '../types.js'

/** Explains calls of `subscribe` or `update` without a function: `subscribe` throws, and `update` rejects as if its function had thrown. */
export function explainCallbacks(live: AnyClient): void {
  const { subscribe, update } = live
  const checked: Pick<AnyClient, 'subscribe' | 'update'> = {
    subscribe: (key, listener) => {
      checkSubscriber(listener)
      return subscribe(key, listener)
    },
    update: (key, next) =>
      update(key, (value) => {
        checkNext(key, next)
        return next(value)
      }),
  }
  Object.assign(live, checked)
}
