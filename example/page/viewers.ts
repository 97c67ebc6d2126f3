import type { LiveSessionClient } from 'koa-live-session/client'
import type { ViewSocket } from './viewer.js'

/** Shows how many pages show the same division, while connected. */
export function showViewers(element: HTMLElement, socket: ViewSocket, live: LiveSessionClient): void {
  const clear = (): void => {
    element.textContent = ''
  }
  socket.on('viewers', (division, count) => {
    if (division !== live.get('division')) return
    element.textContent = count === 1 ? 'No other page shows this division.' : `${count} pages show this division.`
  })
  socket.on('disconnect', clear)
  live.subscribe('division', clear)
}
