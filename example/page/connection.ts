import type { Socket } from 'socket.io-client'

type ConnectionState = 'connected' | 'reconnecting' | 'offline'

const texts: Readonly<Record<ConnectionState, string>> = {
  connected: 'Connected',
  reconnecting: 'Reconnecting',
  offline: 'Offline',
}

/** Shows the state of the connection in an element; `isOffline` tells whether the page does not even try to connect. */
export function showConnection(element: HTMLElement, socket: Socket, isOffline: () => boolean): void {
  const show = (): void => {
    const state = stateOf(socket, isOffline() || !navigator.onLine)
    // Set only once: screen readers announce each assignment to a live region, even of the same text.
    if (element.dataset['state'] === state) return
    element.dataset['state'] = state
    element.textContent = texts[state]
  }
  socket.on('connect', show)
  socket.on('disconnect', show)
  socket.on('connect_error', show)
  window.addEventListener('online', show)
  window.addEventListener('offline', show)
}

function stateOf(socket: Socket, isOffline: boolean): ConnectionState {
  if (socket.connected) return 'connected'
  return isOffline ? 'offline' : 'reconnecting'
}
