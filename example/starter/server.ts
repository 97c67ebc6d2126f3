// The app: a page with a filter, its script and its style.
import { readFileSync } from 'node:fs'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { Server } from 'socket.io'
import { type Division, divisions, fields } from './fields.js'

const projects: readonly { name: string; division: Division }[] = [
  { name: 'Harbour, a documentary', division: 'Film' },
  { name: 'A label for a bakery', division: 'Design' },
  { name: 'Night of the museums', division: 'Events' },
  { name: 'Titles for a series', division: 'Film' },
  { name: 'Signs for a hospital', division: 'Design' },
]
const files = new Map(['page.js', 'style.css'].map((name) => [`/${name}`, readFileSync(name)]))

const app = new Koa({ keys: [process.env['SECRET'] ?? ''] }) // signs the cookie: 32 bytes or more
const live = liveSession(app, { fields }) //                    identify: (ctx) => ... once you have users
app.use(live.middleware()) //                                   after your auth, before your routes
app.use(live.sameOrigin()) //                                   no form of another site

app.use((ctx, next) => {
  const file = files.get(ctx.path)
  if (!file) return next()
  ctx.type = ctx.path.replace(/.*\./, '')
  ctx.body = file
})

app.use((ctx, next) => {
  if (ctx.path !== '/restart' || ctx.method !== 'POST') return next()
  ctx.status = 204
  ctx.res.on('finish', () => process.exit(75)) // start.mjs restarts it. Delete this in an app of yours
})

app.use((ctx, next) => {
  if (ctx.path !== '/') return next()
  const chosen = ctx.liveSession.get('division') // the first HTML shows the chosen value
  const isShown = (division: Division): boolean => chosen === 'All' || chosen === division
  const buttons = divisions.map((name) => `<button value="${name}" aria-pressed="${name === chosen}">${name}</button>`)
  const rows = projects.map(
    ({ name, division }) =>
      `<li data-division="${division}"${isShown(division) ? '' : ' hidden'}>${name} <small>${division}</small></li>`,
  )
  ctx.body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Projects</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
<main>
  <h1>Projects</h1>
  <div role="group" aria-label="Division">${buttons.join('')}</div>
  <ul>${rows.join('')}</ul>
  <footer>
    <span role="status">Open this page in a second tab, and choose a division.</span>
    <button id="restart">Restart the server</button>
  </footer>
</main>
${ctx.liveSession.embed()}
<script type="module" src="/page.js"></script>
</html>`
})

const host = process.env['HOST'] || '127.0.0.1' // by default, only for this machine
const io = new Server(app.listen(3000, host, () => console.log('http://localhost:3000')))
live.attach(io) // before your own io.use and io.on
