import { describe, expect, it } from '@jest/globals'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import { STORE_SESSION } from '../../shared/protocol.js'
import type { App } from '../support/app/app.js'
import { AuthStore } from '../support/app/auth.js'
import { once } from '../support/app/awaited.js'
import { ENDS } from '../support/app/ends.js'
import { Gate } from '../support/app/gate.js'
import { bring, open, serveSignIn, signIn, TAKE, tokenFor } from '../support/app/hand-offs.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { signedInAs, startWithUsers } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { bareTicket } from '../support/page/bare-ticket.js'
import { Page } from '../support/page/page.js'

const ENDPOINT = '/store_session'
const HAND_OFF = 'live_session:hand_off'
const LIFETIME = 60_000

/** An app that relays clients' events of any name to all others. */
async function start(): Promise<App> {
  const app = await startWithUsers({ routes: signIn })
  serveSignIn(app)
  app.io.on('connection', (socket) => {
    socket.on('say', (event, ...args) => socket.broadcast.emit(event, ...args))
  })
  return app
}

/** POSTs a relayed hand-off as the page does. */
const obey = async (visitor: Visitor, token: string, headers = {}): Promise<readonly unknown[]> => {
  const answer = await bring(visitor, token, headers, ENDPOINT)
  return [answer.status, answer.headers.get('location'), answer.headers.getSetCookie()]
}

/** A response that keeps the browser on its page. */
const NOWHERE = [204, null, []]
const ONWARD = [307, '/sign-in', []]

describe('threat 62: a hand-off that a stranger relays', () => {
  it('does not navigate another visitor’s page', async () => {
    const app = await start()
    const [eve, ann] = [await open(app), await open(app)]
    const heard = once(ann.socket.io, HAND_OFF)
    const good = await tokenFor(eve.socket, 'eve')
    eve.socket.io.emit('say', HAND_OFF, good)
    expect(await heard).toEqual([good])
    for (const token of [good, '/account/delete', '//evil.example', '']) {
      expect(await obey(ann.visitor, token)).toEqual(NOWHERE)
    }
    expect(await obey(app.visitor(), good)).toEqual(NOWHERE)
    for (let time = 0; time < 2; time += 1) expect(await obey(eve.visitor, good)).toEqual(ONWARD)
    expect(await (await bring(eve.visitor, good, {}, TAKE)).json()).toEqual({ user: 'eve' })
    expect(app.errors).toEqual([])
  })

  it('leads nowhere after its expiry or another user’s sign-in', async () => {
    const app = await start()
    const [ann, bob] = [await open(app), await open(app)]
    const [late, former] = [await tokenFor(ann.socket), await tokenFor(bob.socket)]
    await bob.visitor.fetch('/login/now?user=bob')
    expect(await obey(bob.visitor, former)).toEqual(NOWHERE)
    app.clock.advance(LIFETIME)
    expect(await obey(ann.visitor, late)).toEqual(NOWHERE)
  })

  it('fails from another site', async () => {
    const app = await start()
    const { visitor, socket } = await open(app)
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    expect(await obey(visitor, await tokenFor(socket), headers)).toEqual([403, null, []])
  })
})

describe('threat 98: a forged ticket that a stranger relays', () => {
  const NOW = 1_800_000_000_000

  it.each([
    ['of a made-up subject', { sub: 'made-up' }, NOW],
    ['with the largest possible stamp', { sub: subjectHash(userSubject('ann')) }, 2 ** 53 - 2],
  ])('does not change the page: %s', async (_, claims, stamp) => {
    const app = await start()
    const visitor = await signedInAs(app)
    const page = await Page.open(visitor)
    await page.connected()
    const { socket } = await open(app)
    const heard = once(page.socket, STORE_SESSION)
    const changes = [['division', stamp, 'against the schema']] as const
    socket.io.emit('say', STORE_SESSION, bareTicket({ iat: NOW / 1000, ...claims, changes }))
    await heard
    expect([page.live.get('division'), page.posts.filter(({ tickets }) => tickets)]).toEqual([-1, []])
    page.close()
  })
})

describe('threat 38: a handshake in slow middleware', () => {
  interface Held {
    readonly app: App
    readonly ann: Visitor
    readonly gate: Gate
  }

  /** Starts an app whose middleware holds the namespace's sockets back. */
  async function start(namespace: string): Promise<Held> {
    const app = await startWithUsers({ store: new AuthStore() })
    const gate = new Gate()
    app.io.of(namespace).use((_socket, next) => void gate.pass().then(() => next()))
    const ann = await signedInAs(app)
    return { app, ann, gate }
  }

  const change = async (app: App): Promise<void> => {
    await (await app.live.user('ann')).set('division', 66)
    await app.live.settled()
  }

  it.each(ENDS)('fails after %s', async (_, end) => {
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

  it.each(ENDS)('fails in other namespaces after %s', async (_, end) => {
    const { app, ann, gate } = await start('/slow')
    app.io.of((_name, _auth, next) => void gate.pass().then(() => next(null, true)))
    const socket = await RawSocket.enter(app.url, ann.cookie)
    for (const packet of ['40/slow,', '40/dynamic,']) socket.send(packet)
    await gate.entered
    await end(app, ann)
    gate.open()
    await socket.closed
    await change(app)
    expect(socket.received.filter((text) => /slow|dynamic/.test(text))).toEqual([])
    expect([app.io.sockets.sockets.size, app.io.of('/slow').sockets.size]).toEqual([0, 0])
  })

  it('reconnects as the new user of its browser', async () => {
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
