import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { Server } from 'socket.io'
import { z } from 'zod'
import { account, auth, identify } from '../app/auth.js'

const SECRET = 'a secret of at least thirty-two bytes'

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  cart: { schema: z.array(z.string()), default: [], client: 'write' },
  theme: { schema: z.string(), default: 'light', client: 'write', scope: 'browser' },
  role: { schema: z.string(), default: 'guest' },
  any: { schema: z.any(), default: 'nothing', client: 'write' },
})

/** A command of a test for a user's values, as a query. */
interface Action {
  readonly user: string
  readonly key: Exclude<keyof typeof fields, 'theme'>
  /** JSON; if it is left out, the key is deleted. */
  readonly value?: string
}

/** A node of an app. Tests talk to it only by HTTP and sockets, because it may be in another process. */
export interface NodeApp {
  readonly url: string
  stop(): Promise<void>
}

/** @param adapt gives the server its adapter, and resolves with a function to call when the server has ended */
export async function startNodeApp(adapt: (io: Server) => Promise<() => Promise<unknown>>): Promise<NodeApp> {
  const app = new Koa({ keys: [SECRET] })
  const live = liveSession(app, { fields, identify: identify as never })
  const session = auth(app)
  const merges: unknown[] = []
  app.use(session)
  app.use(live.middleware())
  app.use(async (ctx, next) => {
    const { user, key, value } = ctx.query as unknown as Action
    const handle = user === undefined ? undefined : await live.user(user)
    if (!ctx.path.startsWith('/node/') || !handle) return next()
    const act = ctx.path.slice('/node/'.length)
    if (act === 'set' && value === undefined) await handle.delete(key)
    else if (act === 'set') await handle.set(key, JSON.parse(value ?? '') as never)
    else if (act === 'revoke') await live.revoke(user)
    else if (act === 'erase') await live.erase(user)
    // Wait until the user has this value.
    else if (act === 'until') {
      ctx.body = await new Promise((resolve) => {
        const source = handle.inspect().get(key)?.source
        if (JSON.stringify(handle.get(key)) === value) return resolve({ source })
        handle.onChange((change) => change.key === key && JSON.stringify(change.value) === value && resolve(change))
      })
      return
    }
    ctx.body = act === 'merges' ? merges : { has: handle.has(key), value: handle.get(key) }
  })
  app.use(account)
  const http = createServer(app.callback())
  const io = new Server(http)
  const release = await adapt(io)
  live.attach(io, { handshake: [session] })
  io.on('live_session:merge', (...message: unknown[]) => merges.push(message))
  // Workers of a cluster would share the port.
  await new Promise<void>((resolve) => http.listen({ port: 0, host: '127.0.0.1', exclusive: true }, resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    async stop() {
      await live.close()
      http.closeAllConnections()
      await new Promise<void>((resolve) => void io.close(() => resolve()))
      await release()
    },
  }
}
