import { describe, expect, it } from '@jest/globals'
import { onFlash } from 'koa-live-session/client'
import { cookieFor, emptyCache, memoryStore } from 'koa-live-session/testing'
import type { App } from '../support/app/app.js'
import { flashPages, say, takeFlash } from '../support/app/flash-pages.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'
import type { TestSocket } from '../support/app/socket.js'
import { startWithUsers } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import type { Page } from '../support/page/page.js'

/** Its sockets have a message flashed, perhaps with options, and answer with the outcome. */
async function start(options: object = {}): Promise<App> {
  const app = await startWithUsers({ routes: flashPages, options: options as never })
  app.io.on('connection', (socket) => {
    socket.on('say', (message, ...rest) => {
      const answer = rest.pop()
      socket.liveSession.flash(message, ...rest).then(
        () => answer('said'),
        (error) => answer(String(error)),
      )
    })
  })
  return app
}

/** A visitor with a cookie. */
async function begin(options?: object): Promise<{ app: App; visitor: Visitor }> {
  const app = await start(options)
  return { app, visitor: app.visitor(cookieFor(app.live, {})) }
}

const take = (socket: TestSocket, ...isBack: readonly true[]): Promise<Record<string, unknown>> =>
  socket.io.emitWithAck('live_session:take_flash', ...isBack)
const sayNext = (socket: TestSocket): Promise<unknown> => socket.io.emitWithAck('say', 'moved', { for: 'next' })
const none = { ok: true, messages: [] }

/** How often a socket is told that there is something. */
function offers(socket: TestSocket): () => number {
  let count = 0
  socket.io.on('live_session:flash', () => {
    count += 1
  })
  return () => count
}

async function open(visitor: Visitor): Promise<TestSocket> {
  const socket = await visitor.connect()
  await socket.ticket()
  return socket
}

