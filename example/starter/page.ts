// The page's script: shows and sets the filter, and shows whether it is saved.
import { createLiveSession } from 'koa-live-session/client'
import { io } from 'socket.io-client'
import type { Division, fields } from './fields.js' // types only: no schema library in the browser

const socket = io()
const live = createLiveSession<typeof fields>({ socket })
const buttons = document.querySelectorAll<HTMLButtonElement>('[aria-pressed]')
const rows = document.querySelectorAll<HTMLElement>('[data-division]')
const restart = document.querySelector('#restart')
const say = (text: string): void => document.querySelector('[role=status]')?.replaceChildren(text)

live.subscribe('division', (chosen) => {
  // at once, and after each change in any tab
  for (const button of buttons) button.ariaPressed = String(button.value === chosen)
  for (const row of rows) row.hidden = chosen !== 'All' && chosen !== row.dataset['division']
})
live.onStatus((_key, { status, reason }) => say(reason ?? status)) // saving, then saved; or the reason of a refusal

for (const button of buttons) button.addEventListener('click', () => live.set('division', button.value as Division))

restart?.addEventListener('click', () => fetch('/restart', { method: 'POST' }).catch(() => say('the server is away')))
socket.on('disconnect', () => say('the server is away: choose on, nothing is lost'))
socket.io.on('reconnect', () => say('the server is back'))
