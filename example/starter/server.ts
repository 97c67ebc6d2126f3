// server.ts
import { readFileSync } from 'node:fs'
import Koa from 'koa'
import { Server } from 'socket.io'
import { liveSession } from 'koa-live-session'
import { fields } from './fields.js'
const script = readFileSync('browser.js')                                 // esbuild bundles hook.ts or browser.ts into it
const app = new Koa({ keys: [process.env['SECRET'] ?? ''] })              // 32 bytes or more
const live = liveSession(app, { fields })                                 // identify: (ctx) => ... once you have users
app.use(live.middleware())                                                // after your auth, before your routes
app.use((ctx) => {
  if (ctx.path === '/browser.js') { ctx.type = 'js'; ctx.body = script; return }
  ctx.body = `<!doctype html><output>${ctx.liveSession.get('division')}</output> <button>next</button>${ctx.liveSession.embed()}<script type="module" src="/browser.js"></script>`
})
const io = new Server(app.listen(3000, () => console.log('http://localhost:3000')))
live.attach(io)                                                           // before your own io.use and io.on
io.on('connection', (socket) => {                                         // for the first way; the second needs no handler
  socket.liveSession.subscribe('division', (division) => socket.emit('division', division)) // at once, and after each change
  socket.on('next', () => socket.liveSession.update('division', (division) => division + 1)) // a refusal goes to onError
})
