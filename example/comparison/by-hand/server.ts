import { createServer } from 'node:http'
import Router from '@koa/router'
import Koa from 'koa'
import { Server } from 'socket.io'
import { bodyOf, userIn } from '../body.js'
import { adapter, listen, redis, script } from '../node.js'
import { view } from '../view.js'
import { Accounts } from './state/accounts.js'
import { auth, sessionOf } from './state/session.js'
import { attach } from './state/sockets.js'
import { filterOf, signIn, signOutEverywhere, store } from './state/visitors.js'

const app = new Koa({ keys: [process.env['SECRET'] ?? ''] })
const accounts = new Accounts(redis)
const visitors = auth(app, accounts)
const router = new Router()
const io = new Server({ adapter })

router.get('/', async (ctx) => {
  const session = sessionOf(ctx)
  ctx.body = view(await filterOf(session, accounts), session.user !== undefined)
})
router.post('/store_session', async (ctx) => store(ctx, await bodyOf(ctx)))
router.post('/sign-in', async (ctx) => {
  await signIn(ctx, await userIn(ctx), accounts, io)
  ctx.redirect('/')
})
router.post('/sign-out', async (ctx) => {
  await bodyOf(ctx)
  await signOutEverywhere(ctx, accounts, io)
  ctx.redirect('/')
})

app.use(script)
app.use(visitors)
app.use(router.routes())
attach(io, app, visitors, accounts)

const http = createServer(app.callback())
io.attach(http)
listen(http)
