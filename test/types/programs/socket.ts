// A page's socket: ours, or that of socket.io-client.
import { createLiveSession, type PageSocket } from 'koa-live-session/client'
import { storeSession } from 'koa-live-session/hook'
import { connect, type EventSocket, type SocketOptions } from 'koa-live-session/socket'
import { io, type Socket } from 'socket.io-client'
import type {} from './fields.js'
import { same } from './same.js'

interface Heard {
  told: (n: number) => void
}
interface Emitted {
  ask: (n: number, answer: (text: string, at: Date) => void) => void
  save: () => void
}

const plain = connect()
const typed = connect<Heard, Emitted>({ namespace: '/chat' })
const theirs: Socket<Heard, Emitted> = io()
export const ours: EventSocket<Heard, Emitted> = typed
export const sockets: readonly PageSocket[] = [plain, typed, theirs, io()]
for (const socket of sockets) {
  createLiveSession({ socket }).close()
  storeSession(socket)()
}
createLiveSession({ socket: typed })
createLiveSession({ socket: theirs })
storeSession(typed)
storeSession(theirs)
// @ts-expect-error no socket
createLiveSession({ socket: connect })

// What both sockets have, in the same words.
for (const socket of [typed, theirs]) same<typeof socket.connected, boolean>(true)
typed
  .on('told', (n) => same<typeof n, number>(true))
  .once('connect', () => undefined)
  .on('disconnect', (reason) => same<typeof reason, string>(true))
  .on('connect_error', ({ message }) => same<typeof message, string>(true))
  .off('told')
  .emit('save')
  .emit('ask', 1, (text, at) => text + at.getTime())
typed.timeout(1000).emit('ask', 1, (lost, text) => {
  same<typeof lost, Error | null>(true)
  same<typeof text, string>(true)
})
// @ts-expect-error not heard
typed.on('tols', () => undefined)
// @ts-expect-error another type
typed.on('told', (text: string) => text)
// @ts-expect-error not emitted
typed.emit('sav')
// @ts-expect-error another type
typed.emit('ask', '1', () => undefined)
// @ts-expect-error no volatile events
typed.volatile.emit('save')
// @ts-expect-error no promise of an acknowledgement
typed.emitWithAck('ask', 1)
// @ts-expect-error readonly
typed.connected = true

plain.on('any', (one, two) => one + two).emit('other', 1, 'two', (answer: unknown) => answer)
plain.timeout(5).emit('other', (lost: Error | null, answer: string) => [lost, answer])
plain.auth = { token: 't' }
plain.auth = (send) => send({ token: 't' })

const options: SocketOptions = { path: '/tools/socket.io', auth: (send) => send({ token: 't' }), timeout: 5000 }
connect(options)
// Options of both.
const both = { path: '/tools/socket.io', reconnectionDelay: 50, reconnectionDelayMax: 500, auth: { token: 't' } }
connect(both).on('connect', () => undefined)
io(both).on('connect', () => undefined)
// @ts-expect-error only WebSocket
connect({ transports: ['websocket'] })
// @ts-expect-error no URL alone
connect('https://app.example')
