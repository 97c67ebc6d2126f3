import { createServer } from 'node:http'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { createLiveSession } from 'koa-live-session/client'
import { Server } from 'socket.io'
import { renderToString } from 'vue/server-renderer'
import { createAssets } from '../server/assets.js'
import { serve } from '../server/lifecycle.js'
import { policy } from '../server/policy.js'
import { restart } from '../server/restart.js'
import { readSecret } from '../server/secret.js'
import { shell } from '../server/shell.js'
import { fields } from './fields.js'
import { createApp } from './page.js'

const folder = new URL('.', import.meta.url)
const app = new Koa({ keys: [await readSecret(folder)] })
const live = liveSession(app, { fields })

app.use(policy)
app.use(await createAssets(folder))
app.use(live.middleware())
app.use(live.sameOrigin())
app.use(async (ctx) => {
  const { liveSession, method, path, response } = ctx
  if (method === 'POST' && path === '/restart') return restart(ctx)
  if (path !== '/') return
  // A client for each request, with this visitor's values.
  const page = createLiveSession({ initial: liveSession.snapshot() })
  response.body = shell('Reading', await renderToString(createApp(page)), liveSession.embed())
  page.close()
})

const http = createServer(app.callback())
const io = new Server(http)
live.attach(io)
serve(http, io, live)
