import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import type { App } from '../support/app/app.js'
import { AuthStore, identify, pages } from '../support/app/auth.js'
import { awaited, once } from '../support/app/awaited.js'
import { appOnly } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { RawPolling } from '../support/app/raw-polling.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { set, signedInAs, startWithUsers } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

interface Slow {
  readonly app: App
  /** Holds the response back after `leave()` or `identify()`. */
  readonly gate: Gate
  readonly handshakes: Handshakes
  /** The number of sockets when `leave()` or `identify()` resolves. */
  readonly sockets: () => number
}

/** Holds `identify` of handshakes back on demand. */
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
    while (this.#count < count)
      await awaited('a handshake', new Promise<void>((resolve) => this.#arrived.push(resolve)))
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

/** An app with slow responses to sign-ins and sign-outs with `?slow=1`. */
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

/** Returns only the cookies of the app's own session. */
const sessionOf = ({ cookie }: Visitor): string => {
  const pairs = appOnly(cookie)
  return pairs.join('; ')
}

const ANN = '/login/now?user=ann'
const CHANGES: readonly (readonly [string, string])[] = [
  ['leave()', '/logout/leave?slow=1'],
  ['identify() at a sign-out', '/logout/now?slow=1'],
  ['identify() as another user', '/login/now?user=bob&slow=1'],
]

/** Sends ann's request to end her session; the gate delays the response. */
async function startChange(path: string) {
  const slow = await start()
  const ann = await signedInAs(slow.app)
  const session = slow.app.visitor(sessionOf(ann))
  const answer = ann.fetch(path)
  await slow.gate.entered
  const finish = async (): Promise<void> => {
    slow.gate.open()
    await answer
  }
  return { ...slow, ann, session, finish }
}

describe('threat 48: a slow response after a sign-in or sign-out', () => {
  it.each([
    ...CHANGES.map(([name, path]) => [name, ANN, path] as const),
    ['identify() of a guest', '/set?values={"division":1}', '/login/now?user=ann&slow=1'] as const,
  ])('closes the browser\u2019s sockets before %s resolves', async (_, first, path) => {
    const { app, gate, sockets } = await start()
    const ann = app.visitor()
    await ann.fetch(first)
    const [one, two] = [await ann.connect(), await RawPolling.enter(app.url, ann.cookie)]
    const answer = ann.fetch(path)
    await gate.entered
    expect([sockets(), app.io.engine.clientsCount]).toEqual([0, 0])
    await one.closed
    expect((await two.fetch()).status).toBe(400)
    gate.open()
    expect((await answer).status).toBe(200)
  })

  it.each(CHANGES)('defers the browser\u2019s POSTs after %s', async (_, path) => {
    const { ann, finish } = await startChange(path)
    const early = await ann.store()
    expect([early.status, early.headers.get('retry-after'), early.headers.getSetCookie()]).toEqual([202, '1', []])
    await finish()
    expect((await ann.store()).status).toBe(200)
  })

  it.each(CHANGES)('refuses handshakes with the former cookie after %s', async (_, path) => {
    const { app, ann, finish } = await startChange(path)
    const back = await RawSocket.open(app.url, { cookie: ann.cookie, origin: app.url })
    back.send('40')
    await (await app.live.user('ann')).set('division', 66)
    await back.closed
    expect(back.received.filter((text) => text.startsWith('4'))).toEqual([])
    await finish()
  })

  it.each(CHANGES)('disconnects cookieless sockets of the former user after %s', async (_, path) => {
    const { session, finish } = await startChange(path)
    const meanwhile = await session.connect()
    await finish()
    await meanwhile.closed
  })

  it.each(CHANGES)('refuses handshakes that outlast the response to %s', async (_, path) => {
    const { app, ann, session, handshakes, finish } = await startChange(path)
    handshakes.hold()
    const asking = [ann, session].map(async ({ cookie }) => {
      const socket = await RawSocket.open(app.url, { cookie, origin: app.url })
      socket.send('40')
      return socket
    })
    const sockets = await Promise.all(asking)
    await handshakes.held(sockets.length)
    await finish()
    handshakes.release()
    for (const socket of sockets) {
      await socket.closed
      expect(socket.received.filter((text) => text.startsWith('4'))).toEqual([])
    }
  })

  it('keeps sockets of the user\u2019s other browsers', async () => {
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
})

describe('threat 48: a sign-out with a streamed response', () => {
  afterEach(() => void jest.useRealTimers())

  /** Signs ann out in a browser by a request with an endless response; her other browser stays. */
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

  it('keeps sockets opened elsewhere after the response headers arrive', async () => {
    const { other, end } = await startStream()
    jest.advanceTimersByTime(5000)
    const socket = await other.connect()
    await end()
    expect(await Promise.race([socket.closed, socket.change('division', 2)])).toHaveProperty('stamp')
  })

  it('disconnects sockets opened before the response headers arrive', async () => {
    const { other, end } = await startStream()
    const socket = await other.connect()
    jest.advanceTimersByTime(5000)
    await socket.closed
    await end()
  })

  it('when it ends, disconnects earlier sockets but no later sockets', async () => {
    const { other, end } = await startStream()
    const socket = await other.connect()
    await end()
    await socket.closed
    const next = await other.connect()
    jest.advanceTimersByTime(5000)
    expect(await Promise.race([next.closed, next.change('division', 2)])).toHaveProperty('stamp')
  })
})

describe('a page with an open socket during a slow response', () => {
  it.each([
    ['sign-in', '/unused', '/login/now?user=ann&slow=1', 'ann'],
    ['sign-out', '/login/now?user=ann', '/logout/leave?slow=1', undefined],
  ])('reconnects as the new visitor after a %s', async (_, first, path, user) => {
    const { app, gate } = await start()
    const visitor = app.visitor()
    await visitor.fetch(first)
    await set(visitor, { cart: ['a'] })
    const page = await visitor.open({ path: '/page' })
    await page.connected()
    const answer = visitor.fetch(path)
    await gate.entered
    const lost = once(page.socket, 'disconnect')
    if (page.socket.connected) await lost
    gate.open()
    await answer
    await page.connected()
    await page.live.set('division', 5)
    expect([...app.io.sockets.sockets.values()].map((socket) => socket.liveSession.userId)).toEqual([user])
    expect(page.live.get('cart')).toEqual(user === undefined ? [] : ['a'])
    using account = await app.live.user('ann')
    expect([account.get('division'), account.get('cart')]).toEqual([user === undefined ? -1 : 5, ['a']])
  })
})
