import type { Fields } from '../shared/field-types.js'
import type { JsonValue } from '../shared/json.js'
import { type AnySnapshot, DEFAULT_ENDPOINT, EMBED_ID } from '../shared/protocol.js'
import type { RegisteredFields } from '../shared/registered.js'
import { settable } from '../shared/settable.js'
import { followAddress } from './address.js'
import { beginPage, isSnapshot } from './core/begin.js'
import { isUnderWay, live as liveValue, overallStatus, shown, statusOf } from './core/view.js'
import { createFlash } from './effects/flash.js'
import { INITIAL } from './initial.js'
import { createRunner } from './runner.js'
import type { LiveSessionClient, LiveSessionClientOptions } from './types.js'

type Plain = Readonly<Record<string, JsonValue>>
type Subscriber = (value: JsonValue | undefined) => void

/**
 * The browser's half: shows values at once, and brings changes home into the cookie.
 *
 * @example
 * const live = createLiveSession({ socket: io() })
 * live.subscribe('division', (division) => render(division))
 * await live.set('division', 3)
 */
export function createLiveSession<F extends Fields = RegisteredFields>(
  options: LiveSessionClientOptions<F> = {},
): LiveSessionClient<F> {
  const { socket, endpoint = DEFAULT_ENDPOINT, credentials = 'same-origin', headers = {} } = options
  const initial = (options.initial ?? embedded()) as AnySnapshot | Plain | undefined
  const beginning = beginPage(initial, socket !== undefined)
  let isReady = false
  let markReady = (): void => undefined
  const ready = new Promise<void>((resolve) => {
    markReady = () => {
      isReady = true
      resolve()
    }
  })
  if (beginning.isReady) markReady()

  const runner = createRunner(beginning, {
    socket,
    endpoint,
    credentials,
    headers: () => (typeof headers === 'function' ? headers() : headers),
    onReady: () => markReady(),
  })
  const { dispatch, state, onChange, onStatus, onVisitor, close } = runner
  const flash = createFlash(socket)
  onVisitor(flash.forget)
  // What was left is sent, and what the page cannot vouch for is looked at. On a server a path leads nowhere.
  if (globalThis.document || (!initial && !socket && endpoint.includes('://'))) dispatch(['begin'])

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
    const tell = (value: JsonValue | undefined): void => {
      if (isReady && !isOver) listener(value)
    }
    const end = onChange((change) => change.key === key && tell(change.value))
    if (isReady) tell(get(key))
    else void ready.then(() => tell(get(key)))
    return () => {
      isOver = true
      end()
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
      leaveAddress?.()
      close()
      flash.close()
    },
    [INITIAL]: (key: string) => [initial ? shown(beginning, key) : get(key), statusOf(beginning, key)],
  }
  const isPage = globalThis.document && initial && isSnapshot(initial)
  const leaveAddress = isPage ? followAddress(initial, live) : undefined
  // Untyped inside: what a key's value is, only the declaration knows.
  return live as unknown as LiveSessionClient<F>
}

/** A caller that does not wait learns of a refusal from the status, or the console. */
function heard(saved: Promise<void>): Promise<void> {
  saved.catch(() => undefined)
  return saved
}

/** What `embed()` put into the page. */
function embedded(): unknown {
  const text = globalThis.document?.getElementById(EMBED_ID)?.textContent
  return text ? JSON.parse(text) : undefined
}
