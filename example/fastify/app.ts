import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify from 'fastify'
import type { Store } from 'koa-live-session'
import { Server } from 'socket.io'
import { addLive } from './live.js'
import { page } from './page.js'

/** The app, which must be ready before its server listens, with stores in production. */
export async function createApp(secret: string, store?: Store, sessionStore = new session.MemoryStore()) {
  const app = Fastify()
  const io = new Server(app.server)
  await app.register(cookie)
  const options = { sameSite: 'lax', secure: 'auto' } as const
  await app.register(session, { secret, store: sessionStore, cookie: options, saveUninitialized: false })
  const live = addLive(app, io, secret, store)

  app.addContentTypeParser('application/x-www-form-urlencoded', async () => undefined) // yours: @fastify/formbody
  app.get('/', async ({ liveSession }, reply) => reply.type('text/html').send(page(liveSession)))
  app.post('/empty', async ({ liveSession }, reply) => {
    await liveSession.delete('cart')
    return reply.redirect('/')
  })
  app.post('/sign-in', async (request, reply) => {
    await request.session.regenerate() // makes a planted id worthless
    request.session.userId = 'ann' // yours: checks the password
    await request.liveSession.identify()
    return reply.redirect('/')
  })
  app.post('/sign-out', async ({ session, liveSession }, reply) => {
    await session.destroy()
    await liveSession.leave()
    return reply.redirect('/')
  })
  return { app, http: app.server, io, live }
}
