import { once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import cookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import { describe, expect, it, jest } from '@jest/globals'
import express, { type ErrorRequestHandler } from 'express'
import session from 'express-session'
import Fastify from 'fastify'
import type { LiveSessionPlugin, RequestSession } from 'koa-live-session'
import { Server } from 'socket.io'
import { SECRET } from '../support/app/app.js'
import { awaited } from '../support/app/awaited.js'
import { Visitor } from '../support/app/visitor.js'

interface Running {
  readonly http: HttpServer
  readonly io: Server
  readonly live: LiveSessionPlugin
}
type Log = (request: object, isLast?: true) => void

const REFUSAL = Object.assign(new Error('an expired token'), { status: 401, statusCode: 401 })

/** Loads an example's `addLive` at runtime: its fields must not become the fields of all tests. */
const addLiveOf = async (folder: string) => (await import(`../../example/${folder}/live.js`)).addLive

const START: Readonly<Record<string, (log: Log) => Promise<Running>>> = {
  'Express 5': async (log) => {
    const app = express()
    const http = createServer(app)
    const io = new Server(http)
    app.set('env', 'test') // without a log of its own
    app.use((req, res, next) => {
      res.once('finish', () => log(req, true))
      next(req.path === '/refused' ? REFUSAL : undefined)
    })
    const sessions = session({ secret: SECRET, resave: false, saveUninitialized: false })
    const live = (await addLiveOf('express'))(app, io, sessions, SECRET)
    app.get('/', (_, res) => void res.send('a page'))
    app.get('/broken', () => Promise.reject(new Error('of the route')))
    app.use(((error, req, _, next) => {
      log(req)
      next(error)
    }) satisfies ErrorRequestHandler)
    return { http, io, live }
  },
  'Fastify 5': async (log) => {
    const app = Fastify()
    const io = new Server(app.server)
    app.addHook('onRequest', async (request, { raw }) => {
      raw.once('finish', () => log(request, true))
      if (request.url === '/refused') throw REFUSAL
    })
    await app.register(cookie)
    await app.register(fastifySession, { secret: SECRET, saveUninitialized: false })
    const live = (await addLiveOf('fastify'))(app, io, SECRET)
    app.get('/', async () => 'a page')
    app.get('/broken', () => Promise.reject(new Error('of the route')))
    app.setErrorHandler((error, request, reply) => {
      log(request)
      return reply.send(error)
    })
    await app.ready()
    return { http: app.server, io, live }
  },
}

describe.each(Object.entries(START))('logs of requests and errors in %s', (_, start) => {
  it.each([
    ['a page', '/', 200, ['dark']],
    ['an unknown path', '/nowhere', 404, ['dark']],
    ["a page's POST", '/store_session', 200, ['dark']],
    ['a failed route', '/broken', 500, ['dark', 'dark']],
    ['a request refused before', '/refused', 401, ['light', 'light']],
  ])('read the values of %s', async (__, path, status, themes) => {
    jest.spyOn(console, 'warn').mockReturnValue()
    const reads: unknown[] = []
    let end: () => void = () => undefined
    const { http, io, live } = await start((request, isLast) => {
      try {
        reads.push((request as { readonly liveSession: RequestSession }).liveSession.get('theme' as never))
      } catch (error) {
        reads.push(error)
      }
      if (isLast) end()
    })
    await once(http.listen(0, '127.0.0.1'), 'listening')
    const visitor = new Visitor(`http://127.0.0.1:${(http.address() as AddressInfo).port}`)
    try {
      await visitor.store({ set: [['theme', -1, '', 'dark']] })
      reads.length = 0
      const ended = new Promise<void>((resolve) => {
        end = resolve
      })
      const answer = path === '/store_session' ? await visitor.store() : await visitor.fetch(path)
      await awaited('the log', ended)
      expect([answer.status, reads]).toEqual([status, themes])
    } finally {
      await live.close()
      http.closeAllConnections()
      await io.close()
    }
  })
})