/** A page that is greeted, and what it shows of messages. */
async function openPage(visitor: Visitor): Promise<{ page: Page; shown: unknown[]; next(): Promise<unknown> }> {
  const page = await visitor.open({ path: '/page' })
  await page.connected()
  const shown: unknown[] = []
  let tell = (_: unknown): void => undefined
  onFlash(page.live, (message) => {
    shown.push(message)
    tell(message)
  })
  return { page, shown, next: () => new Promise((resolve) => (tell = resolve)) }
}

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])('a message of a socket, %s', (_, optionsOf) => {
  it('is offered to its own page alone, which takes it once', async () => {
    const { visitor } = await begin(optionsOf())
    const [one, two] = [await open(visitor), await open(visitor)]
    const [toOne, toTwo] = [offers(one), offers(two)]
    expect(await one.io.emitWithAck('say', { text: 'added' })).toBe('said')
    expect(await take(one)).toEqual({ ok: true, messages: [{ text: 'added' }] })
    for (const socket of [one, two]) expect(await take(socket)).toEqual(none)
    expect([toOne(), toTwo()]).toEqual([1, 0])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it('waits for the next page where its own takes none', async () => {
    const { visitor } = await begin(optionsOf())
    await (await open(visitor)).io.emitWithAck('say', 'added')
    const { headers } = await visitor.fetch('/flash/take', { method: 'HEAD' })
    expect(headers.get('cache-control')).toBe('private')
    // A page that the back button shows again would show the message again.
    const answer = await visitor.fetch('/flash/take')
    expect([answer.headers.get('cache-control'), await answer.json()]).toEqual([
      expect.stringContaining('no-store'),
      { taken: ['added'] },
    ])
    expect(await take(await open(visitor))).toEqual(none)
  })

  it('is given to one of many pages and requests that ask for it at once', async () => {
    const { visitor } = await begin(optionsOf())
    const sockets = [await open(visitor), await open(visitor), await open(visitor)]
    await present(sockets[0]).io.emitWithAck('say', 'added')
    const taken = [
      ...sockets.map(async (socket) => (await take(socket))['messages']),
      ...sockets.map(() => takeFlash(visitor)),
    ]
    expect((await Promise.all(taken)).flat()).toEqual(['added'])
  })

  it('of a request is taken by the socket that its next page opens, where that was not rendered with it, and by no request after that', async () => {
    const app = await start(optionsOf())
    const visitor = app.visitor()
    await say(visitor, 'saved')
    const socket = await open(visitor)
    await new Promise<void>((resolve) => socket.io.once('live_session:flash', () => resolve()))
    expect(await take(socket)).toEqual({ ok: true, messages: ['saved'] })
    // The cookie still has it: a socket cannot write one.
    emptyCache(app.live)
    expect(await takeFlash(visitor)).toEqual([])
  })
})

describe('an open page', () => {
  it.each([
    ['an answer that leads nowhere', '/flash/say', 1],
    ['an answer that leads to another page', '/flash/say/on', 0],
  ])('is offered the message of %s', async (_, path, times) => {
    const { visitor } = await begin()
    const [one, two] = [await open(visitor), await open(visitor)]
    const counts = [offers(one), offers(two)]
    await visitor.fetch(`${path}?what=saved`)
    for (const socket of [one, two]) await socket.change('division', 1)
    expect(counts.map((count) => count())).toEqual([times, times])
    expect(await takeFlash(visitor)).toEqual(['saved'])
  })

  it.each(['say/on', 'in/identify/say/on', 'say/in/identify/on'])(
    'takes nothing that the page is to show which an answer leads to, though it connects before that: %s',
    async (deeds) => {
      const app = await start()
      const visitor = app.visitor(cookieFor(app.live, {}))
      await visitor.fetch(`/flash/${deeds}?what=welcome&user=ann`)
      expect(await take(await open(visitor))).toEqual(none)
      expect(await takeFlash(visitor)).toEqual(['welcome'])
    },
  )

  it('takes nothing of a request that is under way, and is offered it when the answer is out', async () => {
    const sockets: TestSocket[] = []
    const app = await startWithUsers({
      routes: async (ctx) => {
        await ctx.liveSession.flash('saved')
        ctx.body = await Promise.all(sockets.map((one) => take(one)))
      },
    })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await open(visitor)
    sockets.push(socket)
    const offered = new Promise<void>((resolve) => socket.io.once('live_session:flash', () => resolve()))
    expect(await (await visitor.fetch('/')).json()).toEqual([{ ok: true, messages: [] }])
    await offered
    expect(await take(socket)).toEqual({ ok: true, messages: ['saved'] })
  })

  it.each([
    ['the first message', []],
    ['the second', ['early']],
  ])('is offered what a request says when its answer is out: %s', async (_, early) => {
    const said = new Gate()
    const app = await startWithUsers({
      routes: async ({ liveSession, res }) => {
        liveSession.get('division')
        for (const message of early) await liveSession.flash(message)
        res.once('close', () => setImmediate(() => void liveSession.flash('late').then(() => said.pass())))
        res.end('ok')
      },
    })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await open(visitor)
    const count = offers(socket)
    await visitor.fetch('/')
    await said.entered
    expect(await take(socket)).toEqual({ ok: true, messages: [...early, 'late'] })
    expect(count()).toBe(1 + early.length)
  })

  it('shows waiting messages, those of sockets and of requests, once each', async () => {
    const { visitor } = await begin()
    await say(visitor, 'before')
    const { page, shown, next } = await openPage(visitor)
    await next()
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
    await third
    expect(shown).toEqual(['before', 'one', 'two', 'meanwhile'])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it('takes nothing that it has no listener for, nor once it is closed', async () => {
    const { visitor } = await begin()
    const { page, shown } = await openPage(visitor)
    page.live.close()
    const silent = await visitor.open({ path: '/page' })
    await silent.connected()
    onFlash(silent.live, () => undefined)()
    for (const one of [page, silent]) await one.socket.emitWithAck('say', 'unheard')
    expect(shown).toEqual([])
    expect(await takeFlash(visitor)).toEqual(['unheard', 'unheard'])
  })

  it('without a live cookie shows what its own socket’s handler says', async () => {
    const app = await start()
    const socket = await open(app.visitor())
    expect(await socket.io.emitWithAck('say', 'welcome')).toBe('said')
    expect(await take(socket)).toEqual({ ok: true, messages: ['welcome'] })
  })
})

describe('what a socket asks for', () => {
  it.each([
    ['an argument', [1, 2]],
    ['a list', [[]]],
    ['false', [false]],
    ['a number', [1]],
    ['a text', ['true']],
    ['an object', [{}]],
  ])('with %s is malformed', async (_, args) => {
    const app = await start()
    const socket = await open(app.visitor(cookieFor(app.live, {})))
    await socket.io.emitWithAck('say', 'kept')
    expect(await socket.io.emitWithAck('live_session:take_flash', ...args)).toEqual({ ok: false, code: 'malformed' })
    expect(await take(socket)).toEqual({ ok: true, messages: ['kept'] })
  })

  it('without an acknowledgement is left where it is', async () => {
    const app = await start()
    const socket = await open(app.visitor(cookieFor(app.live, {})))
    await socket.io.emitWithAck('say', 'kept')
    socket.io.emit('live_session:take_flash')
    expect(await take(socket)).toEqual({ ok: true, messages: ['kept'] })
  })

  it('is rate limited, and nothing is lost', async () => {
    const app = await start({ limits: { changesPerSocket: 1 } })
    const socket = await open(app.visitor(cookieFor(app.live, {})))
    await socket.io.emitWithAck('say', 'kept')
    await socket.change('division', 1)
    await socket.change('division', 2)
    expect(await take(socket)).toEqual({ ok: false, code: 'rate_limited' })
    app.clock.advance(1000)
    expect(await take(socket)).toEqual({ ok: true, messages: ['kept'] })
  })

  it('of a visitor who has gone is refused', async () => {
    const app = await start()
    let late = async (): Promise<unknown> => undefined
    app.io.on('connection', ({ liveSession }) => {
      late = () => liveSession.flash('late').catch(({ code }) => code)
    })
    const visitor = app.visitor(cookieFor(app.live, {}))
    await open(visitor)
    await visitor.fetch('/login/now?user=ann')
    expect(await late()).toBe('superseded')
    expect(await takeFlash(visitor)).toEqual([])
  })
})

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])('a message for the next page, %s', (_, optionsOf) => {
  it('of a socket is offered to no open page, and taken by none: the page that is rendered next shows it', async () => {
    const { visitor } = await begin(optionsOf())
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
    const { visitor } = await begin(optionsOf())
    await sayNext(await open(visitor))
    const back = await open(visitor)
    expect(await take(back, true)).toEqual(none)
    const next = await open(visitor)
    expect(await take(next)).toEqual({ ok: true, messages: ['moved'] })
    expect(await take(next)).toEqual(none)
    expect(await takeFlash(visitor)).toEqual([])
  })

  it.each(['next/on', 'next'])('of a request is left by the pages that are open: %s', async (deeds) => {
    const { app, visitor } = await begin(optionsOf())
    const socket = await open(visitor)
    await say(visitor, 'moved', deeds)
    expect(await take(socket)).toEqual(none)
    emptyCache(app.live)
    expect(await take(await open(visitor))).toEqual({ ok: true, messages: ['moved'] })
  })

  it('is none of the answer of its own request, nor of what a script of an open page fetches', async () => {
    const { visitor } = await begin(optionsOf())
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
    const { visitor } = await begin()
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
})
