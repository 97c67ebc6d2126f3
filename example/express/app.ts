import { createServer } from 'node:http'
import express from 'express'
import session from 'express-session'
import type { Store } from 'koa-live-session'
import { Server } from 'socket.io'
import { addLive } from './live.js'
import { page } from './page.js'
import { sessionsIn } from './sessions.js'
import { signIn } from './sign-in.js'

/** The app on a server that does not listen yet, with stores in production. */
export function createApp(secret: string, store?: Store, sessionStore: session.Store = new session.MemoryStore()) {
  const app = express()
  const http = createServer(app)
  const io = new Server(http)
  const live = addLive(app, io, sessionsIn(sessionStore, secret), secret, store)

  app.get('/', (req, res) => void res.send(page(req.liveSession)))
  app.post('/empty', async (req, res) => {
    await req.liveSession.delete('cart')
    res.redirect('/')
  })
  app.use(signIn)
  return { app, http, io, live }
}
