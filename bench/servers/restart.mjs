// The server that is restarted: `restart.mjs bare|live <port>`, with a free port.
import { createServer } from 'node:http'
import Koa from 'koa'
import session from 'koa-session'
import { Server } from 'socket.io'

const SECRET = 'a secret of at least thirty-two bytes'
const [mode, port] = process.argv.slice(2)

if (mode === 'live') {
  const { startLive } = await import('./sockets/app.mjs')
  const { app, live } = startLive()
  const http = createServer(app.callback())
  live.attach(new Server(http, { serveClient: false }))
  http.listen(Number(port), '127.0.0.1')
} else {
  const app = new Koa({ keys: [SECRET] })
  app.use(session(app))
  app.use((ctx) => {
    if (ctx.path === '/begin') ctx.session.division = 0
    ctx.body = String(ctx.session.division)
  })
  const http = createServer(app.callback())
  new Server(http, { serveClient: false })
  http.listen(Number(port), '127.0.0.1')
}
process.on('disconnect', () => process.exit())
