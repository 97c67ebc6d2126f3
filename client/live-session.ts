import type { Fields } from '../shared/field-types.js'
import type { JsonValue } from '../shared/json.js'
import { type AnySnapshot, DEFAULT_ENDPOINT, EMBED_ID } from '../shared/protocol.js'
import type { RegisteredFields } from '../shared/registered.js'
import { settable } from '../shared/settable.js'
import { createDelivery, type DeliveryOptions } from './delivery.js'
import { INITIAL } from './initial.js'
import { createOutbox, type Outbox } from './outbox.js'
import { createStatusBoard, DEFAULT, SAVED, SAVING, type StatusDetail } from './status.js'
import { createStorage } from './storage.js'
import type { LiveSessionClient, LiveSessionClientOptions } from './types.js'
import { createValues, type Values } from './values.js'

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
  const values = createValues()
  const outbox = createOutbox(values)
  const storage = createStorage(`live-session:${endpoint}:`)
  let isReady = false
  let markReady = (): void => undefined
  const ready = new Promise<void>((resolve) => {
    markReady = () => {
      isReady = true
      resolve()
    }
  })

  /** Nothing tells it what its values are: it has to ask. */
  const isBlank = !initial && !socket
  const page = initial ? begin(initial, values, outbox) : UNKNOWN
  /** What the page came with, of the keys that have changed since. */
  const former = new Map<string, JsonValue | undefined>()
  if (initial) {
    markReady()
    values.onChange(({ key, previous }) => former.has(key) || former.set(key, previous))
  }
  const board = createStatusBoard(outbox, () => delivery.isOffline(), page.status)
  const delivery = createDelivery(
    {
      socket,
      endpoint,
      credentials,
      headers: () => (typeof headers === 'function' ? headers() : headers),
      isAsking: isBlank,
      ...page,
      onReady: () => markReady(),
      onOwner: (subject) => outbox.restore(storage.take(subject)),
      onProgress: () => {
        board.refresh()
        const subject = delivery.owner()
        storage.keep(subject ?? '', subject === undefined ? new Map() : outbox.texts())
      },
    },
    values,
    outbox,
  )

  // What was left is sent, and what the page cannot vouch for is looked at. On a server a path leads nowhere.
  if (globalThis.document || (isBlank && endpoint.includes('://'))) delivery.send()

  const get = (key: string): JsonValue | undefined => {
    if (isReady) return values.get(key)
    throw new TypeError(
      `koa-live-session: get("${key}") before the first values: put ctx.liveSession.embed() into the page, pass initial, or await live.ready`,
    )
  }
  const change = (key: string, value: JsonValue | undefined): Promise<void> => {
    const saved = outbox.set(key, value, delivery.emit)
    delivery.send()
    return saved
  }
  const set = (key: string, value: unknown): Promise<void> => {
    try {
      return change(key, settable(key, value))
    } catch (error) {
      // A mistake of the program, which may well wait for nothing.
      console.error(error)
      const refused = Promise.reject(error)
      refused.catch(() => undefined)
      return refused
    }
  }
  const subscribe = (key: string, listener: Subscriber): (() => void) => {
    let isOver = false
    const tell = (): void => {
      if (isReady && !isOver) listener(values.get(key))
    }
    const end = values.onChange((change) => change.key === key && tell())
    if (isReady) tell()
    else void ready.then(tell)
    return () => {
      isOver = true
      end()
    }
  }

  const flush = (): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (board.isUnderWay()) return
        end()
        resolve()
      }
      const end = board.onStatus(check)
      delivery.hurry()
      check()
    })

  const live = {
    ready,
    get,
    has: (key: string) => values.live(key) !== undefined,
    set,
    delete: (key: string) => change(key, undefined),
    subscribe,
    onChange: values.onChange,
    status: (key?: string) => (key === undefined ? board.overall() : board.of(key)),
    onStatus: board.onStatus,
    field: (key: string) => ({
      subscribe: (run: Subscriber) => subscribe(key, run),
      set: (value: unknown) => void set(key, value),
      update: (next: (value: JsonValue | undefined) => unknown) => void set(key, next(get(key))),
    }),
    flush,
    close: delivery.close,
    [INITIAL]: (key: string) => [former.has(key) ? former.get(key) : get(key), page.status(key)],
  }
  // Untyped inside: what a key's value is, only the declaration knows.
  return live as unknown as LiveSessionClient<F>
}

/** What a page says of itself. */
interface Begun extends Pick<DeliveryOptions, 'subjects' | 'isCookieless' | 'hasConsent' | 'isGuests'> {
  /** How far the newest change of a key had got. */
  status(key: string): StatusDetail
}
/** It may have been rendered for a browser without a cookie. */
const UNKNOWN: Begun = { subjects: [], isCookieless: true, hasConsent: true, isGuests: false, status: () => DEFAULT }

/** Shows what the page brought along; says whose it is. */
function begin(initial: AnySnapshot | Plain, values: Values, outbox: Outbox): Begun {
  if (!isSnapshot(initial)) {
    // Values without stamps are older than anything: they stand where nothing else is known, as a default does.
    values.setDefaults(initial)
    return UNKNOWN
  }
  const { subject, browser, defaults, stamps, deleted = [], unsaved = [] } = initial
  const { cookieless: isCookieless = false, consent: hasConsent = true, user = false } = initial
  values.setDefaults(defaults)
  const registers = Object.entries(stamps)
  values.merge(
    registers.map(([key, stamp]) => [key, stamp, deleted.includes(key) ? undefined : initial.values[key]]),
    'request',
  )
  outbox.confirm(registers.filter(([key]) => !unsaved.includes(key)))
  outbox.expect(registers.filter(([key]) => unsaved.includes(key)))
  // A browser that keeps no cookies has no subject but its socket's.
  const subjects = [subject, browser ?? ''].filter((one) => one !== '')
  const status = (key: string): StatusDetail => {
    if (unsaved.includes(key)) return SAVING
    return registers.some(([known]) => known === key) ? SAVED : DEFAULT
  }
  return { subjects, isCookieless, hasConsent, isGuests: !user, status }
}

function isSnapshot(initial: AnySnapshot | Plain): initial is AnySnapshot {
  return typeof initial['stamps'] === 'object' && typeof initial['values'] === 'object'
}

/** What `embed()` put into the page. */
function embedded(): unknown {
  const text = globalThis.document?.getElementById(EMBED_ID)?.textContent
  return text ? JSON.parse(text) : undefined
}
