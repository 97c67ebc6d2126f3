import type { Socket } from 'socket.io-client'

/** A switch for disconnecting this page from the server, and reconnecting. */
export interface OfflineSwitch {
  isOffline(): boolean
  toggle(): void
  /** Drops the client's next POST. */
  dropNext(): void
}

/** Simulates a lost network for this page only: closes its socket, and makes its fetches fail. */
export function createOfflineSwitch(socket: Socket): OfflineSwitch {
  const network = window.fetch.bind(window)
  let isOffline = false
  let isDropping = false
  window.fetch = (input, init) => {
    const isDropped = isDropping && String(input).endsWith('/store_session')
    if (isDropped) isDropping = false
    return isOffline || isDropped ? Promise.reject(new TypeError('offline')) : network(input, init)
  }
  return {
    isOffline: () => isOffline,
    toggle: () => {
      isOffline = !isOffline
      if (isOffline) socket.disconnect()
      else socket.connect()
    },
    dropNext: () => {
      isDropping = true
    },
  }
}
