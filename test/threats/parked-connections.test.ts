import { describe, expect, it } from '@jest/globals'
import type { Socket } from 'socket.io'
import type { App } from '../support/app.js'
import { AuthStore } from '../support/auth.js'
import { ENDS } from '../support/ends.js'
import { RawPolling } from '../support/raw-polling.js'
import { RawSocket } from '../support/raw-socket.js'
import { startWithUsers } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

async function start(): Promise<{ readonly app: App; readonly ann: Visitor }> {
  const app = await startWithUsers({ store: new AuthStore() })
  app.io.of('/other')
  const ann = app.visitor()
  await ann.fetch('/login/now?user=ann')
  return { app, ann }
}

/** Resolves when the server has seen the last socket of the namespace leave it. */
function left(app: App): Promise<unknown> {
  return new Promise((resolve) => app.io.sockets.sockets.forEach((socket) => void socket.once('disconnect', resolve)))
}

/** A connection of ann's that is in no namespace any more. */
async function park(app: App, ann: Visitor): Promise<RawSocket> {
  const socket = await RawSocket.enter(app.url, ann.cookie)
  const gone = left(app)
  socket.send('41')
  await gone
  return socket
}

/** How the one socket that there is is connected. */
function transportOf(app: App): Socket['conn']['transport'] | undefined {
  const [socket] = app.io.sockets.sockets.values()
  return socket?.conn.transport
}

const change = async (app: App): Promise<void> => {
  await (await app.live.user('ann')).set('division', 66)
  await app.live.settled()
}

describe('threat 37: a connection that has left every namespace', () => {
  it.each(ENDS)('is closed by %s, and hears nothing more', async (_, end) => {
    const { app, ann } = await start()
    const socket = await park(app, ann)
    const heard = socket.received.length
    await end(app, ann)
    await change(app)
    await socket.closed
    expect(socket.received.slice(heard)).toEqual([])
    expect(app.io.engine.clientsCount).toBe(0)
  })

  it.each(ENDS)('enters no namespace after %s', async (_, end) => {
    const { app, ann } = await start()
    const socket = await park(app, ann)
    const heard = socket.received.length
    await end(app, ann)
    socket.send('40')
    socket.send('40/other,')
    await change(app)
    await Promise.race([socket.closed, socket.next('40')])
    expect(socket.received.slice(heard).filter((text) => text.startsWith('4'))).toEqual([])
  })

  it.each(ENDS)('does not lock ann out, though there were as many as she may have: %s', async (_, end) => {
    const { app, ann } = await start()
    await Promise.all(Array.from({ length: 20 }, () => park(app, ann)))
    await end(app, ann)
    await ann.fetch('/login/now?user=ann')
    expect((await ann.connect()).io.connected).toBe(true)
  })

  it.each(ENDS)('that polls is closed by %s, with what it has not fetched', async (_, end) => {
    const { app, ann } = await start()
    const polling = await RawPolling.enter(app.url, ann.cookie)
    const gone = left(app)
    await change(app)
    await polling.send('41')
    await gone
    await end(app, ann)
    expect((await polling.send('40/other,')).status).toBe(400)
    const { status, text } = await polling.fetch()
    expect([status, text]).toEqual([400, expect.not.stringContaining('store_session')])
    expect(app.io.engine.clientsCount).toBe(0)
  })

  it.each(ENDS)('that polls and waits for news is closed by %s', async (_, end) => {
    const { app, ann } = await start()
    const polling = await RawPolling.enter(app.url, ann.cookie)
    const transport = transportOf(app)
    const gone = left(app)
    await polling.send('41')
    await gone
    const isWaiting = new Promise((resolve) => transport?.once('ready', resolve))
    const waiting = polling.fetch()
    await isWaiting
    await end(app, ann)
    expect((await waiting).text).not.toContain('store_session')
    expect(app.io.engine.clientsCount).toBe(0)
  })

  it.each(ENDS)('leaves and enters in one message, and is closed by %s', async (_, end) => {
    const { app, ann } = await start()
    const socket = await RawSocket.enter(app.url, ann.cookie)
    socket.sendFrames(Buffer.concat([RawSocket.frame('41'), RawSocket.frame('40/other,')]))
    await socket.next('40/other,')
    const heard = socket.received.length
    await end(app, ann)
    await change(app)
    await socket.closed
    expect(socket.received.slice(heard)).toEqual(['42/other,["live_session:reconnect","other_subject"]'])
  })
})

describe('threat 37: a connection of a guest that has left every namespace', () => {
  it.each([
    ['signs in', '/login/now?user=ann'],
    ['leaves', '/logout/leave'],
  ])('is closed when its browser %s', async (_, path) => {
    const app = await startWithUsers({ store: new AuthStore() })
    const guest = app.visitor()
    await guest.fetch('/set?values={"division":1}')
    const socket = await park(app, guest)
    await guest.fetch(path)
    socket.send('40')
    await Promise.race([socket.closed, socket.next('40')])
    expect(app.io.engine.clientsCount).toBe(0)
  })
})

describe('a connection that ends', () => {
  it.each([1, 3])('tells the browser why in each of %i namespaces', async (namespaces) => {
    const { app, ann } = await start()
    const socket = await RawSocket.enter(app.url, ann.cookie)
    for (let name = 1; name < namespaces; name += 1) {
      app.io.of(`/n${name}`)
      socket.send(`40/n${name},`)
      await socket.next(`40/n${name},`)
    }
    await app.live.revoke('ann')
    await socket.closed
    expect(socket.received.filter((text) => text.includes('live_session:reconnect')).length).toBe(namespaces)
  })

  it('tells it by polling, where the browser waits for news', async () => {
    const { app, ann } = await start()
    const polling = await RawPolling.enter(app.url, ann.cookie)
    const isWaiting = new Promise((resolve) => transportOf(app)?.once('ready', resolve))
    const waiting = polling.fetch()
    await isWaiting
    await app.live.revoke('ann')
    expect((await waiting).text).toContain('["live_session:reconnect","other_subject"]')
    expect(app.io.engine.clientsCount).toBe(0)
  })
})
