// hook.ts
import { io } from 'socket.io-client'
import { storeSession } from 'koa-live-session/hook'
const socket = io()
storeSession(socket)                                                      // POSTs each store_session
socket.on('division', (division) => document.querySelector('output')?.replaceChildren(String(division)))
document.querySelector('button')?.addEventListener('click', () => socket.emit('next'))
