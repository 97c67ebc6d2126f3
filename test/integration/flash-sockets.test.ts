import { describe, expect, it } from '@jest/globals'
import { onFlash } from 'koa-live-session/client'
import { cookieFor, emptyCache, memoryStore } from 'koa-live-session/testing'
import type { App } from '../support/app/app.js'
import { awaited, once } from '../support/app/awaited.js'
import { fastTime } from '../support/app/fast-time.js'
import { flashPages, say, takeFlash } from '../support/app/flash-pages.js'
import { Gate } from '../support/app/gate.js'
import type { TestSocket } from '../support/app/socket.js'
import { startWithUsers } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import type { Page } from '../support/page/page.js'

fastTime(10)

/** ms, as in `server/features/flash/request-flash.ts`. */
const LEASE = 2000
const NONE = { ok: true, messages: [] }
const STORES = [
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
] as const

/** An app whose sockets flash a page's messages, and a visitor with a cookie. */
async function begin(given: Parameters<typeof startWithUsers>[0] = {}): Promise<{ app: App; visitor: Visitor }> {
  const app = await startWithUsers({ routes: flashPages, ...given })
  app.io.on('connection', (socket) => {
    socket.on('say', (message, ...rest) => {
      const answer = rest.pop()
      socket.liveSession.flash(message, ...rest).then(
        () => answer('said'),
        (error) => answer(String(error)),
      )
    })
  })
  return { app, visitor: app.visitor(cookieFor(app.live, {})) }
}

const sayOver = ({ io }: TestSocket, message: unknown, ...options: unknown[]): Promise<unknown> =>
  io.emitWithAck('say', message, ...options)
const take = ({ io }: TestSocket, ...args: readonly unknown[]): Promise<Record<string, unknown>> =>
  io.emitWithAck('live_session:take_flash', ...args)
const taken = (...messages: readonly unknown[]): object => ({ ok: true, messages })

/** Returns a counter of a socket's notifications of flash messages. */
function notificationsOf(socket: TestSocket): () => number {
  let count = 0
  socket.io.on('live_session:flash', () => {
    count += 1
  })
  return () => count
}

const notified = ({ io }: TestSocket): Promise<unknown> => once(io, 'live_session:flash')

async function open(visitor: Visitor): Promise<TestSocket> {
  const socket = await visitor.connect()
  await socket.ticket()
  return socket
}

/** Opens a page with the real client, and collects the shown messages. */
async function openPage(visitor: Visitor): Promise<{ page: Page; shown: unknown[]; next(): Promise<unknown> }> {
  const page = await visitor.open({ path: '/page' })
  const shown: unknown[] = []
  let tell = (_: unknown): void => undefined
  onFlash(page.live, (message) => {
    shown.push(message)
    tell(message)
  })
  return { page, shown, next: () => awaited('a message', new Promise((resolve) => (tell = resolve))) }
}

