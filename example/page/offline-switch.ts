import type { Socket } from 'socket.io-client'

/** Cuts this page off from the server, and connects it again. */
export interface OfflineSwitch {
  isOffline(): boolean
  toggle(): void
}

/** Acts like a network that is gone, for this page alone: its socket is closed and its fetches fail. */
export function createOfflineSwitch(socket: Socket): OfflineSwitch {
  const network = window.fetch.bind(window)
  let isOffline = false
  window.fetch = (input, init) => (isOffline ? Promise.reject(new TypeError('offline')) : network(input, init))
  return {
    isOffline: () => isOffline,
    toggle: () => {
      isOffline = !isOffline
      if (isOffline) socket.disconnect()
      else socket.connect()
    },
  }
}
