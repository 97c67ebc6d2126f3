import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from '@jest/globals'
import express, { type RequestHandler, Router } from 'express'
import session from 'express-session'
import { Server } from 'socket.io'
import { SECRET } from '../support/app/app.js'
import { Visitor } from '../support/app/visitor.js'

/** Loaded at runtime: its fields must not become the fields of all tests. */
const LIVE: string = '../../example/express/live.js'

/** Names the user, as `passport.session()` does, after the session is there. */
const nameUser: RequestHandler = ({ session, headers }, _, next) => {
  Object.assign(session, { userId: headers['x-user'] })
  next()
}

it('runs the handlers of an Express Router in requests and handshakes', async () => {
  const { addLive } = await import(LIVE)
  const app = express()
  const http = createServer(app)
  const io = new Server(http)
  const sessions = session({ secret: SECRET, resave: false, saveUninitialized: false })
  const live = addLive(app, io, Router().use(sessions, nameUser), SECRET)
  app.get('/', (req, res) => void res.send(Reflect.get(req, 'liveSession').userId))
  const connected = once(io, 'connection')
  await once(http.listen(0, '127.0.0.1'), 'listening')
  const visitor = new Visitor(`http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  try {
    expect(await (await visitor.fetch('/', { headers: { 'x-user': 'ann' } })).text()).toBe('ann')
    await visitor.connect('/', { 'x-user': 'ann' })
    expect((await connected)[0].liveSession.userId).toBe('ann')
  } finally {
    visitor.leave()
    await live.close()
    http.closeAllConnections()
    await io.close()
  }
})
