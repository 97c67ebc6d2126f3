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
  // A late response would store a session again that has ended meanwhile.
  app.addHook('onSend', async (request) => {
    const { sessionId, encryptedSessionId } = request.session ?? {}
    if (!sessionId || request.cookies['sessionId'] !== encryptedSessionId) return
    const stored = await new Promise((resolve, reject) =>
      sessionStore.get(sessionId, (error, found) => (error ? reject(error) : resolve(found))),
    )
    if (!stored) Object.assign(request, { session: null })
  })
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
