import { describe, expect, it, jest } from '@jest/globals'
import type { App } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import { outcome } from '../support/app/bounded.js'
import { Gate } from '../support/app/gate.js'
import { startWithUsers, values } from '../support/app/users.js'
import { turns } from '../support/app/within.js'

const start = (): Promise<App> => startWithUsers({ routes: pages })

describe('a page', () => {
  it('keeps what is the browser\u2019s own where the same user comes back after a logout', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const opened = await visitor.open({ path: '/page' })
    await opened.live.set('theme', 'dark')
    opened.socket.disconnect()
    await visitor.fetch('/logout/leave')
    await visitor.fetch('/login/now?user=ann')
    await opened.comeBack()
    await opened.live.flush()
    expect([opened.live.get('theme'), await values(visitor)]).toMatchObject(['dark', { theme: 'dark' }])
  })

  it.each([
    ['that does not say whose it is', undefined, {}],
    ['of a user without consent', '/page', { consent: () => false }],
  ])('%s, and is a user\u2019s, writes nothing for the guest after the sign-out', async (_, path, options) => {
    const app = await startWithUsers({ routes: pages, options })
    const visitor = app.visitor()
    await visitor.fetch('/login/unused?user=ann')
    visitor.forget()
    const opened = await visitor.open(path === undefined ? {} : { path })
    await opened.connected()
    opened.socket.disconnect()
    opened.beforePost = async () => {
      if (opened.posts.length === 1) await visitor.fetch('/logout/unused')
      else await visitor.fetch('/login/now?user=bob')
    }
    expect(await outcome(opened.live.set('division', 5))).not.toBe('saved')
    expect(opened.posts.filter(({ set, who }) => set && who === undefined)).toEqual([])
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })

  it.each([
    ['a guest', 'cart', ['x'], '/logout/leave'],
    ['a guest', 'cart', ['x'], '/unused'],
    ['ann', 'theme', 'dark', '/logout/leave'],
  ] as const)(
    'under an id that the browser of %s has lost leaves nothing of %s to who signs in next',
    async (user, key, value, path) => {
      const app = await start()
      const visitor = app.visitor()
      if (user === 'ann') await visitor.fetch('/login/unused?user=ann')
      visitor.forget()
      const opened = await visitor.open({ path: '/page' })
      await opened.connected()
      visitor.forget()
      await visitor.fetch('/page')
      const gate = new Gate()
      opened.beforePost = () => gate.pass()
      const saved = outcome(opened.live.set(key, value as never))
      await gate.entered
      await visitor.fetch(path)
      await visitor.fetch('/login/now?user=bob')
      const told = opened.connected()
      gate.open()
      expect(await saved).toBe('superseded')
      await told
      await opened.live.flush()
      expect(await values(visitor)).toMatchObject({ cart: [], theme: 'light' })
    },
  )

  it('that could not say whose it was does not write for who signs in next', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=bob')
    const opened = await visitor.open({ hasSocket: false })
    await opened.live.set('theme', 'dark')
    await visitor.fetch('/login/now?user=ann')
    expect(await outcome(opened.live.set('division', 3))).toBe('superseded')
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })

  it('does not connect a socket again that its app has disconnected', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const opened = await visitor.open()
    await opened.live.ready
    opened.socket.disconnect()
    await visitor.fetch('/logout?unused')
    const live = visitor.cookie.split('; ').filter((pair) => !pair.startsWith('app'))
    Object.assign(opened.socket.io.opts, { extraHeaders: { cookie: live.join('; '), origin: visitor.url } })
    const refused = new Promise((resolve) => opened.socket.once('connect_error', resolve))
    const { post } = opened
    const gate = new Gate()
    const answered = new Promise<void>((resolve) => {
      opened.post = async (input, init) => {
        await gate.pass()
        const answer = await post.call(opened, input, init)
        await answer.clone().text()
        resolve()
        return answer
      }
    })
    opened.socket.connect()
    await refused
    await gate.entered
    opened.close()
    const again = jest.fn()
    Object.assign(opened.socket, { connect: again })
    gate.open()
    await answered
    // The page reads the answer.
    await turns(10)
    expect(again).not.toHaveBeenCalled()
  })
})

describe('what ann set while she was offline', () => {
  it.each([[true], [false]])('is not posted as bob, who has signed in meanwhile (socket: %s)', async (hasSocket) => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const opened = await visitor.open({ path: '/page', hasSocket })
    if (hasSocket) {
      await opened.connected()
      opened.socket.disconnect()
    }
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
    opened.socket.io.engine.close()
    await opened.connected()
    const saved = outcome(opened.live.set('division', 5))
    await visitor.fetch('/logout/leave')
    await saved
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })
})
