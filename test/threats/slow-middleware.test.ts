import { describe, expect, it } from '@jest/globals'
import type { App } from '../support/app.js'
import { AuthStore } from '../support/auth.js'
import { ENDS } from '../support/ends.js'
import { Gate } from '../support/gate.js'
import { RawSocket } from '../support/raw-socket.js'
import { startWithUsers } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

interface Held {
  readonly app: App
  readonly ann: Visitor
  readonly gate: Gate
}

/** The app's own middleware of the namespace holds up what comes in. */
async function start(namespace: string): Promise<Held> {
  const app = await startWithUsers({ store: new AuthStore() })
  const gate = new Gate()
  app.io.of(namespace).use((_socket, next) => void gate.pass().then(() => next()))
  const ann = app.visitor()
  await ann.fetch('/login/now?user=ann')
  return { app, ann, gate }
}

const change = async (app: App): Promise<void> => {
  await (await app.live.user('ann')).set('division', 66)
  await app.live.settled()
}

describe('threat 38: a handshake in the app\u2019s own slow middleware', () => {
  it.each(ENDS)('is not let in after %s, and hears nothing', async (_, end) => {
    const { app, ann, gate } = await start('/')
    const socket = await RawSocket.open(app.url, { cookie: ann.cookie, origin: app.url })
    socket.send('40')
    await gate.entered
    await end(app, ann)
    await change(app)
    gate.open()
    await socket.closed
    await change(app)
    expect(socket.received.filter((text) => text.startsWith('42'))).toEqual([])
    expect(app.io.sockets.sockets.size).toBe(0)
  })

  it.each(ENDS)('of a further namespace is not let in after %s', async (_, end) => {
    const { app, ann, gate } = await start('/slow')
    const socket = await RawSocket.enter(app.url, ann.cookie)
    socket.send('40/slow,')
    await gate.entered
    await end(app, ann)
    gate.open()
    await socket.closed
    expect(socket.received.filter((text) => text.includes('/slow'))).toEqual([])
    expect([app.io.sockets.sockets.size, app.io.of('/slow').sockets.size]).toEqual([0, 0])
  })

  it.each(ENDS)('is not let in where the namespace itself is made slowly, after %s', async (_, end) => {
    const { app, ann } = await start('/unused')
    const gate = new Gate()
    app.io.of((_name, _auth, next) => void gate.pass().then(() => next(null, true)))
    const socket = await RawSocket.enter(app.url, ann.cookie)
    socket.send('40/made,')
    await gate.entered
    await end(app, ann)
    gate.open()
    await socket.closed
    await change(app)
    expect(socket.received.filter((text) => text.includes('/made'))).toEqual([])
  })

  it('comes back by itself as who its browser is by then', async () => {
    const { app, ann, gate } = await start('/')
    const page = ann.open()
    await gate.entered
    await ann.fetch('/login/now?user=bob')
    gate.open()
    await (await page).connected()
    const users = [...app.io.sockets.sockets.values()].map((socket) => socket.liveSession.userId)
    expect(users).toEqual(['bob'])
  })
})
