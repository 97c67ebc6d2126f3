import { describe, expect, it } from '@jest/globals'
import { onFlash } from 'koa-live-session/client'
import { cookieFor, emptyCache, memoryStore } from 'koa-live-session/testing'
import type { App } from '../support/app.js'
import { flashPages, say, takeFlash } from '../support/flash-pages.js'
import type { TestSocket } from '../support/socket.js'
import { startWithUsers } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

type Options = { readonly for?: 'any' | 'next' }

/** Its sockets say something for the next page, and answer with what came of it. */
async function start(options: object = {}): Promise<App> {
  const app = await startWithUsers({ routes: flashPages, options: options as never })
  app.io.on('connection', (socket) => {
    socket.on('say', (message: string, given: Options, answer: (said: string) => void) => {
      socket.liveSession.flash(message, given).then(
        () => answer('said'),
        (error) => answer(String(error)),
      )
    })
  })
  return app
}

const take = (socket: TestSocket, ...isBack: readonly true[]): Promise<Record<string, unknown>> =>
  socket.io.emitWithAck('live_session:take_flash', ...isBack)
const sayNext = (socket: TestSocket, message = 'moved'): Promise<unknown> =>
  socket.io.emitWithAck('say', message, { for: 'next' })
const none = { ok: true, messages: [] }

async function open(visitor: Visitor): Promise<TestSocket> {
  const socket = await visitor.connect()
  await socket.ticket()
  return socket
}

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])('a message for the next page, %s', (_, optionsOf) => {
  it('of a socket is offered to no open page, and taken by none: the page that is rendered next shows it', async () => {
    const app = await start(optionsOf())
    const visitor = app.visitor(cookieFor(app.live, {}))
    const sockets = [await open(visitor), await open(visitor)]
    const offers: string[] = []
    for (const { io } of sockets) io.on('live_session:flash', () => offers.push(io.id ?? ''))
    const [leaving] = sockets as [TestSocket]
    expect(await sayNext(leaving)).toBe('said')
    for (const socket of sockets) expect(await take(socket)).toEqual(none)
    expect(offers).toEqual([])
    expect(await takeFlash(visitor)).toEqual(['moved'])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it('is taken over the socket of a page that is loaded after it, once, and of no page that comes back', async () => {
    const app = await start(optionsOf())
    const visitor = app.visitor(cookieFor(app.live, {}))
    await sayNext(await open(visitor))
    const back = await open(visitor)
    expect(await take(back, true)).toEqual(none)
    const next = await open(visitor)
    expect(await take(next)).toEqual({ ok: true, messages: ['moved'] })
    expect(await take(next)).toEqual(none)
    expect(await takeFlash(visitor)).toEqual([])
  })

  it.each(['next/on', 'next'])('of a request is left by the pages that are open: %s', async (deeds) => {
    const app = await start(optionsOf())
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await open(visitor)
    await say(visitor, 'moved', deeds)
    expect(await take(socket)).toEqual(none)
    emptyCache(app.live)
    expect(await take(await open(visitor))).toEqual({ ok: true, messages: ['moved'] })
  })

  it('is none of the answer of its own request, nor of what a script of an open page fetches', async () => {
    const app = await start(optionsOf())
    const visitor = app.visitor(cookieFor(app.live, {}))
    const own = await (await visitor.fetch('/flash/next/take?what=moved')).json()
    expect(own).toEqual({ taken: [] })
    const script = { headers: { 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'same-origin' } }
    expect(await takeFlash(visitor, script)).toEqual([])
    expect(await takeFlash(visitor)).toEqual(['moved'])
  })

  it('is still for the next page after a restart', async () => {
    const options = optionsOf()
    const before = await start(options)
    const visitor = before.visitor(cookieFor(before.live, {}))
    await say(visitor, 'moved', 'next')
    await before.stop()
    const app = await startWithUsers({ routes: flashPages, options: options as never, clock: before.clock })
    const same = app.visitor(visitor.cookie)
    expect(await take(await open(same), true)).toEqual(none)
    expect(await takeFlash(same)).toEqual(['moved'])
  })
})

describe('a message for the next page', () => {
  it('is shown by the real client of the next page, and not by that of the page that is left, though it connects again', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const shown: string[] = []
    const left = await visitor.open({ path: '/page' })
    await left.connected()
    onFlash(left.live, (message) => shown.push(`left: ${message}`))
    expect(await left.socket.emitWithAck('say', 'moved', { for: 'next' })).toBe('said')
    left.socket.disconnect()
    await left.comeBack()
    const next = await visitor.open({ path: '/page' })
    const heard = new Promise<void>((resolve) => {
      onFlash(next.live, (message) => {
        shown.push(`next: ${message}`)
        resolve()
      })
    })
    await next.connected()
    await heard
    expect(shown).toEqual(['next: moved'])
  })

  it.each([{ for: 'nxet' }, { for: null }])('is for no pages that there are not: %j', async (options) => {
    const app = await start()
    const socket = await open(app.visitor(cookieFor(app.live, {})))
    expect(await socket.io.emitWithAck('say', 'moved', options)).toContain("flash: for: expected 'any' or 'next'")
  })

  it('is asked for with true alone by a page that comes back', async () => {
    const app = await start()
    const socket = await open(app.visitor(cookieFor(app.live, {})))
    for (const word of [false, 1, 'true', {}])
      expect(await socket.io.emitWithAck('live_session:take_flash', word)).toEqual({ ok: false, code: 'malformed' })
  })
})
