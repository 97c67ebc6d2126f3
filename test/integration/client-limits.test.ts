import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { App } from '../support/app.js'
import { outcome, outcomeWithin } from '../support/bounded.js'

const limits = { changesPerSocket: 5, changesPerSubject: 8, socketsPerSubject: 3 }

const page: Koa.Middleware = (ctx) => {
  if (ctx.path === '/read') ctx.body = String(ctx.liveSession.get('division'))
  else ctx.body = ctx.liveSession.snapshot()
}

/** Answers the first exchange that brings these as a server does that has had too many. */
function limitOnce(app: App, what: 'tickets' | 'set', meanwhile: () => Promise<unknown> = async () => undefined): void {
  let isLimited = false
  app.io.on('connection', (socket) => {
    socket.use(([event, sync, ack], next) => {
      if (event !== 'live_session:sync' || !sync[what] || isLimited) return next()
      isLimited = true
      void meanwhile().then(() => ack({ ok: false, code: 'rate_limited' }))
    })
  })
}

describe('a page that is rate_limited', () => {
  it('keeps the ticket that it offers after a reconnection, and saves it', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor()
    const opened = await visitor.open({ path: '/' })
    await opened.connected()
    const mend = opened.cutPosts()
    const saved = opened.live.set('division', 5)
    await opened.reaches('division', 'offline')
    limitOnce(app, 'tickets')
    const told = opened.connected()
    emptyCache(app.live)
    await told
    mend()
    expect(await outcome(saved)).toBe('saved')
  })

  it('is not superseded by who wrote while it waited: nothing of it had been applied', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor()
    limitOnce(app, 'set', () => visitor.store({ set: [['division', -1, '', 9]] }))
    const opened = await visitor.open({ path: '/' })
    await opened.connected()
    expect(await outcome(opened.live.set('division', 5))).toBe('saved')
    expect(await visitor.text('/read')).toBe('5')
  })

  it('settles a change that a later one has replaced while it waited', async () => {
    const app = await App.start({ routes: page })
    limitOnce(app, 'set')
    const opened = await app.visitor().open({ path: '/' })
    await opened.connected()
    const both = [opened.live.set('division', 1), opened.live.set('division', 2)]
    expect(await Promise.all(both.map((one) => outcome(one)))).toEqual(['saved', 'saved'])
  })

  it('sends nothing any more once it is closed', async () => {
    const app = await App.start({ routes: page })
    const opened = await app.visitor().open({ path: '/' })
    await opened.connected()
    let sets = 0
    app.io.on('connection', (socket) => {
      socket.use(([event, sync, ack], next) => {
        if (event !== 'live_session:sync' || !sync.set) return next()
        sets += 1
        ack({ ok: false, code: 'rate_limited' })
      })
    })
    opened.socket?.io.engine.close()
    await opened.connected()
    void opened.live.set('division', 1)
    void opened.live.set('cart', ['a'])
    await outcome(new Promise<void>((resolve) => opened.socket?.io.engine.on('packet', () => sets === 2 && resolve())))
    opened.live.close()
    await outcomeWithin(new Promise(() => undefined), 1300)
    expect(sets).toBe(2)
  })

  it('keeps what it has set and sends it again, never rolls it back', async () => {
    const app = await App.start({ options: { limits: { ...limits, changesPerSocket: 1 } } })
    const page = await app.visitor(cookieFor(app.live, {})).open()
    await page.connected()
    const refused = new Promise<void>((resolve) => {
      page.socket?.io.engine.on('packet', ({ data = '' }: { data?: string }) => {
        if (String(data).includes('rate_limited')) resolve()
      })
    })
    const { live } = page
    const sets = [live.set('division', 3), live.set('theme', 'dark'), live.set('cart', ['a'])]
    await refused
    const shown = (): unknown => [live.get('division'), live.get('theme'), live.get('cart')]
    expect(shown()).toEqual([3, 'dark', ['a']])
    app.clock.advance(5000)
    await Promise.all(sets)
    expect(shown()).toEqual([3, 'dark', ['a']])
  })

  it('tries again to connect until there are fewer sockets', async () => {
    const app = await App.start({ options: { limits: { ...limits, socketsPerSubject: 1 } } })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const first = await visitor.connect()
    const page = await visitor.open()
    const refused = new Promise<void>((resolve) => void page.socket?.once('connect_error', () => resolve()))
    await refused
    first.io.disconnect()
    await page.connected()
    await page.live.set('division', 4)
  })
})
