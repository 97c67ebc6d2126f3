// server.ts
import { readFileSync } from 'node:fs'
import Koa from 'koa'
import { Server } from 'socket.io'
import { liveSession } from 'koa-live-session'
import { fields } from './fields.js'
const script = readFileSync('browser.js')                                 // esbuild makes it of browser.ts
const app = new Koa({ keys: [process.env['SECRET'] ?? ''] })              // 32 bytes or more
const live = liveSession(app, { fields })                                 // identify: (ctx) => ... once you have users
app.use(live.middleware())                                                // after your auth, before your routes
app.use((ctx) => {
  if (ctx.path === '/browser.js') { ctx.type = 'js'; ctx.body = script; return }
  ctx.body = `<!doctype html><output>${ctx.liveSession.get('division')}</output> <button>next</button>
    ${ctx.liveSession.embed()}<script type="module" src="/browser.js"></script>`
})
live.attach(new Server(app.listen(3000, () => console.log('http://localhost:3000'))))
