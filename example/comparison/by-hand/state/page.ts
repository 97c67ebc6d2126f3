import type { Socket } from 'socket.io-client'
import type { Change } from '../../filter.js'
import type { Outcome } from './sockets.js'

export function follow(socket: Socket, show: (filter: Change) => void): void {
  socket.on('filter', show)
  socket.on('disconnect', (reason) => {
    if (reason === 'io server disconnect') socket.connect()
  })
}

export async function change(socket: Socket, changed: Change): Promise<string> {
  const outcome: Outcome = await socket.emitWithAck('filter', changed)
  if (outcome === 'refused') return 'refused'
  return outcome === 'kept' || (await store(changed)) ? 'saved' : 'not saved'
}

/** POSTs a change, because a socket cannot set a cookie. */
async function store(changed: Change): Promise<boolean> {
  const headers = { 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify(changed), keepalive: true }
  return fetch('/store_session', init).then(
    ({ ok }) => ok,
    () => false,
  )
}
