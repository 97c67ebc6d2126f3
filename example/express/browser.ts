import { createLiveSession } from 'koa-live-session/client'
import { io } from 'socket.io-client'
import type { fields, Tea } from './fields.js'

export const live = createLiveSession<typeof fields>({ socket: io() })
const list = document.querySelector('ul')
const status = document.querySelector('[role=status]')

const row = (tea: Tea): HTMLLIElement => Object.assign(document.createElement('li'), { textContent: tea })
live.subscribe('cart', (cart) => list?.replaceChildren(...cart.map(row)))
live.subscribe('theme', (theme) => document.documentElement.setAttribute('data-theme', theme))
live.onStatus((_key, detail) => status?.replaceChildren(detail.reason ?? detail.status))
live.onVisitor(({ id = '' }) => {
  if (id !== document.body.dataset['user']) location.reload()
})

for (const button of document.querySelectorAll<HTMLButtonElement>('button[value]'))
  button.addEventListener('click', () => live.update('cart', (cart) => [...cart, button.value as Tea]))
document
  .querySelector('#theme')
  ?.addEventListener('click', () => live.set('theme', live.get('theme') === 'light' ? 'dark' : 'light'))
