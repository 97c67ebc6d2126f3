// The restarted server: `restart.mjs bare|live <port>`, with a free port.
import { createServer } from 'node:http'
import Koa from 'koa'
import session from 'koa-session'
import { Server } from 'socket.io'

// A Standard Schema without a library: the load time of a schema library has nothing to do with sessions.
const validate = (value) => (typeof value === 'number' ? { value } : { issues: [{ message: 'not a number' }] })
const anyNumber = { '~standard': { version: 1, vendor: 'bench', validate } }
const SECRET = 'a secret of at least thirty-two bytes'
const [mode, port] = process.argv.slice(2)

const app = new Koa({ keys: [SECRET] })
app.use(session(app))
let live
if (mode === 'live') {
  const { liveSession } = await import('koa-live-session')
  const { defineFields } = await import('koa-live-session/fields')
  const fields = defineFields({ division: { schema: anyNumber, default: -1, client: 'write' } })
  live = liveSession(app, { fields })
  app.use(live.middleware())
  app.use((ctx) => {
    ctx.body = String(ctx.liveSession.get('division'))
  })
} else {
  app.use((ctx) => {
    if (ctx.path === '/begin') ctx.session.division = 0
    ctx.body = String(ctx.session.division)
  })
}
const http = createServer(app.callback())
const io = new Server(http, { serveClient: false })
live?.attach(io)
http.listen(Number(port), '127.0.0.1')
process.on('disconnect', () => process.exit())
