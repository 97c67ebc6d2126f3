import type { Device, RequestSession } from 'koa-live-session'
import { stages } from './fields.js'

const escaped = (text: unknown): string => String(text).replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`)
const form = (action: string, content: string): string => `<form method="post" action="/${action}">${content}</form>`

export async function pageOf(live: RequestSession, devices: readonly Device[], script: string): Promise<string> {
  const chosen = live.get('stage')
  const buttons = stages.map((name) => `<button value="${name}" aria-pressed="${name === chosen}">${name}</button>`)
  const list = devices.map(({ label, current }) => `<li>${escaped(label)}${current ? ' (this one)' : ''}</li>`)
  const account = `${form('sign-out', `${escaped(live.userId)} <button>Sign out</button>`)}<ul>${list.join('')}</ul>
    ${form('sign-out-others', '<button>Sign out the others</button>')}`
  const signIn = `<input name="name" aria-label="Name" placeholder="ann">
    <input name="password" type="password" aria-label="Password" placeholder="correct horse"> <button>Sign in</button>`
  return `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Box office</title>
    <main><h1>Box office</h1><nav>${buttons.join('')}</nav><p role="status">${(await live.takeFlash()).map(escaped)}</p>
    <p>Basket: <output>${live.get('basket').map(escaped).join(', ')}</output> <button id="add">Add a ticket</button></p>
    ${live.userId === undefined ? form('sign-in', signIn) : account}</main>
    <dialog role="alertdialog" aria-labelledby="soon" aria-describedby="left"><form method="dialog"><h2 id="soon">Are you still there?</h2>
    <p id="left"></p><button autofocus>Stay signed in</button></form></dialog>
    ${live.embed()}<script type="module" src="/${script}"></script></html>`
}
