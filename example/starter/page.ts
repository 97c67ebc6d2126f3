// page.ts: shows the division, and sets it
import { createLiveSession } from 'koa-live-session/client'
import { connect } from 'koa-live-session/socket' // or io from 'socket.io-client'
import type { Division, fields } from './fields.js' // types only: no zod in the browser

const socket = connect()
const live = createLiveSession<typeof fields>({ socket })
const buttons = document.querySelectorAll<HTMLButtonElement>('button')
const rows = document.querySelectorAll('li')
const status = document.querySelector('[role=status]')

live.subscribe('division', (chosen) => {
  for (const button of buttons) button.setAttribute('aria-pressed', String(button.value === chosen))
  for (const row of rows) row.hidden = chosen !== 'All' && chosen !== row.dataset['division']
})
for (const button of buttons) button.addEventListener('click', () => live.set('division', button.value as Division))
live.onStatus((_key, detail) => status?.replaceChildren(detail.reason ?? detail.status)) // saving, then saved
