// Wraps the client's public functions for development: checks options, and warns of missing or repeated calls.

import {
  checkChangeListener,
  checkListener,
  checkNext,
  checkSubscriber,
  didYouMean,
  isMs,
  MS,
  unknownOption,
} from '../../shared/checks.js'
import { isOfValue } from '../../shared/codes.js'
import { PageError } from '../../shared/page-error.js'
import { TrackedPromise } from '../../shared/promise.js'
import { EMBED_ID, FLASH, HAND_OFF } from '../../shared/protocol.js'
import type { RegisteredFields } from '../../shared/registered.js'
import { NEVER } from '../../shared/stamp.js'
import type { Fields } from '../../shared/types.js'
import { EMBEDS } from '../browser/embed.js'
import { onFlash as flash } from '../flash.js'
import { followAddress as address } from '../follow-address.js'
import { followHandOffs as handOffs } from '../follow-hand-offs.js'
import { type Internals, internalsOf } from '../internals.js'
import { keepTab as tab } from '../keep-tab.js'
import { create } from '../live-session.js'
import { onSessionEnd as sessionEnd } from '../session-end.js'
import type { AnyClient, LiveSessionClient, LiveSessionClientOptions, PageSocket } from '../types.js'
import { FULL_TEXTS, logOnce } from './error-texts.js'
import { watchCookie, watchedPoster, watchSocket } from './warning.js'

const OPTIONS = ['socket', 'initial', 'endpoint', 'credentials', 'headers']

/** The functions whose first argument is a key. */
const METHODS = ['get', 'has', 'subscribe', 'status', 'field', 'set', 'update', 'delete'] as const

const EMBEDDED_TWICE =
  'koa-live-session: the page has several scripts of embed(), and uses none of them. Call ctx.liveSession.embed() once'

const ESCAPED_EMBED =
  'koa-live-session: the page shows the script of embed() as text. Insert ctx.liveSession.embed() without escaping it: <%- %> in EJS, {{{ }}} in Handlebars, != in Pug, | safe in Nunjucks'

const calledParts = new WeakMap<object, Set<Part>>()
/** The endpoints of the open clients in this page. */
const open: string[] = []

/** A separately imported function of the client. */
type Part = 'onFlash' | 'followAddress' | 'followHandOffs' | 'keepTab'

const A_SOCKET = ['socket', 'a socket. Pass createLiveSession({ socket: io() })'] as const
/** By function, the client's option that the function needs, and a remedy. */
const NEEDS: Partial<Record<Part, readonly [needed: 'socket' | 'initial', remedy: string]>> = {
  onFlash: A_SOCKET,
  followHandOffs: A_SOCKET,
  followAddress: [
    'initial',
    'a snapshot. Put ctx.liveSession.embed() into the page, or pass its snapshot() as initial',
  ],
}

/** Creates the client as in production, with warnings and full error messages. */
export function createLiveSession<F extends Fields = RegisteredFields>(
  options: LiveSessionClientOptions<F> = {},
): LiveSessionClient<F> {
  checkOptions(options)
  const live = create(options, FULL_TEXTS, watchedPoster(options))
  explainCallbacks(live)
  logUnawaited(live)
  warnOfForgotten(live)
  warnOfMistyped(live)
  warnOfSecond(live)
  if (!options.initial && globalThis.document) warnOfEmbeds(live)
  watchSocket(internalsOf(live))
  watchCookie(live)
  return live
}

export const onFlash: typeof flash = (live, listener) => {
  noteCall(live, 'onFlash')
  checkListener(listener, 'onFlash(live, listener)')
  return flash(live, listener)
}

export const onSessionEnd: typeof sessionEnd = (live, listener, options = {}) => {
  checkListener(listener, 'onSessionEnd(live, listener)')
  const { before = 1 } = options
  if (!isMs(before)) throw new TypeError(`koa-live-session: onSessionEnd: before: expected ${MS}, received ${before}`)
  return sessionEnd(live, listener, options)
}

export const followAddress: typeof address = (live) => {
  noteCall(live, 'followAddress')
  return address(live)
}

export const followHandOffs: typeof handOffs = (live) => {
  noteCall(live, 'followHandOffs')
  return handOffs(live)
}

export const keepTab: typeof tab = (live) => {
  noteCall(live, 'keepTab')
  return tab(live)
}

/** @throws {TypeError} for mistakes that otherwise only TypeScript finds */
function checkOptions(options: { readonly socket?: PageSocket }): void {
  if ('emit' in options)
    throw new TypeError('koa-live-session: createLiveSession: expected { socket: io() }, received the socket itself')
  const { socket } = options
  if (socket && typeof socket.on !== 'function')
    throw new TypeError(
      `koa-live-session: createLiveSession: socket: expected a socket, received ${typeof socket}. Pass io(), not io`,
    )
  for (const name of Object.keys(options)) {
    if (OPTIONS.includes(name)) continue
    throw new TypeError(`koa-live-session: createLiveSession: ${name}: ${unknownOption(name, OPTIONS)}`)
  }
}

/** Warns in the console if this page has another open client for the endpoint: each client saves on its own, and shows its own status. */
function warnOfSecond(live: AnyClient): void {
  const {
    posts: { endpoint },
    onClose,
  } = internalsOf(live)
  if (!globalThis.document) return
  if (open.includes(endpoint))
    console.warn(
      'koa-live-session: createLiveSession was called again in this page. Create one client and import it where it is used; close() a client before you replace it',
    )
  open.push(endpoint)
  onClose(() => void open.splice(open.indexOf(endpoint), 1))
}

