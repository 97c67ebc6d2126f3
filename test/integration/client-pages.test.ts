import { describe, expect, it, jest } from '@jest/globals'
import type { App } from '../support/app.js'
import { pages } from '../support/auth.js'
import { outcome } from '../support/bounded.js'
import { Gate } from '../support/gate.js'
import { set, startWithUsers, values } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'
import { turns } from '../support/within.js'

const start = (): Promise<App> => startWithUsers({ routes: pages })

/** A page of the visitor that has set a value, and whose POST of it is held up. */
async function setAndHold(visitor: Visitor) {
  const opened = await visitor.open()
  await opened.live.ready
  const gate = new Gate()
  opened.beforePost = () => gate.pass()
  const saved = outcome(opened.live.set('division', 5))
  await gate.entered
  return { opened, saved, gate }
}

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

  it('that was opened at once with another, whose cookie came later, drops what it has set, and goes on as the same visitor', async () => {
    const app = await start()
    const visitor = app.visitor()
    const page = await visitor.open({ path: '/page' })
    await page.connected()
    visitor.forget()
    const other = await visitor.open({ path: '/page' })
    await other.connected()
    expect(await outcome(page.live.set('division', 5))).toBe('superseded')
    expect([page.live.get('division'), await values(visitor)]).toMatchObject([-1, { division: -1 }])
    await other.live.set('division', 6)
    await page.shows('division', 6)
    expect(await outcome(page.live.set('division', 7))).toBe('saved')
  })

  it('of a guest does not take a sign-in elsewhere for blocked cookies', async () => {
    const app = await start()
    const elsewhere = app.visitor()
    await elsewhere.fetch('/login/now?user=ann')
    await set(elsewhere, { division: 7 })
    app.clock.advance(1)
    const visitor = app.visitor()
    const { opened, saved, gate } = await setAndHold(visitor)
    await visitor.fetch('/login/now?user=ann')
    gate.open()
    expect(await saved).toBe('superseded')
    expect(await values(visitor)).toMatchObject({ division: 7 })
    await opened.shows('division', 7)
    await opened.reaches('division', 'saved')
  })

  it('of a guest goes on as the user who has signed in, also where its socket does not come back', async () => {
    const app = await start()
    const visitor = app.visitor()
    const { opened, saved, gate } = await setAndHold(visitor)
    opened.socket.disconnect()
    await visitor.fetch('/login/now?user=ann')
    gate.open()
    expect(await saved).toBe('superseded')
    await opened.live.flush()
    expect([opened.live.status('division'), opened.live.get('division')]).toEqual([{ status: 'saved' }, 5])
  })

  it('of a user whose socket came without a cookie has the browser\u2019s own values once there is one', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/unused?user=ann')
    visitor.forget()
    const opened = await visitor.open()
    await opened.connected()
    await opened.live.set('division', 5)
    await set(visitor, { theme: 'dark' })
    await opened.shows('theme', 'dark')
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
