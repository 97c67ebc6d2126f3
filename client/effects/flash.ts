import type { JsonValue } from '../../shared/json.js'
import { FLASH, type FlashAnswer, TAKE_FLASH } from '../../shared/protocol.js'
import { createListeners, type Listeners } from '../listeners.js'
import type { AnySocket } from '../types.js'

/** What is shown once, in one page of the browser: the server says which. */
export interface Flash extends Pick<Listeners<[message: JsonValue]>, 'add'> {
  close(): void
}

export function createFlash(socket: AnySocket | undefined): Flash {
  const { add, count, tell } = createListeners<[message: JsonValue]>()
  const { document } = globalThis
  /** A page that is not seen leaves it to another one, or waits until it is. */
  const take = (): void => {
    if (count() === 0 || !socket?.connected || document?.hidden) return
    socket.emit(TAKE_FLASH, (answer: FlashAnswer) => {
      if (answer.ok) answer.messages.forEach(tell)
    })
  }
  socket?.on('connect', take).on(FLASH, take)
  document?.addEventListener?.('visibilitychange', take)
  return {
    add: (listener) => {
      const end = add(listener)
      take()
      return end
    },
    close: () => {
      socket?.off('connect', take).off(FLASH, take)
      document?.removeEventListener?.('visibilitychange', take)
    },
  }
}
