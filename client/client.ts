import type { Fields } from '../shared/field-types.js'
import type { JsonValue } from '../shared/json.js'
import { settable } from '../shared/settable.js'
import type { FollowedValues } from './address.js'
import type { State } from './core/state.js'
import { isUnderWay, live as liveValue, overallStatus, shown, statusOf } from './core/view.js'
import type { Flash } from './effects/flash.js'
import { INITIAL } from './initial.js'
import { guarded } from './listeners.js'
import { createRunner, type Surround } from './runner.js'
import type { LiveSessionClient } from './types.js'

type Subscriber = (value: JsonValue | undefined) => void

/**
 * The public object, wherever the page is.
 *
 * @param begins whether it looks at once for what there is to do
 * @param follow keeps something in step with the values, until its answer is called
 */
export function createClient<F extends Fields>(
  beginning: State,
  surround: Surround,
  flash: Flash,
  begins: boolean,
  follow?: (live: FollowedValues) => () => void,
): LiveSessionClient<F> {
  let isReady = false
  let markReady = (): void => undefined
  const ready = new Promise<void>((resolve) => {
    markReady = () => {
      isReady = true
      resolve()
    }
  })
  if (beginning.isReady) markReady()

  const runner = createRunner(beginning, surround, () => markReady())
  const { dispatch, state, onChange, onStatus, onVisitor, close } = runner
  onVisitor(flash.forget)
  if (begins) dispatch(['begin'])

  const get = (key: string, what = 'get'): JsonValue | undefined => {
    if (isReady) return shown(state(), key)
    throw new TypeError(
      `koa-live-session: ${what}("${key}") before the first values: put ctx.liveSession.embed() into the page, pass initial, or await live.ready`,
    )
  }
  const attempt = (change: () => Promise<void>): Promise<void> => {
    try {
      return heard(change())
    } catch (error) {
      // A mistake of the program, which may well wait for nothing.
      console.error(error)
      return heard(Promise.reject(error))
    }
  }
  const set = (key: string, value: unknown): Promise<void> => attempt(() => runner.set(key, settable(key, value)))
  const update = (key: string, next: (value: JsonValue | undefined) => unknown): Promise<void> =>
    attempt(() => {
      get(key, 'update')
      return runner.update(key, (value) => settable(key, next(value)))
    })
  const subscribe = (key: string, listener: Subscriber): (() => void) => {
    let isOver = false
    const tell = guarded((value: JsonValue | undefined): void => {
      if (isReady && !isOver) listener(value)
    })
    const show = (): void => tell(shown(state(), key))
    const end = onChange((change) => change.key === key && tell(change.value))
    // Before it browsers put back what a form had, which is after scripts have run.
    globalThis.addEventListener?.('pageshow', show)
    show()
    if (!isReady) void ready.then(show)
    return () => {
      isOver = true
      end()
      globalThis.removeEventListener?.('pageshow', show)
    }
  }

  const flush = (): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (isUnderWay(state())) return
        end()
        resolve()
      }
      const end = onStatus(check)
      dispatch(['flush'])
      check()
    })

  const live = {
    ready,
    get: (key: string) => get(key),
    has: (key: string) => liveValue(state(), key) !== undefined,
    set,
    update,
    delete: (key: string) => heard(runner.set(key, undefined)),
    subscribe,
    onChange,
    status: (key?: string) => (key === undefined ? overallStatus(state()) : statusOf(state(), key)),
    onStatus,
    onVisitor,
    onFlash: flash.add,
    field: (key: string) => ({
      subscribe: (run: Subscriber) => subscribe(key, run),
      set: (value: unknown) => void set(key, value),
      update: (next: (value: JsonValue | undefined) => unknown) => void update(key, next),
    }),
    flush,
    close: () => {
      unfollow?.()
      close()
      flash.close()
    },
    [INITIAL]: (key: string) => [beginning.isReady ? shown(beginning, key) : get(key), statusOf(beginning, key)],
  }
  const unfollow = follow?.(live)
  // Untyped inside: what a key's value is, only the declaration knows.
  return live as unknown as LiveSessionClient<F>
}

/** A caller that does not wait learns of a refusal from the status, or the console. */
function heard(saved: Promise<void>): Promise<void> {
  saved.catch(() => undefined)
  return saved
}
