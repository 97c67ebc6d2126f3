// An app, a browser with its cookies, and a page: the trips of a visitor.
import { once } from 'node:events'
import Koa from 'koa'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import { z } from 'zod'

const { fetch: platformFetch } = globalThis
/** ms to wait after an answer for the work that follows: saves, timers, closing sockets. */
const QUIET = 400

/** Calls `trip(name, act)` for each trip, in order. `library`: the modules of the library. */
export async function visit(library, store, trip) {
  const { app, server, live } = await startApp(library, store)
  const url = `http://127.0.0.1:${server.address().port}`
  const browser = new Browser(url)
  const get = async (path) => (await browser.fetch(path)).text()
  const quietTrip = async (name, act) => {
    await quiet()
    await trip(name, async () => {
      await act()
      await quiet()
    })
  }

  for (const path of ['/', '/get', '/get']) await get(path)
  await quietTrip('warm `get`', () => get('/get'))
  await quietTrip('`ctx.liveSession.set`', () => get('/set'))

  const initial = JSON.parse(await get('/'))
  const socket = io(url, { transports: ['websocket'], extraHeaders: browser.headers() })
  const endpoint = `${url}/store_session`
  globalThis.fetch = browser.fetch
  const page = library.createLiveSession({ socket, initial, endpoint })
  await once(socket, 'connect')
  await quiet()
  await page.set('division', 1)
  await quiet()
  await quietTrip('page `set` until saved', () => page.set('division', 7))
  await quietTrip('page `update` until saved', () => page.update('division', (division) => division + 1))
  await quietTrip("socket handler's `set`", () => socket.emitWithAck('choose', 9))
  page.close()
  socket.close()
  await quietTrip('sign-in', () => get('/sign-in'))

  await live.close()
  await app.close()
}

async function startApp({ defineFields, liveSession }, store) {
  const fields = defineFields({
    division: { schema: z.number().int(), default: -1, client: 'write' },
    cart: { schema: z.array(z.string()), default: [], client: 'write', onLogin: (guest, user) => [...guest, ...user] },
  })
  const koa = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
  const session = { user: undefined }
  const live = liveSession(koa, { fields, identify: () => session.user, ...(store && { store }) })
  koa.use(live.middleware())
  koa.use(async (ctx) => {
    ctx.body = 'done'
    if (ctx.path === '/get') ctx.body = String(ctx.liveSession.get('division'))
    else if (ctx.path === '/set') await ctx.liveSession.set('division', 5)
    else if (ctx.path === '/sign-in') {
      session.user = 'ann'
      await ctx.liveSession.identify()
    } else ctx.body = JSON.stringify(ctx.liveSession.snapshot())
  })
  const server = koa.listen(0, '127.0.0.1')
  const sockets = new Server(server)
  live.attach(sockets, { handshake: [] })
  sockets.on('connection', (socket) => {
    socket.on('choose', async (division, done) => {
      await socket.liveSession.set('division', division)
      done()
    })
  })
  await once(server, 'listening')
  return { app: sockets, server, live }
}

/** Sends its cookies with each request, and keeps those of the answers. */
class Browser {
  #url
  #cookies = new Map()

  constructor(url) {
    this.#url = url
  }

  headers() {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return { origin: this.#url, ...(cookie !== '' && { cookie }) }
  }

  fetch = async (path, init) => {
    const response = await platformFetch(new URL(path, this.#url), {
      ...init,
      headers: { ...init?.headers, ...this.headers() },
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair] = line.split(';')
      const at = pair.indexOf('=')
      if (/expires=Thu, 01 Jan 1970/i.test(line)) this.#cookies.delete(pair.slice(0, at))
      else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
    return response
  }
}

function quiet() {
  return new Promise((resolve) => setTimeout(resolve, QUIET))
}
