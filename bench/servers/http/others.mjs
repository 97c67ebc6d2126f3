// Other libraries, installed only for the bench, each set up as its own documentation says.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { connectRedis } from '../redis-client.mjs'
import { DAY, newApp, SECRET, stored } from './app.mjs'

const from = (folder) => {
  const { resolve } = createRequire(join(folder, 'package.json'))
  return (name) => import(pathToFileURL(resolve(name)).href)
}

export async function express({ folder }) {
  const { default: express } = await from(folder)('express')
  const app = express()
  app.get('/', (_, res) => res.send('hello'))
  return app
}

export async function expressSession({ folder, redis }) {
  const load = from(folder)
  const { default: express } = await load('express')
  const { default: session } = await load('express-session')
  const { RedisStore } = await load('connect-redis')
  const client = await connectRedis(redis)
  const app = express()
  const store = new RedisStore({ client, prefix: 'bench:' })
  app.use(session({ store, resave: false, saveUninitialized: false, secret: SECRET, cookie: { maxAge: DAY } }))
  app.get('/begin', (req, res) => {
    Object.assign(req.session, stored())
    res.send('begun')
  })
  app.get('/', (req, res) => res.send(req.session.registers[0][2]))
  return app
}

export async function ironSession({ folder }) {
  const { getIronSession } = await from(folder)('iron-session')
  const app = newApp()
  app.use(async (ctx) => {
    const session = await getIronSession(ctx.req, ctx.res, { password: SECRET, cookieName: 'iron' })
    if (ctx.path === '/begin') {
      Object.assign(session, stored())
      await session.save()
    }
    ctx.body = session.registers[0][2]
  })
  return app.callback()
}

/** With its cookie cache, so that a read needs no database query. */
export async function betterAuth({ folder }) {
  const load = from(folder)
  const { betterAuth } = await load('better-auth')
  const { memoryAdapter } = await load('better-auth/adapters/memory')
  const auth = betterAuth({
    secret: SECRET,
    baseURL: 'http://127.0.0.1',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    // Fast sign-ups, as the bench measures only reads.
    emailAndPassword: { enabled: true, password: { hash: async (text) => text, verify: async () => true } },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    session: { cookieCache: { enabled: true, maxAge: DAY / 1000 } },
  })
  let visitors = 0
  const app = newApp()
  app.use(async (ctx) => {
    if (ctx.path === '/begin') {
      visitors += 1
      const body = { name: 'Ann', email: `ann${visitors}@example.com`, password: 'password' }
      const { headers } = await auth.api.signUpEmail({ body, returnHeaders: true })
      ctx.set('Set-Cookie', headers.getSetCookie())
      ctx.body = 'begun'
      return
    }
    const { user } = await auth.api.getSession({ headers: new Headers({ cookie: ctx.headers.cookie }) })
    ctx.body = user.name
  })
  return app.callback()
}
