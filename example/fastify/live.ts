import { type IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import Koa from 'koa'
import { liveSession, type RequestSession, type Store } from 'koa-live-session'
import type { Server } from 'socket.io'
import { fields } from './fields.js'

type WithSession = Partial<Pick<FastifyRequest, 'session'>>

/** Adds `request.liveSession` to routes and logs, and `socket.liveSession`. Register @fastify/cookie and @fastify/session first. */
export function addLive(app: FastifyInstance, io: Server, secret: string, store?: Store) {
  const koa = new Koa({ keys: [secret] }) // never listens
  const requests = new WeakMap<IncomingMessage, WithSession>()
  const live = liveSession(koa, { fields, store, identify: ({ req }) => requests.get(req)?.session?.userId })
  const [values, sameOrigin] = [live.middleware(), live.sameOrigin()]
  const contexts = new WeakMap<IncomingMessage, Koa.Context>()
  const enter: Koa.Middleware = (ctx, next) => {
    contexts.set(ctx.req, ctx)
    return values(ctx, next)
  }
  koa.use(enter)
  const answer = koa.callback()

  app.decorateRequest('liveSession', {
    getter() {
      return (contexts.get(this.raw) ?? koa.createContext(this.raw, new ServerResponse(this.raw).end())).liveSession
    },
  })
  app.addHook('onRequest', async (request, reply) => {
    requests.set(request.raw, request)
    const ctx = koa.createContext(request.raw, reply.raw)
    if (ctx.path === '/store_session') {
      reply.hijack() // before Fastify reads the body
      return answer(request.raw, reply.raw)
    }
    await enter(ctx, () => sameOrigin(ctx, async () => undefined))
  })
  live.attach(io, {
    handshake: async (ctx, next) => {
      const { sessionId = '' } = app.parseCookie(ctx.get('Cookie'))
      const own: WithSession = {}
      await promisify(app.decryptSession<WithSession>)(sessionId, own)
      requests.set(ctx.req, own)
      await next()
    },
  })
  return live
}

declare module 'fastify' {
  interface Session {
    userId?: string
  }
  interface FastifyRequest {
    readonly liveSession: RequestSession
  }
}
