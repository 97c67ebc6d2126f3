import type { JsonValue } from '../../shared/json.js'
import { FLASH, type FlashAnswer, TAKE_FLASH } from '../../shared/protocol.js'
import { createListeners, type Listeners } from '../listeners.js'
import type { AnySocket } from '../types.js'

/** What is shown once, in one page of the browser: the server says which. */
export interface Flash extends Pick<Listeners<[message: JsonValue]>, 'add'> {
  /** Another visitor has come: what the last one was to be shown is told no more. */
  forget(): void
  close(): void
}

/** ms after which a refused page asks again: as a rule it was one of many changes. */
const PAUSE = 1000

export function createFlash(socket: AnySocket | undefined): Flash {
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
      while (count() && untold.length) for (const message of untold.splice(0, 1)) tell(message)
    })
  }
  socket
    ?.on('connect', take)
    .on(FLASH, take)
    .once('disconnect', () => {
      back = [true]
    })
  document?.addEventListener?.('visibilitychange', take)
  return {
    add: (listener) => {
      const end = add(listener)
      take()
      return end
    },
    forget: () => void untold.splice(0),
    close: () => {
      isClosed = true
      socket?.off('connect', take).off(FLASH, take)
      document?.removeEventListener?.('visibilitychange', take)
    },
  }
}
