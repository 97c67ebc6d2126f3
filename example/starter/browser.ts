// browser.ts
import { io } from 'socket.io-client'
import { createLiveSession } from 'koa-live-session/client'
import type {} from './fields.js'                                         // types only: no schema library in the browser
const live = createLiveSession({ socket: io() })
const output = document.querySelector('output'), button = document.querySelector('button')
live.subscribe('division', (division) => { if (output) output.value = String(division) })
live.onStatus((_key, { status, reason }) => { document.title = reason ?? status }) // saving, then saved; or why it was refused
button?.addEventListener('click', () => live.set('division', live.get('division') + 1))
