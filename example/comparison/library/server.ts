import { createServer } from 'node:http'
import Router from '@koa/router'
import Koa from 'koa'
import { Server } from 'socket.io'
import { bodyOf, userIn } from '../body.js'
import { adapter, listen, script } from '../node.js'
import { view } from '../view.js'
import { signIn, signOutEverywhere, visitorsOf } from './state/visitors.js'

const app = new Koa({ keys: [process.env['SECRET'] ?? ''] })
const visitors = visitorsOf(app)
const router = new Router()

router.get('/', (ctx) => {
  const { liveSession } = ctx
  const filter = { region: liveSession.get('region'), size: liveSession.get('size') }
  ctx.body = view(filter, ctx.session?.user !== undefined, liveSession.embed())
})
router.post('/sign-in', async (ctx) => {
  await signIn(ctx, await userIn(ctx), visitors)
  ctx.redirect('/')
})
router.post('/sign-out', async (ctx) => {
  await bodyOf(ctx)
  await signOutEverywhere(ctx, visitors)
  ctx.redirect('/')
})

app.use(script)
for (const middleware of visitors.auth) app.use(middleware)
app.use(visitors.live.middleware())
app.use(router.routes())

const http = createServer(app.callback())
const io = new Server(http, { adapter })
visitors.live.attach(io, { handshake: visitors.auth })
listen(http)
