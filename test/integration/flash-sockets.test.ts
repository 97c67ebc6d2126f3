import { describe, expect, it } from '@jest/globals'
import { onFlash } from 'koa-live-session/client'
import { cookieFor, emptyCache, memoryStore } from 'koa-live-session/testing'
import type { App } from '../support/app.js'
import { flashPages, say, takeFlash } from '../support/flash-pages.js'
import { Gate } from '../support/gate.js'
import type { Page } from '../support/page.js'
import { present } from '../support/present.js'
import type { TestSocket } from '../support/socket.js'
import { startWithUsers } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

/** Its sockets have their page's messages flashed, and answer with what came of it. */
async function start(options: object = {}): Promise<App> {
  const app = await startWithUsers({ routes: flashPages, options: options as never })
  app.io.on('connection', (socket) => {
    socket.on('say', (message, answer) => {
      socket.liveSession.flash(message).then(
        () => answer('said'),
        (error) => answer(error.code),
      )
    })
  })
  return app
}

const take = (socket: TestSocket): Promise<Record<string, unknown>> => socket.io.emitWithAck('live_session:take_flash')

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
    const app = await start(optionsOf())
    const visitor = app.visitor(cookieFor(app.live, {}))
    const [one, two] = [await open(visitor), await open(visitor)]
    const [toOne, toTwo] = [offers(one), offers(two)]
    expect(await one.io.emitWithAck('say', { text: 'added' })).toBe('said')
    expect(await take(one)).toEqual({ ok: true, messages: [{ text: 'added' }] })
    for (const socket of [one, two]) expect(await take(socket)).toEqual({ ok: true, messages: [] })
    expect([toOne(), toTwo()]).toEqual([1, 0])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it('waits for the next page where its own takes none', async () => {
    const app = await start(optionsOf())
    const visitor = app.visitor(cookieFor(app.live, {}))
    await (await open(visitor)).io.emitWithAck('say', 'added')
    const { headers } = await visitor.fetch('/flash/take', { method: 'HEAD' })
    expect(headers.get('cache-control')).toBe('private')
    // A page that the back button shows again would show the message again.
    const answer = await visitor.fetch('/flash/take')
    expect([answer.headers.get('cache-control'), await answer.json()]).toEqual([
      expect.stringContaining('no-store'),
      { taken: ['added'] },
    ])
    expect(await take(await open(visitor))).toEqual({ ok: true, messages: [] })
  })

  it('is given to one of many pages and requests that ask for it at once', async () => {
    const app = await start(optionsOf())
    const visitor = app.visitor(cookieFor(app.live, {}))
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
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
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
      expect(await take(await open(visitor))).toEqual({ ok: true, messages: [] })
      expect(await takeFlash(visitor)).toEqual(['welcome'])
    },
  )

  it('takes nothing of a request that is under way, and is offered it when the answer is out', async () => {
    const sockets: TestSocket[] = []
    const app = await startWithUsers({
      routes: async (ctx) => {
        await ctx.liveSession.flash('saved')
        ctx.body = await Promise.all(sockets.map(take))
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

  it('shows what its socket’s handler says, and what is said to it over HTTP, once', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const { page, shown, next } = await openPage(visitor)
    const first = next()
    await page.socket.emitWithAck('say', 'one')
    await first
    const second = next()
    await visitor.fetch('/flash/say?what=two')
    await second
    expect(shown).toEqual(['one', 'two'])
    expect(await takeFlash(visitor)).toEqual([])
  })

  it('shows what was waiting when it begins to listen, and what is said after a reconnection', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    await say(visitor, 'before')
    const { page, shown, next } = await openPage(visitor)
    await next()
    page.socket.disconnect()
    await say(visitor, 'meanwhile')
    const second = next()
    await page.comeBack()
    await second
    expect(shown).toEqual(['before', 'meanwhile'])
  })

  it('takes nothing that it has no listener for, nor once it is closed', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
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
