// Requests flash messages while the page is visible, and passes each to the listeners once.

import type { JsonValue } from '../shared/json.js'
import type { Unsubscribe } from '../shared/observable.js'
import { FLASH, type FlashAnswer, TAKE_FLASH } from '../shared/protocol.js'
import { type Internals, internalsOf } from './internals.js'
import { adder } from './notifier.js'
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

function createFlash(live: AnyClient, internals: Internals): Add {
  /** Undefined after `close()`. */
  let { socket } = internals
  const listeners = new Set<(message: JsonValue) => void>()
  const { document } = globalThis
  /** Messages received after the last listener was removed. The next listener gets them, because the server sends them to no other page. */
  const pending: JsonValue[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  /** Part of the request: `[true]` after a disconnect, because a page that reconnects may not take messages for the next page load. */
  let back: [isBack?: true] = []
  /** Requests the waiting messages. A hidden page leaves the messages to another page, or requests them when visible. */
  const request = (): void => {
    if (!listeners.size || !socket?.connected || document?.hidden) return
    socket.emit(TAKE_FLASH, ...back, (answer: FlashAnswer) => {
      if (!socket) return
      clearTimeout(timer)
      if (answer.ok) pending.push(...answer.messages)
      else timer = setTimeout(request, PAUSE)
      while (listeners.size && pending.length) {
        const message = pending.shift() as JsonValue
        for (const one of listeners) one(message)
      }
    })
  }
  const handlers = Object.entries({
    connect: request,
    [FLASH]: request,
    disconnect: () => (back = [true]),
  })
  for (const one of handlers) socket?.on(...one)
  document?.addEventListener?.('visibilitychange', request)
  // Discard the former visitor's messages.
  live.onVisitor(() => {
    pending.length = 0
  })
  internals.onClose(() => {
    clearTimeout(timer)
    for (const one of handlers) socket?.off(...one)
    socket = undefined
    // Also ends the loop of a listener that closes the client.
    listeners.clear()
    document?.removeEventListener?.('visibilitychange', request)
  })
  const add = adder(listeners)
  return (listener) => {
    const unsubscribe = add(listener)
    request()
    return unsubscribe
  }
}
