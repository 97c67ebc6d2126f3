import type { JsonValue } from '../shared/json.js'
import { FLASH, type FlashAnswer, TAKE_FLASH } from '../shared/protocol.js'
import type { Unsubscribe } from '../shared/session-types.js'
import { type Inside, insideOf } from './inside.js'
import { createListeners } from './listeners.js'
import type { AnyClient } from './types.js'

type Add = (listener: (message: JsonValue) => void) => Unsubscribe

/** ms after which a refused page asks again: usually it was refused because of many changes. */
const PAUSE = 1000

const flashes = new WeakMap<Inside, Add>()

/**
 * Calls a listener with each message of `socket.liveSession.flash` and `ctx.liveSession.flash` that this page should show: once, in one
 * visible page of the browser. Needs a socket. A page that was rendered with `takeFlash()` has the others in its HTML.
 *
 * @throws {TypeError} if `live` is not a client
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
  const { add, tell } = createListeners<[message: JsonValue]>()
  /** What ends each listener. */
  const ends = new Set<Unsubscribe>()
  const { document } = globalThis
  /** Messages that this page received when it had no listener left: no other page will get them. */
  const untold: JsonValue[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let isClosed = false
  /** Messages for the next page only are not for one that reconnects. */
  let back: [isBack?: true] = []
  /** A hidden page leaves messages to another one, or waits until it is visible. */
  const take = (): void => {
    if (isClosed || !ends.size || !socket?.connected || document?.hidden) return
    socket.emit(TAKE_FLASH, ...back, (answer: FlashAnswer) => {
      clearTimeout(timer)
      if (answer.ok) untold.push(...answer.messages)
      else timer = setTimeout(take, PAUSE)
      while (ends.size && untold[0] !== undefined) tell(untold.shift() as JsonValue)
    })
  }
  socket
    ?.on('connect', take)
    .on(FLASH, take)
    .once('disconnect', () => {
      back = [true]
    })
  document?.addEventListener?.('visibilitychange', take)
  // Another visitor has come: drop the messages of the last one.
  live.onVisitor(() => void untold.splice(0))
  onClose(() => {
    isClosed = true
    socket?.off('connect', take).off(FLASH, take)
    document?.removeEventListener?.('visibilitychange', take)
  })
  return (listener) => {
    const remove = add(listener)
    const end = (): void => {
      remove()
      ends.delete(end)
    }
    ends.add(end)
    take()
    return end
  }
}
