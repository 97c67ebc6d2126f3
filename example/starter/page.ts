// page.ts: shows the division, and sets it
import { createLiveSession } from 'koa-live-session/client'
import { connect } from 'koa-live-session/socket' // or from 'socket.io-client'
import type { Division, fields } from './fields.js' // types only: no schema library in the browser

const socket = connect()
const live = createLiveSession<typeof fields>({ socket })
const buttons = document.querySelectorAll<HTMLButtonElement>('button')
const rows = document.querySelectorAll('li')
const status = document.querySelector('[role=status]')

live.subscribe('division', (chosen) => {
  for (const button of buttons) button.ariaPressed = String(button.value === chosen)
  for (const row of rows) row.hidden = chosen !== 'All' && chosen !== row.dataset['division']
})
for (const button of buttons) button.addEventListener('click', () => live.set('division', button.value as Division))

restart?.addEventListener('click', () => fetch('/restart', { method: 'POST' }).catch(() => say('the server is away')))
socket.on('disconnect', () => {
  say('the server is away: choose on, nothing is lost')
  socket.once('connect', () => say('the server is back'))
})
