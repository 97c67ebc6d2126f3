// live.ts
import { promisify } from 'node:util'
import type { Application, Request, RequestHandler, Response } from 'express'
import type {} from 'express-session'
import Koa from 'koa'
import { liveSession, type RequestSession, type Store } from 'koa-live-session'
import type { Server } from 'socket.io'
import { fields } from './fields.js'

/** Adds `req.liveSession` to the routes that follow, and `socket.liveSession`. */
export function addLive(app: Application, io: Server, sessions: RequestHandler, secret: string, store?: Store) {
  const koa = new Koa({ keys: [secret] }) // never listens
  const live = liveSession(koa, { fields, store, identify: ({ req }) => (req as Request).session?.userId })
  const [values, sameOrigin] = [live.middleware(), live.sameOrigin()]
  koa.use(values)

  app.use(sessions)
  app.all('/store_session', koa.callback()) // before express.json()
  app.use(async (req, res, next) => {
    const ctx = koa.createContext(req, res)
    await values(ctx, () => sameOrigin(ctx, async () => undefined))
    req.liveSession = ctx.liveSession
    next()
  })
  live.attach(io, {
    handshake: async ({ req, res }, next) => {
      await promisify(sessions)(req as Request, res as Response)
      await next()
    },
  })
  return live
}

declare module 'express-session' {
  interface SessionData {
    userId: string
  }
}
declare global {
  namespace Express {
    interface Request {
      liveSession: RequestSession
    }
  }
}
