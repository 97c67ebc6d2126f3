// server.ts: a list with a filter
import { readFileSync } from 'node:fs'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { Server } from 'socket.io'
import { type Division, divisions, fields } from './fields.js'

const projects: readonly [name: string, division: Division][] = [
  ['Harbour, a documentary', 'Film'],
  ['A label for a bakery', 'Design'],
  ['Night of the museums', 'Events'],
  ['Titles for a series', 'Film'],
]
const script = readFileSync('page.js') // built from page.ts by esbuild

const app = new Koa({ keys: [process.env['SECRET'] ?? ''] }) // signs the cookie: 32 bytes or more
const live = liveSession(app, { fields }) // identify: (ctx) => ... once you have users
app.use(live.middleware()) // after your auth, before your routes

app.use((ctx) => {
  if (ctx.path === '/page.js') {
    ctx.type = 'js'
    ctx.body = script
  }
  if (ctx.path !== '/') return
  const chosen = ctx.liveSession.get('division') // right in the first HTML
  const buttons = divisions.map((name) => `<button value="${name}" aria-pressed="${name === chosen}">${name}</button>`)
  const rows = projects.map(([name, division]) => {
    const isShown = chosen === 'All' || chosen === division
    return `<li data-division="${division}"${isShown ? '' : ' hidden'}>${name}</li>`
  })
  ctx.body = `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">
    <title>Projects</title><link rel="icon" href="data:,">
    <style>
      :root { color-scheme: light dark; font: 18px/1.6 system-ui, sans-serif }
      main { max-width: 32rem; margin: 2rem auto; padding: 0 1rem }
      button { font: inherit; padding: 0.25rem 1rem }
      button[aria-pressed=true] { background: #0f766e; color: #fff }
    </style>
    <main><h1>Projects</h1> ${buttons.join(' ')} <ul>${rows.join('')}</ul> <p role="status"></p></main>
    ${ctx.liveSession.embed()}<script type="module" src="/page.js"></script>`
})

const http = app.listen(3000, '127.0.0.1', () => console.log('http://localhost:3000'))
const io = new Server(http)
live.attach(io) // before your own io.use and io.on
