import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import type { App } from '../support/app/app.js'
import { AuthStore, identify, pages } from '../support/app/auth.js'
import { Gate } from '../support/app/gate.js'
import { RawPolling } from '../support/app/raw-polling.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { set, startWithUsers } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

interface Slow {
  readonly app: App
  /** Holds up what goes on after `leave()` or `identify()`. */
  readonly gate: Gate
  readonly handshakes: Handshakes
  /** How many sockets there are at the moment at which they resolve. */
  readonly sockets: () => number
}

/** Holds up `identify` of the handshakes that come while it is told to. */
class Handshakes {
  #gate: Gate | undefined
  #count = 0
  #arrived: (() => void)[] = []

  hold(): void {
    this.#gate = new Gate()
  }

  release(): void {
    this.#gate?.open()
  }

  async held(count: number): Promise<void> {
    while (this.#count < count) await new Promise<void>((resolve) => this.#arrived.push(resolve))
  }

  readonly identify = async (ctx: Koa.Context): Promise<unknown> => {
    const user = identify?.(ctx)
    if (!this.#gate || !ctx.path.startsWith('/socket.io')) return user
    this.#count += 1
    for (const arrived of this.#arrived.splice(0)) arrived()
    await this.#gate.pass()
    return user
  }
}

/** An app whose requests with `slow` go on for long after they have signed in or out. */
async function start(): Promise<Slow> {
  const gate = new Gate()
  const handshakes = new Handshakes()
  let sockets = -1
  const app: App = await startWithUsers({
    store: new AuthStore(),
    options: { identify: handshakes.identify } as never,
    routes: async (ctx, next) => {
      await pages(ctx, next)
      if (!ctx.query['slow']) return
      sockets = app.io.sockets.sockets.size
      await gate.pass()
    },
  })
  return { app, gate, handshakes, sockets: () => sockets }
}

/** The cookies of the app's own session alone. */
const sessionOf = ({ cookie }: Visitor): string => {
  const pairs = cookie.split('; ').filter((pair) => pair.startsWith('app'))
  return pairs.join('; ')
}

const CHANGES: readonly (readonly [string, string])[] = [
  ['leave()', '/logout/leave?slow=1'],
  ['identify() at a sign-out', '/logout/now?slow=1'],
  ['identify() as another user', '/login/now?user=bob&slow=1'],
]

describe('threat 48: a handler that goes on after it has signed a browser in or out', () => {
  it.each(CHANGES)('has closed its sockets when %s resolves', async (_, path) => {
    const { app, gate, sockets } = await start()
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    const [one, two] = [await ann.connect(), await RawPolling.enter(app.url, ann.cookie)]
    const answer = ann.fetch(path)
    await gate.entered
    expect([sockets(), app.io.engine.clientsCount]).toEqual([0, 0])
    await one.closed
    expect((await two.fetch()).status).toBe(400)
    gate.open()
    expect((await answer).status).toBe(200)
  })

  it('has closed those of a guest who signs in', async () => {
    const { app, gate, sockets } = await start()
    const guest = app.visitor()
    await set(guest, { division: 1 })
    const socket = await guest.connect()
    const answer = guest.fetch('/login/now?user=ann&slow=1')
    await gate.entered
    expect(sockets()).toBe(0)
    await socket.closed
    gate.open()
    await answer
  })

  it.each(CHANGES)('has no POST of the browser bring another cookie meanwhile, after %s', async (_, path) => {
    const { app, gate } = await start()
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    const answer = ann.fetch(path)
    await gate.entered
    const early = await ann.store()
    expect([early.status, early.headers.get('retry-after'), early.headers.getSetCookie()]).toEqual([429, '1', []])
    gate.open()
    await answer
    expect((await ann.store()).status).toBe(200)
  })

  it.each(CHANGES)('lets nothing in meanwhile that brings the former cookie, after %s', async (_, path) => {
    const { app, gate } = await start()
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    const answer = ann.fetch(path)
    await gate.entered
    const back = await RawSocket.open(app.url, { cookie: ann.cookie, origin: app.url })
    back.send('40')
    await (await app.live.user('ann')).set('division', 66)
    await back.closed
    expect(back.received.filter((text) => text.startsWith('4'))).toEqual([])
    gate.open()
    await answer
  })

  it.each(CHANGES)('ends what has come in meanwhile as the former user without a cookie, after %s', async (_, path) => {
    const { app, gate } = await start()
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    const session = app.visitor(sessionOf(ann))
    const answer = ann.fetch(path)
    await gate.entered
    const meanwhile = await session.connect()
    gate.open()
    await answer
    await meanwhile.closed
  })

  it.each(CHANGES)(
    'lets in nothing that asked before the answer was out, and hears after it, after %s',
    async (_, path) => {
      const { app, gate, handshakes } = await start()
      const ann = app.visitor()
      await ann.fetch('/login/now?user=ann')
      const cookies = [ann.cookie, sessionOf(ann)]
      const answer = ann.fetch(path)
      await gate.entered
      handshakes.hold()
      const asking = cookies.map(async (cookie) => {
        const socket = await RawSocket.open(app.url, { cookie, origin: app.url })
        socket.send('40')
        return socket
      })
      const sockets = await Promise.all(asking)
      await handshakes.held(sockets.length)
      gate.open()
      await answer
      handshakes.release()
      for (const socket of sockets) {
        await socket.closed
        expect(socket.received.filter((text) => text.startsWith('4'))).toEqual([])
      }
    },
  )

  it('leaves the user\u2019s other browsers alone that were there before', async () => {
    const { app, gate } = await start()
    const [ann, other] = [app.visitor(), app.visitor()]
    for (const visitor of [ann, other]) await visitor.fetch('/login/now?user=ann')
    const socket = await other.connect()
    const answer = ann.fetch('/logout/leave?slow=1')
    await gate.entered
    gate.open()
    await answer
    expect(await socket.change('division', 2)).toHaveProperty('stamp')
  })

  it('lets the former id be given up for good once the answer is out', async () => {
    const { app, gate } = await start()
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    const former = app.visitor(ann.cookie)
    const answer = ann.fetch('/logout/leave?slow=1')
    await gate.entered
    gate.open()
    await answer
    await expect(former.connect()).rejects.toMatchObject({ data: { code: 'other_subject' } })
  })
})

describe('threat 48: an answer whose body goes on for long', () => {
  afterEach(() => void jest.useRealTimers())

  /** Signs ann out in one browser, by an answer that goes on. */
  async function startStream() {
    const body = new PassThrough()
    let closed: Promise<unknown> = Promise.resolve()
    const app: App = await startWithUsers({
      store: new AuthStore(),
      routes: async (ctx, next) => {
        await pages(ctx, next)
        if (!ctx.query['stream']) return
        closed = once(ctx.res, 'close')
        body.write('data: 1\n\n')
        ctx.body = body
      },
    })
    const [ann, other] = [app.visitor(), app.visitor()]
    for (const visitor of [ann, other]) await visitor.fetch('/login/now?user=ann')
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] })
    const answer = await ann.fetch('/logout/leave?stream=1')
    const end = async (): Promise<void> => {
      body.end()
      await Promise.all([answer.text(), closed])
    }
    return { other, end }
  }

  it('leaves what the user opens elsewhere alone, once its headers have arrived', async () => {
    const { other, end } = await startStream()
    jest.advanceTimersByTime(5000)
    const socket = await other.connect()
    await end()
    expect(await Promise.race([socket.closed, socket.change('division', 2)])).toHaveProperty('stamp')
  })

  it('ends what came in as the former user while its headers were under way, without waiting for its end', async () => {
    const { other, end } = await startStream()
    const socket = await other.connect()
    jest.advanceTimersByTime(5000)
    await socket.closed
    await end()
  })

  it('does so at its end, where that comes first, and not again', async () => {
    const { other, end } = await startStream()
    const socket = await other.connect()
    await end()
    await socket.closed
    const next = await other.connect()
    jest.advanceTimersByTime(5000)
    expect(await Promise.race([next.closed, next.change('division', 2)])).toHaveProperty('stamp')
  })
})

