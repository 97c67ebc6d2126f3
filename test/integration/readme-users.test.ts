import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from '@jest/globals'
import Router from '@koa/router'
import { transformSync } from 'esbuild'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import session from 'koa-session'
import { Server } from 'socket.io'
import { z } from 'zod'
import { AuthStore } from '../support/auth.js'
import { snippetUnder } from '../support/readme.js'
import { Visitor } from '../support/visitor.js'

const io = new Server()
afterEach(() => io.close())

const fields = defineFields({ division: { schema: z.number(), default: -1, client: 'write' } })

/** The app of the README, with some routes more. */
async function start(store: AuthStore | undefined): Promise<{ visitor: Visitor; errors: unknown[] }> {
  const errors: unknown[] = []
  const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
  app.on('error', (error) => errors.push(error))
  const router = new Router()
  const given = {
    app,
    io,
    router,
    fields,
    liveSession,
    session: (koa: Koa) => session(store ? { store } : {}, koa),
    check: async () => 'ann',
  }
  const { code } = transformSync(snippetUnder('Users'), { loader: 'ts' })
  new Function(...Object.keys(given), code)(...Object.values(given))
  router.post('/out', async (ctx) => {
    ctx['session'] = null
    await ctx['liveSession'].identify()
    ctx.body = ctx['liveSession'].get('division')
  })
  router.post('/set', async (ctx) => {
    await ctx['liveSession'].set('division', 5)
    ctx.body = 'set'
  })
  router.get('/', (ctx) => {
    ctx.body = String(ctx['liveSession'].get('division'))
  })
  app.use(async (ctx, next) => {
    await next()
    if (ctx.status === 404) ctx.status = 204
  })
  app.use(router.routes())
  const http = createServer(app.callback())
  io.attach(http)
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return { visitor: new Visitor(`http://127.0.0.1:${(http.address() as AddressInfo).port}`), errors }
}

it.each([
  ['the cookie', undefined],
  ['a store', new AuthStore()],
])('the users of the README sign in and out without an error, with their session in %s', async (_, store) => {
  const { visitor, errors } = await start(store)
  const post = async (path: string): Promise<number> => (await visitor.fetch(path, { method: 'POST' })).status
  const statuses: number[] = []
  for (const path of ['/login', '/set', '/logout', '/login', '/out', '/out', '/login', '/logout', '/logout'])
    statuses.push(await post(path))
  expect(errors).toEqual([])
  expect(statuses.filter((status) => status >= 400)).toEqual([])
  expect(await visitor.text('/')).toBe('-1')
  expect((await visitor.store()).status).toBe(200)
  await post('/login')
  expect(await visitor.text('/')).toBe('5')
})