describe.each(STORES)("a socket's message, %s", (_, optionsOf) => {
  it('appears once, on its own page', async () => {
    const { visitor } = await begin({ options: optionsOf() })
    const [one, two] = [await open(visitor), await open(visitor)]
    const [toOne, toTwo] = [notificationsOf(one), notificationsOf(two)]
    expect(await sayOver(one, { text: 'added' })).toBe('said')
    expect(await take(one)).toEqual(taken({ text: 'added' }))
    for (const socket of [one, two]) expect(await take(socket)).toEqual(NONE)
    expect([toOne(), toTwo()]).toEqual([1, 0])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it('goes to the next page if the open page takes nothing', async () => {
    const { visitor } = await begin({ options: optionsOf() })
    await sayOver(await open(visitor), 'added')
    const { headers } = await visitor.fetch('/flash/take', { method: 'HEAD' })
    expect(headers.get('cache-control')).toBe('private')
    // Without no-store, the back button would show the message again.
    const answer = await visitor.fetch('/flash/take')
    expect([answer.headers.get('cache-control'), await answer.json()]).toEqual([
      expect.stringContaining('no-store'),
      { taken: ['added'] },
    ])
    expect(await take(await open(visitor))).toEqual(NONE)
  })

  it('goes to a single page or request of many', async () => {
    const { visitor } = await begin({ options: optionsOf() })
    const sockets = [await open(visitor), await open(visitor), await open(visitor)] as const
    await sayOver(sockets[0], 'added')
    const takes = [
      ...sockets.map(async (socket) => (await take(socket))['messages']),
      ...sockets.map(() => takeFlash(visitor)),
    ]
    expect((await Promise.all(takes)).flat()).toEqual(['added'])
  })
})

describe.each(STORES)("a request's message, %s", (_, optionsOf) => {
  it("appears once, over the next page's socket", async () => {
    const { app, visitor } = await begin({ options: optionsOf() })
    await say(visitor, 'saved')
    const socket = await open(visitor)
    const notification = notified(socket)
    app.clock.advance(LEASE)
    await notification
    expect(await take(socket)).toEqual(taken('saved'))
    // The cookie still holds the message, because a socket cannot write a cookie.
    emptyCache(app.live)
    expect(await takeFlash(visitor)).toEqual([])
  })
})

describe('an open page', () => {
  it.each([
    ['a notification after a response', '/flash/say', 1],
    ['no notification after a redirect', '/flash/say/on', 0],
  ])('gets %s that flashes a message', async (_, path, times) => {
    const { visitor } = await begin()
    const [one, two] = [await open(visitor), await open(visitor)]
    const counts = [notificationsOf(one), notificationsOf(two)]
    await visitor.fetch(`${path}?what=saved`)
    for (const socket of [one, two]) await socket.change('division', 1)
    expect(counts.map((count) => count())).toEqual([times, times])
    expect(await takeFlash(visitor)).toEqual(['saved'])
  })

  it.each(['say/on', 'in/identify/say/on', 'say/in/identify/on'])(
    "that connects before a redirect's target leaves the target its message: %s",
    async (actions) => {
      const { visitor } = await begin()
      await visitor.fetch(`/flash/${actions}?what=welcome&user=ann`)
      expect(await take(await open(visitor))).toEqual(NONE)
      expect(await takeFlash(visitor)).toEqual(['welcome'])
    },
  )

  it("takes a request's message only after the response", async () => {
    const sockets: TestSocket[] = []
    const { visitor } = await begin({
      routes: async (ctx) => {
        await ctx.liveSession.flash('saved')
        ctx.body = await Promise.all(sockets.map((one) => take(one)))
      },
    })
    const socket = await open(visitor)
    sockets.push(socket)
    const notification = notified(socket)
    expect(await (await visitor.fetch('/')).json()).toEqual([NONE])
    await notification
    expect(await take(socket)).toEqual(taken('saved'))
  })

  it.each([
    ['the first', []],
    ['the second', ['early']],
  ])('is notified of a message flashed after the response: %s', async (_, early) => {
    const said = new Gate()
    const { visitor } = await begin({
      routes: async ({ liveSession, res }) => {
        liveSession.get('division')
        for (const message of early) await liveSession.flash(message)
        res.once('close', () => setImmediate(() => void liveSession.flash('late').then(() => said.pass())))
        res.end('ok')
      },
    })
    const socket = await open(visitor)
    const count = notificationsOf(socket)
    await visitor.fetch('/')
    await said.entered
    expect(await take(socket)).toEqual(taken(...early, 'late'))
    expect(count()).toBe(1 + early.length)
  })

  it('shows each message of sockets and requests once, even after an outage', async () => {
    const { app, visitor } = await begin()
    await say(visitor, 'before')
    const { page, shown, next } = await openPage(visitor)
    const lease = next()
    await page.connected()
    app.clock.advance(LEASE)
    await lease
    const first = next()
    await page.socket.emitWithAck('say', 'one')
    await first
    const second = next()
    await visitor.fetch('/flash/say?what=two')
    await second
    page.socket.disconnect()
    await say(visitor, 'meanwhile')
    const third = next()
    await page.comeBack()
    await page.connected()
    app.clock.advance(LEASE)
    await third
    expect(shown).toEqual(['before', 'one', 'two', 'meanwhile'])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it("without a live cookie shows its own socket's message", async () => {
    const { app } = await begin()
    const socket = await open(app.visitor())
    expect(await sayOver(socket, 'welcome')).toBe('said')
    expect(await take(socket)).toEqual(taken('welcome'))
  })
})

describe('a malformed or refused live_session:take_flash', () => {
  it.each([[[1, 2]], [[[]]], [[false]], [[1]], [['true']], [[{}]]])('leaves the messages pending: %j', async (args) => {
    const { visitor } = await begin()
    const socket = await open(visitor)
    await sayOver(socket, 'kept')
    expect(await take(socket, ...args)).toEqual({ ok: false, code: 'malformed' })
    socket.io.emit('live_session:take_flash')
    expect(await take(socket)).toEqual(taken('kept'))
  })

  it('leaves the messages pending if rate-limited', async () => {
    const { app, visitor } = await begin({ options: { limits: { changesPerSocket: 1 } } })
    const socket = await open(visitor)
    await sayOver(socket, 'kept')
    await socket.change('division', 1)
    await socket.change('division', 2)
    expect(await take(socket)).toEqual({ ok: false, code: 'rate_limited' })
    app.clock.advance(1000)
    expect(await take(socket)).toEqual(taken('kept'))
  })
})

it("a former visitor's socket can flash no message", async () => {
  const { app, visitor } = await begin()
  let late = async (): Promise<unknown> => undefined
  app.io.on('connection', ({ liveSession }) => {
    late = () => liveSession.flash('late').catch(({ code }) => code)
  })
  await open(visitor)
  await visitor.fetch('/login/now?user=ann')
  expect(await late()).toBe('superseded')
  expect(await takeFlash(visitor)).toEqual([])
})

describe.each(STORES)('a message for the next page, %s', (_, optionsOf) => {
  const sayNext = (socket: TestSocket): Promise<unknown> => sayOver(socket, 'moved', { for: 'next' })

  it('notifies no open pages, and open pages cannot take it', async () => {
    const { visitor } = await begin({ options: optionsOf() })
    const [leaving, other] = [await open(visitor), await open(visitor)]
    const counts = [notificationsOf(leaving), notificationsOf(other)]
    expect(await sayNext(leaving)).toBe('said')
    for (const socket of [leaving, other]) expect(await take(socket)).toEqual(NONE)
    expect(counts.map((count) => count())).toEqual([0, 0])
    expect(await takeFlash(visitor)).toEqual(['moved'])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it('appears once, on a new page, not after a reconnection', async () => {
    const { visitor } = await begin({ options: optionsOf() })
    await sayNext(await open(visitor))
    expect(await take(await open(visitor), true)).toEqual(NONE)
    const next = await open(visitor)
    expect(await take(next)).toEqual(taken('moved'))
    expect(await take(next)).toEqual(NONE)
    expect(await takeFlash(visitor)).toEqual([])
  })

  it.each(['next/on', 'next'])('waits in the cookie if a request flashes it: %s', async (actions) => {
    const { app, visitor } = await begin({ options: optionsOf() })
    const socket = await open(visitor)
    await say(visitor, 'moved', actions)
    expect(await take(socket)).toEqual(NONE)
    emptyCache(app.live)
    expect(await take(await open(visitor))).toEqual(taken('moved'))
  })

  it("appears neither in its request's response nor in a script's fetch", async () => {
    const { visitor } = await begin({ options: optionsOf() })
    const own = await (await visitor.fetch('/flash/next/take?what=moved')).json()
    expect(own).toEqual({ taken: [] })
    const script = { headers: { 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'same-origin' } }
    expect(await takeFlash(visitor, script)).toEqual([])
    expect(await takeFlash(visitor)).toEqual(['moved'])
  })
})

describe('a message for the next page', () => {
  it("is shown by the next page's client, not by the old page's", async () => {
    const { visitor } = await begin()
    const left = await openPage(visitor)
    await left.page.connected()
    expect(await left.page.socket.emitWithAck('say', 'moved', { for: 'next' })).toBe('said')
    left.page.socket.disconnect()
    await left.page.comeBack()
    const { next } = await openPage(visitor)
    expect(await next()).toBe('moved')
    expect(left.shown).toEqual([])
  })

  it.each([{ for: 'nxet' }, { for: null }])('rejects an unknown option: %j', async (options) => {
    const { visitor } = await begin()
    expect(await sayOver(await open(visitor), 'moved', options)).toContain("flash: for: expected 'any' or 'next'")
  })
})
