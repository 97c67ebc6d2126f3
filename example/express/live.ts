// live.ts
import { ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import type { Express as ExpressApp, Request, RequestHandler, Response } from 'express'
import type {} from 'express-session'
import Koa from 'koa'
import { liveSession, type RequestSession, type Store } from 'koa-live-session'
import type { Server } from 'socket.io'
import { fields } from './fields.js'

/** Adds `req.liveSession` to the routes that follow and to logs, and `socket.liveSession`. */
export function addLive(app: ExpressApp, io: Server, sessions: RequestHandler, secret: string, store?: Store) {
  const koa = new Koa({ keys: [secret] }) // never listens
  const live = liveSession(koa, { fields, store, identify: ({ req }) => (req as Request).session?.userId })
  const [values, sameOrigin] = [live.middleware(), live.sameOrigin()]
  const contexts = new WeakMap<object, Koa.Context>()
  const enter: Koa.Middleware = (ctx, next) => {
    contexts.set(ctx.req, ctx)
    return values(ctx, next)
  }
  koa.use(enter)
  Object.defineProperty(app.request, 'liveSession', {
    get(this: Request) {
      return (contexts.get(this) ?? koa.createContext(this, new ServerResponse(this).end())).liveSession
    },
  })

  app.use(sessions)
  app.all('/store_session', koa.callback()) // before express.json()
  app.use(async (req, res, next) => {
    const ctx = koa.createContext(req, res)
    await enter(ctx, () => sameOrigin(ctx, async () => undefined))
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
      readonly liveSession: RequestSession
    }
  }
}