describe('a page whose socket is open while it', () => {
  it('signs in by fetch, slowly, ends up as the user', async () => {
    const { app, gate } = await start()
    const visitor = app.visitor()
    await set(visitor, { cart: ['a'] })
    const page = await visitor.open({ path: '/page' })
    await page.connected()
    const answer = visitor.fetch('/login/now?user=ann&slow=1')
    await gate.entered
    const lost = new Promise((resolve) => page.socket.once('disconnect', resolve))
    if (page.socket.connected) await lost
    gate.open()
    await answer
    await page.connected()
    await page.live.set('division', 5)
    expect((await app.live.user('ann')).get('division')).toBe(5)
    expect(page.live.get('cart')).toEqual(['a'])
    expect([...app.io.sockets.sockets.values()].map((socket) => socket.liveSession.userId)).toEqual(['ann'])
  })

  it('signs out by fetch, slowly, ends up as a guest', async () => {
    const { app, gate } = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    await set(visitor, { division: 3 })
    const page = await visitor.open({ path: '/page' })
    await page.connected()
    const answer = visitor.fetch('/logout/leave?slow=1')
    await gate.entered
    const lost = new Promise((resolve) => page.socket.once('disconnect', resolve))
    if (page.socket.connected) await lost
    gate.open()
    await answer
    await page.connected()
    await page.live.ready
    expect([...app.io.sockets.sockets.values()].map((socket) => socket.liveSession.userId)).toEqual([undefined])
    expect(page.live.get('division')).toBe(-1)
  })
})
