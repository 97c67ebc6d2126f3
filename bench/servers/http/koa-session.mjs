import session from 'koa-session'
import { connectRedis } from '../redis-client.mjs'
import { DAY, newApp, stored } from './app.mjs'

function app(options) {
  const app = newApp()
  return app.use(session({ maxAge: DAY, ...options }, app))
}

function read(app) {
  app.use((ctx) => {
    if (ctx.path === '/begin') Object.assign(ctx.session, stored())
    ctx.body = ctx.session.registers[0][2]
  })
  return app.callback()
}

export const inCookie = () => read(app({}))

export async function inRedis({ redis }) {
  const client = await connectRedis(redis)
  const store = {
    get: async (key) => JSON.parse((await client.get(key)) ?? 'null'),
    set: (key, value, ms) => client.set(key, JSON.stringify(value), { PX: ms }),
    destroy: (key) => client.del(key),
  }
  return read(app({ store }))
}

/** koa-session runs, but the request does not use `ctx.session`. */
export function present() {
  const present = app({})
  present.use((ctx) => {
    ctx.body = 'hello'
  })
  return present.callback()
}