/** Warns in the console if the document has several scripts of `embed()`, or an escaped script; also after new HTML came. */
function warnOfEmbeds(live: AnyClient): void {
  let known: number | undefined
  const check = (): void => {
    const { length } = document.querySelectorAll(EMBEDS)
    if (length === known) return
    known = length
    if (length > 1) console.warn(EMBEDDED_TWICE)
    // `innerHTML` has `<` as `&lt;` in the page's text, but as `<` in a script.
    else if (!length && document.body?.innerHTML.includes(`&lt;script type="application/json" id="${EMBED_ID}"`))
      console.warn(ESCAPED_EMBED)
  }
  check()
  const observer = globalThis.MutationObserver && new MutationObserver(check)
  observer?.observe(document, { childList: true, subtree: true })
  internalsOf(live).onClose(() => observer?.disconnect())
}

/** Records that the app has called this function, and warns at the first call if the function has no effect. */
function noteCall(live: AnyClient, part: Part): void {
  const internals = internalsOf(live)
  const called = calledParts.get(internals) ?? new Set()
  if (!called.has(part)) warnOfIdle(part, internals)
  calledParts.set(internals, called.add(part))
}

/** Warns if the function has no effect for lack of an option. Outside a page, no function has an effect, so nothing is missing. */
function warnOfIdle(part: Part, internals: Internals): void {
  const [needed, remedy] = NEEDS[part] ?? []
  if (!needed || internals[needed] || !globalThis.document) return
  console.warn(`koa-live-session: ${part}(live): it has no effect without ${remedy}`)
}

/** Warns in the console, once for each function, if the page needs a function that it has not called. */
export function warnOfForgotten(live: AnyClient): void {
  const internals = internalsOf(live)
  const { socket, initial, onClose } = internals
  const urls = initial?.urls ?? {}
  const warned = new Set<Part>()
  const miss = (part: Part, what: string, call: string): void => {
    if (calledParts.get(internals)?.has(part) || warned.has(part)) return
    warned.add(part)
    console.warn(`koa-live-session: ${what}. Call ${call}: import { ${part} } from 'koa-live-session/client'`)
  }
  const flash = (): void => miss('onFlash', 'a flash message waits for a page that shows it', 'onFlash(live, listener)')
  const handOff = (): void => miss('followHandOffs', 'a hand-off is not followed', 'followHandOffs(live)')
  socket?.on(FLASH, flash).on(HAND_OFF, handOff)
  live.onChange(({ key, source }) => {
    if (initial?.tab?.includes(key)) miss('keepTab', `a reload loses "${key}"`, 'keepTab(live)')
    // A page needs `followAddress` only if it changes the field, or if its URL has the field's parameter.
    const name = urls[key]
    if (name !== undefined && (source === 'request' || new URLSearchParams(location.search).has(name)))
      miss('followAddress', `the address does not follow "${key}"`, 'followAddress(live)')
  })
  onClose(() => void socket?.off(FLASH, flash).off(HAND_OFF, handOff))
}

/** Explains calls that lack their function: `update` rejects as if its function had thrown, and the others throw. */
function explainCallbacks(live: AnyClient): void {
  const { subscribe, update, onChange, onStatus, onVisitor } = live
  const checked: Pick<AnyClient, 'subscribe' | 'update' | 'onChange' | 'onStatus' | 'onVisitor'> = {
    onChange: (listener) => {
      checkChangeListener(listener)
      return onChange(listener)
    },
    onStatus: (listener) => {
      checkListener(listener, 'onStatus(listener)', ', which gets each key with its status')
      return onStatus(listener)
    },
    onVisitor: (listener) => {
      checkListener(listener, 'onVisitor(listener)')
      return onVisitor(listener)
    },
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

/** Logs a refused value of a change that no code awaits: most often a text in place of a number. */
function logUnawaited(live: AnyClient): void {
  const { set, setMany, update, field } = live
  const log = (error: unknown): void => {
    if (error instanceof PageError && isOfValue(error.code)) logOnce(error)
  }
  const tracked =
    <A extends readonly unknown[]>(write: (...given: A) => Promise<void>) =>
    (...given: A): Promise<void> =>
      TrackedPromise.of(() => write(...given), log, setTimeout)
  const changes = { set: tracked(set), setMany: tracked(setMany), update: tracked(update) }
  Object.assign(live, changes, {
    field: (key: never) => ({
      ...field(key),
      set: (value: never) => void changes.set(key, value),
      update: (next: never) => void changes.update(key, next),
    }),
  })
}

/**
 * Warns in the console, once for each key, about an unknown key that resembles a known key. A key with neither a value nor a default may be
 * an optional field, so a dissimilar key causes no warning.
 */
export function warnOfMistyped(live: AnyClient): void {
  const { page } = internalsOf(live)
  const warned = new Set<string>()
  const check = (method: string, key: string): void => {
    const known = [...page.keys].flatMap(([name, { fallback, stamp }]) =>
      fallback === undefined && stamp === NEVER ? [] : name,
    )
    const meant = known.includes(key) || warned.has(key) ? '' : didYouMean(key, known)
    if (meant === '') return
    warned.add(key)
    console.warn(`koa-live-session: ${method}("${key}"): the page knows no value and no default of this key.${meant}`)
  }
  const watched = METHODS.map((method) => {
    const act = live[method] as (...given: unknown[]) => unknown
    const watch = (...given: unknown[]): unknown => {
      const [key] = given
      if (typeof key === 'string') void live.ready.then(() => check(method, key))
      return act(...given)
    }
    return [method, watch]
  })
  Object.assign(live, Object.fromEntries(watched))
}
