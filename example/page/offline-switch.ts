import type { Socket } from 'socket.io-client'

/** A switch that cuts this page off from the server, and reconnects it. */
export interface OfflineSwitch {
  isOffline(): boolean
  toggle(): void
  /** Has the next POST of the client lost on its way. */
  dropNext(): void
}

/** Simulates a lost network for this page only: its socket is closed and its fetches fail. */
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
