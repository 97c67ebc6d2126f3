import { describe, expect, it } from '@jest/globals'
import { createLiveSession } from 'koa-live-session/client'
import { connect } from 'socket.io-client'
import type { App, AppFields } from '../support/app.js'
import { pages } from '../support/auth.js'
import { outcome, outcomeWithin } from '../support/bounded.js'
import { Gate } from '../support/gate.js'
import { startWithUsers, values } from '../support/users.js'

const start = (): Promise<App> => startWithUsers({ routes: pages })

describe('what ann set while she was offline', () => {
  it.each([[true], [false]])('is not posted as bob, who has signed in meanwhile (socket: %s)', async (hasSocket) => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const opened = await visitor.open({ path: '/page', hasSocket })
    if (hasSocket) await opened.connected()
    opened.socket?.disconnect()
    const mend = opened.cutPosts()
    const saved = outcome(opened.live.set('division', 5))
    await opened.reaches('division', 'offline')
    await visitor.fetch('/login/now?user=bob')
    mend()
    void opened.live.flush()
    expect([await saved, opened.live.get('division')]).toEqual(['superseded', -1])
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })

  it('is not posted for the guest after her logout, when that ends her socket', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const opened = await visitor.open({ path: '/page' })
    await opened.connected()
    // The change is on its way when the logout is handled.
    app.io.on('connection', (socket) => socket.use(([, sync], next) => sync.set || next()))
    opened.socket?.io.engine.close()
    await opened.connected()
    const saved = outcome(opened.live.set('division', 5))
    await visitor.fetch('/logout/leave')
    await saved
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })
})

describe('what a stranger set while the server was away', () => {
  it('is not given to ann, who has signed in meanwhile: her account decides what she brings along', async () => {
    const app = await start()
    const visitor = app.visitor()
    const opened = await visitor.open()
    await opened.live.ready
    opened.socket?.disconnect()
    const saved = outcome(opened.live.set('division', 5))
    await visitor.fetch('/login/now?user=ann')
    await opened.comeBack()
    expect([await saved, await values(visitor)]).toMatchObject(['superseded', { division: -1 }])
  })
})

describe('a POST', () => {
  it('says whose page it is, with changes and with tickets', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const opened = await visitor.open({ path: '/page', hasSocket: false })
    const { who } = await (await visitor.fetch('/page')).json()
    await opened.live.set('division', 5)
    expect(opened.posts.map((body) => body.who)).toEqual([expect.any(String)])
    expect(opened.posts[0]?.who).toBe(who)
  })
})

describe('a page that has become bob\u2019s', () => {
  it('does not show what the answer to ann\u2019s last POST says', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const opened = await visitor.open({ path: '/page' })
    await opened.connected()
    opened.socket?.disconnect()
    const gate = new Gate()
    opened.beforeAnswer = () => gate.pass()
    const saved = outcome(opened.live.set('division', 5))
    await gate.entered
    await visitor.fetch('/login/now?user=bob')
    await opened.comeBack()
    expect(await saved).toBe('superseded')
    gate.open()
    expect(await outcomeWithin(opened.shows('division', 5), 500)).toBe('pending')
    expect(opened.live.get('division')).toBe(-1)
  })

  it('does not take what ann\u2019s cookie held for what his own holds', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const opened = await visitor.open({ path: '/page' })
    await opened.live.set('division', 5)
    const gate = new Gate()
    opened.socket?.disconnect()
    opened.beforeAnswer = () => gate.pass()
    app.clock.advance(60_000)
    await visitor.fetch(`/set?values=${encodeURIComponent('{"division":6}')}`)
    void opened.live.set('cart', ['a']).catch(() => undefined)
    await gate.entered
    app.clock.advance(-30_000)
    await visitor.fetch('/login/now?user=bob')
    await opened.comeBack()
    await outcomeWithin(opened.connected(), 200)
    opened.cutPosts()
    const told = opened.connected()
    const saved = opened.live.set('division', 7)
    await told
    gate.open()
    expect(await outcomeWithin(saved, 500)).toBe('pending')
  })

  it('does not send his connection what it had before it heard whose it is', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const options = { transports: ['websocket'], forceNew: true, reconnectionDelay: 10 }
    const headers = () => ({ cookie: visitor.cookie, origin: visitor.url })
    const socket = connect(visitor.url, { ...options, extraHeaders: headers() })
    // An app whose own handler was there first, and sets something at every connection.
    let isSet = false
    socket.on('connect', () => {
      if (isSet) live.set('division', 5).catch(() => undefined)
    })
    const endpoint = new URL('/store_session', visitor.url).href
    const live = createLiveSession<AppFields>({ socket, endpoint, headers })
    await live.ready
    const greeted = new Promise<void>((resolve) => live.onVisitor(() => resolve()))
    socket.on('disconnect', () => Object.assign(socket.io.opts, { extraHeaders: headers() }))
    isSet = true
    await visitor.fetch('/login/now?user=bob')
    Object.assign(socket.io.opts, { extraHeaders: headers() })
    await greeted
    await live.flush()
    live.close()
    socket.disconnect()
    expect((await app.live.user('bob')).get('division')).toBe(-1)
  })

  it('saves what he sets as soon as it is his', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const opened = await visitor.open({ path: '/page' })
    await opened.connected()
    const saved = new Promise((resolve) => {
      opened.live.onVisitor(() => resolve(outcome(opened.live.set('division', 5))))
    })
    await visitor.fetch('/login/now?user=bob')
    expect(await saved).toBe('saved')
  })

  it('resolves the flush that ann has begun', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const opened = await visitor.open({ path: '/page' })
    await opened.connected()
    opened.cutPosts()
    void opened.live.set('division', 5).catch(() => undefined)
    const flushed = opened.live.flush()
    await visitor.fetch('/login/now?user=bob')
    expect(await outcome(flushed)).toBe('saved')
  })
})
