// Requests flash messages while the page is visible, and passes each to the listeners once.

import type { JsonValue } from '../shared/json.js'
import type { Unsubscribe } from '../shared/observable.js'
import { FLASH, type FlashAnswer, TAKE_FLASH } from '../shared/protocol.js'
import { type Internals, internalsOf } from './internals.js'
import { createListeners } from './notifier.js'
import type { AnyClient } from './types.js'

type Add = (listener: (message: JsonValue) => void) => Unsubscribe

/** ms before the page repeats a refused request; usually a rate limit has refused it. */
const PAUSE = 1000

const flashes = new WeakMap<Internals, Add>()

/**
 * Calls a listener with each message of `socket.liveSession.flash` and `ctx.liveSession.flash` for this page. Each message reaches a single
 * visible page of the browser, once. Needs a socket. Messages taken by `takeFlash()` do not reach the listener: the HTML shows them.
 *
 * @throws {TypeError} if `live` is not a client
 * @example
 * onFlash(live, (message) => toast(message))
 */
export function onFlash(live: AnyClient, listener: (message: JsonValue) => void): Unsubscribe {
  const internals = internalsOf(live)
  const add = flashes.get(internals) ?? createFlash(live, internals)
  flashes.set(internals, add)
  return add(listener)
}

function createFlash(live: AnyClient, { socket, onClose }: Internals): Add {
  const { add, notify } = createListeners<[message: JsonValue]>()
  /** The unsubscribe functions of the current listeners. */
  const listening = new Set<Unsubscribe>()
  const { document } = globalThis
  /** Messages received after the last listener was removed. The next listener gets them, because the server sends them to no other page. */
  const pending: JsonValue[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let isClosed = false
  /** Part of the request: `[true]` after a disconnect, because a page that reconnects may not take messages for the next page load. */
  let back: [isBack?: true] = []
  /** Requests the waiting messages. A hidden page leaves the messages to another page, or requests them when visible. */
  const request = (): void => {
    if (isClosed || !listening.size || !socket?.connected || document?.hidden) return
    socket.emit(TAKE_FLASH, ...back, (answer: FlashAnswer) => {
      clearTimeout(timer)
      if (answer.ok) pending.push(...answer.messages)
      else timer = setTimeout(request, PAUSE)
      while (listening.size && pending[0] !== undefined) notify(pending.shift() as JsonValue)
    })
  }
  socket
    ?.on('connect', request)
    .on(FLASH, request)
    .once('disconnect', () => {
      back = [true]
    })
  document?.addEventListener?.('visibilitychange', request)
  // Discard the former visitor's messages.
  live.onVisitor(() => void pending.splice(0))
  onClose(() => {
    isClosed = true
    socket?.off('connect', request).off(FLASH, request)
    document?.removeEventListener?.('visibilitychange', request)
  })
  return (listener) => {
    const remove = add(listener)
    const unsubscribe = (): void => {
      remove()
      listening.delete(unsubscribe)
    }
    listening.add(unsubscribe)
    request()
    return unsubscribe
  }
}
