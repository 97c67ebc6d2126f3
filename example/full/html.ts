import type { Device, RequestSession } from 'koa-live-session'
import { shows, stages } from './fields.js'

const escaped = (text: unknown): string => String(text).replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`)
const form = (action: string, content: string): string => `<form method="post" action="/${action}">${content}</form>`
const icon = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path fill='#0172ad' d='M1 4h14v3a1 1 0 0 0 0 2v3H1V9a1 1 0 0 0 0-2z'/></svg>`

const signIn = `<h2>Sign in</h2>${form(
  'sign-in',
  `<label>Name <input name="name" autocomplete="username" placeholder="ann" required></label>
  <label>Password <input name="password" type="password" autocomplete="current-password" placeholder="correct horse" required></label>
  <button>Sign in</button>`,
)}`

function account(user: string, devices: readonly Device[]): string {
  const rows = devices.map(
    ({ label, lastSeen, current }) => `<tr><th scope="row">${escaped(label)}</th>
      <td>${current ? 'this one' : `seen at ${new Date(lastSeen).toISOString().slice(11, 16)} UTC`}</td></tr>`,
  )
  return `<h2>${escaped(user)}</h2><table><caption>Your devices</caption><tbody>${rows.join('')}</tbody></table>
    ${form('sign-out-others', '<button class="quiet">Sign out the others</button>')}
    ${form('sign-out', '<button class="quiet">Sign out</button>')}`
}

export async function pageOf(
  live: RequestSession,
  devices: readonly Device[],
  { script, style }: { readonly script: string; readonly style: string },
): Promise<string> {
  const chosen = live.get('stage')
  const buttons = stages.map(
    (name) => `<button name="stage" value="${name}" aria-pressed="${name === chosen}">${name}</button>`,
  )
  const list = shows.map(
    ({ title, stage, when }) => `<article data-stage="${stage}" ${chosen === 'All' || chosen === stage ? '' : 'hidden'}>
      <h2>${title}</h2><p>${stage}, ${when}</p>
      <button name="add" value="${title}" aria-label="Add a ticket: ${title}">Add a ticket</button></article>`,
  )
  const flash = (await live.takeFlash()).map(escaped)
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Box office</title>
    <meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
    <link rel="icon" href="data:image/svg+xml,${encodeURIComponent(icon)}"><link rel="stylesheet" href="/${style}"></head>
    <body><header><h1>Box office</h1><p role="status">${flash.join(' ')}</p></header>
    <main><section><div role="group" aria-label="Stage">${buttons.join('')}</div>${list.join('')}</section>
    <aside><article><h2>Basket</h2><output>${live.get('basket').map(escaped).join(', ')}</output></article>
    <article>${live.userId === undefined ? signIn : account(String(live.userId), devices)}</article></aside></main>
    <dialog role="alertdialog" aria-labelledby="soon" aria-describedby="left"><article><form method="dialog">
    <h2 id="soon">Are you still there?</h2><p id="left"></p><button autofocus>Stay signed in</button></form></article></dialog>
    ${live.embed()}<script type="module" src="/${script}"></script></body></html>`
}
