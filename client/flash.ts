import type { JsonValue } from '../shared/json.js'
import { FLASH, type FlashAnswer, TAKE_FLASH } from '../shared/protocol.js'
import type { Unsubscribe } from '../shared/session-types.js'
import { type Inside, insideOf } from './inside.js'
import { createListeners } from './listeners.js'
import type { AnyClient } from './types.js'

type Add = (listener: (message: JsonValue) => void) => Unsubscribe

/** ms after which a refused page asks again: as a rule it was one of many changes. */
const PAUSE = 1000

const flashes = new WeakMap<Inside, Add>()

/**
 * Calls a listener with each message of `socket.liveSession.flash` and `ctx.liveSession.flash` that this page is to show: once, in one page
 * of the browser that is seen. Needs a socket. A page that was rendered with `takeFlash()` has the others in its HTML.
 *
 * @throws {TypeError} where `live` is no client
 * @example
 * onFlash(live, (message) => toast(message))
 */
export function onFlash(live: AnyClient, listener: (message: JsonValue) => void): Unsubscribe {
  const inside = insideOf(live)
  const add = flashes.get(inside) ?? createFlash(live, inside)
  flashes.set(inside, add)
  return add(listener)
}

function createFlash(live: AnyClient, { socket, onClose }: Inside): Add {
  const { add, count, tell } = createListeners<[message: JsonValue]>()
  const { document } = globalThis
  /** What this page was given when it had no listener any more: no other page will be. */
  const untold: JsonValue[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let isClosed = false
  /** What is for the next page alone is not for one that comes back. */
  let back: [isBack?: true] = []
  /** A page that is not seen leaves it to another one, or waits until it is. */
  const take = (): void => {
    if (isClosed || !count() || !socket?.connected || document?.hidden) return
    socket.emit(TAKE_FLASH, ...back, (answer: FlashAnswer) => {
      clearTimeout(timer)
      if (answer.ok) untold.push(...answer.messages)
      else timer = setTimeout(take, PAUSE)
      while (count() && untold[0] !== undefined) tell(untold.shift() as JsonValue)
    })
  }
  socket
    ?.on('connect', take)
    .on(FLASH, take)
    .once('disconnect', () => {
      back = [true]
    })
  document?.addEventListener?.('visibilitychange', take)
  // Another visitor has come: what the last one was to be shown is told no more.
  live.onVisitor(() => void untold.splice(0))
  onClose(() => {
    isClosed = true
    socket?.off('connect', take).off(FLASH, take)
    document?.removeEventListener?.('visibilitychange', take)
  })
  return (listener) => {
    const end = add(listener)
    take()
    return end
  }
}
