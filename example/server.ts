import { createServer } from 'node:http'
import Router from '@koa/router'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { Server } from 'socket.io'
import { fields } from './fields.js'
import { accountSession, addAccount, signedIn } from './server/account.js'
import { createAssets } from './server/assets.js'
import { addChoices } from './server/choices.js'
import { addDevices, browserOf } from './server/devices.js'
import { addHood, serveFlow } from './server/hood.js'
import { addInspector } from './server/inspector.js'
import { serve } from './server/lifecycle.js'
import { joinCluster } from './server/node.js'
import { addPages, notFound, serveViews } from './server/pages.js'
import { policy } from './server/policy.js'
import { readSecret } from './server/secret.js'
import { serveSignIn } from './server/sign-in.js'
import { serveViewers } from './server/viewers.js'

// The build puts this file and its assets into the same folder.
const folder = new URL('.', import.meta.url)
const app = new Koa({ keys: [await readSecret(folder)] })
// A node if started by cluster.mjs, otherwise a single process.
const node = await joinCluster()
const live = liveSession(app, {
  fields,
  identify: (ctx) => signedIn(ctx)?.id,
  deviceLabel: browserOf,
  ...(node && { store: node.store }),
})
// Without a store, keep sessions in the cookie: memory would lose them at each restart.
const account = accountSession(app, node && live.sessionStore())

const router = new Router()
addPages(router)
addChoices(router)
addAccount(router, node !== undefined)
addDevices(router, live, node !== undefined)
addHood(router, live, node)

app.use(policy)
app.use(await createAssets(folder))
app.use(account)
app.use(live.middleware())
app.use(live.sameOrigin())
app.use(router.routes())
app.use(notFound)

const http = createServer(app.callback())
const io = new Server(http)
node?.connect(io)
live.attach(io, { handshake: account })
io.on('connection', serveViews)
io.on('connection', serveSignIn)
io.on('connection', serveFlow)
serveViewers(io, live)

serve(http, io, live, (url) => addInspector(router, live, url))
