import { createLiveSession, followHandOffs, onFlash } from 'koa-live-session/client'
import { io } from 'socket.io-client'
import { warnOfEnd } from './end.js'
import type { fields, stages } from './fields.js'

type Stage = (typeof stages)[number]

const socket = io()
const live = createLiveSession<typeof fields>({ socket })
const buttons = document.querySelectorAll<HTMLButtonElement>('[name=stage]')
const shows = document.querySelectorAll<HTMLElement>('[data-stage]')
const form = document.querySelector<HTMLFormElement>('[action="/sign-in"]')
const say = (words: unknown): void => document.querySelector('[role=status]')?.replaceChildren(String(words))

for (const button of buttons) button.addEventListener('click', () => live.set('stage', button.value as Stage))
live.subscribe('stage', (stage) => {
  for (const button of buttons) button.setAttribute('aria-pressed', String(button.value === stage))
  for (const show of shows) show.hidden = stage !== 'All' && show.dataset.stage !== stage
})
live.subscribe('basket', (basket) => document.querySelector('output')?.replaceChildren(basket.join(', ')))
live.onStatus((_key, { status, reason }) => say(reason ?? status))
live.onVisitor(() => location.reload())
onFlash(live, say)
followHandOffs(live)
warnOfEnd(live, say)
socket.on('news', say)
for (const button of document.querySelectorAll<HTMLButtonElement>('[name=add]'))
  button.addEventListener('click', () => live.update('basket', (basket) => [...basket, button.value]))
form?.addEventListener('submit', (event) => {
  if (!socket.connected) return // the browser posts the form
  event.preventDefault()
  const { name, password } = Object.fromEntries(new FormData(form))
  socket.emit('sign in', name, password, (words: string) => (words === 'post' ? form.submit() : say(words)))
})
