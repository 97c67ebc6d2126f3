import { describe, expect, it } from '@jest/globals'
import type { ServerOptions, Socket } from 'socket.io'
import { App } from '../support/app/app.js'
import { AuthStore } from '../support/app/auth.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { ENDS } from '../support/app/ends.js'
import { present } from '../support/app/present.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { signedInAs, startWithUsers } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const connectionStateRecovery = { maxDisconnectionDuration: 60_000, skipMiddlewares: false }

/** A lost connection, as its browser remembers it. */
interface Lost {
  readonly pid: string
  readonly sid: string
  readonly offset: string
}

/** An app that gives each user a room and socket data of their own. */
async function start(
  io: Partial<ServerOptions> = {},
): Promise<{ readonly app: App; readonly ann: Visitor; readonly entered: Socket[] }> {
  const app = await startWithUsers({ store: new AuthStore(), io: { connectionStateRecovery, ...io } })
  const entered: Socket[] = []
  app.io.on('connection', (socket) => {
    entered.push(socket)
    if (socket.recovered) return
    const { userId = 'guest' } = socket.liveSession
    void socket.join(`room of ${userId}`)
    socket.data.name = userId
  })
  const ann = await signedInAs(app)
  return { app, ann, entered }
}

const open = ({ url }: App, cookie: string): Promise<RawSocket> => RawSocket.open(url, { cookie, origin: url })

/** Loses a visitor's connection in a namespace, after the connection has the newest packet. */
async function lose(app: App, { cookie }: Visitor, name = '', beforeLoss?: (sid: string) => void): Promise<Lost> {
  const nsp = name === '' ? '' : `${name},`
  const socket = await open(app, cookie)
  socket.send(`40${nsp}`)
  const { pid, sid } = JSON.parse((await socket.next(`40${nsp}`)).slice(2 + nsp.length))
  const namespace = app.io.of(name)
  namespace.emit('app', 'heard')
  const [, , offset] = JSON.parse((await socket.next(`42${nsp}["app","heard"`)).slice(2 + nsp.length))
  const gone = new Promise((resolve) => present(namespace.sockets.get(sid)).once('disconnect', resolve))
  beforeLoss?.(sid)
  socket.hangUp()
  await gone
  return { pid, sid, offset }
}

/** Sends to ann and her rooms while the connection is lost. */
async function miss(app: App, { sid }: Lost): Promise<void> {
  await (await app.live.user('ann')).set('division', 66)
  await app.live.settled()
  app.io.emit('app', 'missed by all')
  app.io.to('room of ann').emit('app', 'missed by the room')
  app.io.to(sid).emit('app', 'missed by the socket')
}

/** Claims the lost connection, and returns all packets of a round trip. */
async function claim(app: App, cookie: string, lost: Lost): Promise<readonly string[]> {
  const socket = await open(app, cookie)
  socket.send(`40${JSON.stringify(lost)}`)
  for (;;) {
    const text = await socket.next('4')
    if (text.startsWith('44')) break
    if (!text.startsWith('40')) continue
    app.io.to('room of ann').emit('app', 'later for the room')
    app.io.to(lost.sid).emit('app', 'later for the socket')
    await socket.ask('live_session:exchange', '{}')
    break
  }
  socket.hangUp()
  return socket.received
}

const of = (received: readonly string[], start: string): string[] => received.filter((text) => text.startsWith(start))
type Recovery = NonNullable<ServerOptions['connectionStateRecovery']>

describe('threats 20 and 39: connection state recovery', () => {
  it.each([
    ['with defaults', {}],
    ['with skipMiddlewares', { skipMiddlewares: true }],
  ])('is rejected by attach(), %s', async (_, recovery) => {
    const app = await App.start({ isAttached: false, io: { connectionStateRecovery: recovery as Recovery } })
    expect(() => app.live.attach(app.io)).toThrow(
      new TypeError(
        'koa-live-session: attach(io): connectionStateRecovery readmits a socket without checking its visitor, ' +
          'even after a sign-out. Set connectionStateRecovery: { skipMiddlewares: false }',
      ),
    )
  })

  it.each(ENDS)('replays nothing after %s', async (_, end) => {
    const { app, ann, entered } = await start()
    const former = ann.cookie
    const lost = await lose(app, ann)
    await miss(app, lost)
    await end(app, ann)
    await miss(app, lost)
    await ann.store()
    const cookies = [ann.cookie, former, '', ann.cookie]
    await ann.fetch('/login/now?user=ann')
    for (const cookie of [...cookies, ann.cookie]) {
      const received = await claim(app, cookie, lost)
      expect(of(received, '42["app","missed')).toEqual([])
      expect(of(received, '42["app","later for the socket')).toEqual([])
      const [welcome = '40{}'] = of(received, '40')
      const { sid, pid } = JSON.parse(welcome.slice(2))
      expect([lost.sid, lost.pid]).not.toEqual(expect.arrayContaining([sid]))
      expect([lost.sid, lost.pid]).not.toEqual(expect.arrayContaining([pid]))
    }
    expect(entered.filter(({ recovered }) => recovered)).toEqual([])
    expect(new Set(entered.map(({ data }) => data)).size).toBe(entered.length)
  })

  it.each(ENDS)('does not recover a socket closed by %s', async (_, end) => {
    const { app, ann } = await start()
    const socket = await open(app, ann.cookie)
    socket.send('40')
    const { pid, sid } = JSON.parse((await socket.next('40')).slice(2))
    app.io.emit('app', 'heard')
    const [, , offset] = JSON.parse((await socket.next('42["app","heard"')).slice(2))
    const { cookie } = ann
    await end(app, ann)
    await socket.closed
    const lost = { pid, sid, offset }
    await miss(app, lost)
    for (const jar of [ann.cookie, cookie]) expect(of(await claim(app, jar, lost), '42["app"')).toEqual([])
  })

  it('replays missed packets to the same visitor', async () => {
    const { app, ann, entered } = await start()
    const lost = await lose(app, ann)
    await miss(app, lost)
    const received = await claim(app, ann.cookie, lost)
    expect(of(received, '42["app"').map((text) => JSON.parse(text.slice(2))[1])).toEqual([
      'missed by all',
      'missed by the room',
      'missed by the socket',
      'later for the room',
      'later for the socket',
    ])
    expect(of(received, '42["store_session"').length).toBe(1)
    expect(JSON.parse(of(received, '40')[0]?.slice(2) ?? '')).toEqual({ pid: lost.pid, sid: lost.sid })
    expect(entered.map(({ recovered, data }) => [recovered, data])).toEqual([
      [false, { name: 'ann' }],
      [true, { name: 'ann' }],
    ])
  })

  it('recovers a guest only under the same cookie', async () => {
    const { app } = await start()
    const [guest, other] = [app.visitor(), app.visitor()]
    for (const visitor of [guest, other]) await visitor.fetch('/set?values={"division":1}')
    expect(cookieContent(guest).browser).not.toBe(cookieContent(other).browser)
    const lost = await lose(app, guest)
    await miss(app, lost)
    for (const cookie of ['', other.cookie]) expect(of(await claim(app, cookie, lost), '42["app","missed')).toEqual([])
    expect(of(await claim(app, guest.cookie, lost), '42["app","missed').length).toBe(2)
  })

  it('does not recover a user without a live cookie', async () => {
    const { app } = await start()
    const ann = app.visitor()
    await ann.fetch('/login/unused?user=ann')
    const lost = await lose(app, ann)
    await miss(app, lost)
    expect(of(await claim(app, ann.cookie, lost), '42["app","missed')).toEqual([])
  })

  it('replays nothing to the next user if dynamic namespaces have another adapter', async () => {
    const { app, ann } = await start()
    app.io.of(/^\/dyn-\d$/).on('connection', (socket) => void socket.join('room of ann'))
    const Adapter = app.io.adapter()
    app.io.adapter(class extends (Adapter as never as new (nsp: unknown) => object) {} as never)
    const { pid, offset } = await lose(app, ann, '/dyn-1')
    app.io.of('/dyn-1').to('room of ann').emit('app', 'missed')
    await ann.fetch('/login/now?user=bob')
    const bobs = await open(app, ann.cookie)
    bobs.send(`40/dyn-1,${JSON.stringify({ pid, offset })}`)
    await bobs.next('40/dyn-1,')
    bobs.send('42/dyn-1,7["live_session:exchange",{}]')
    await bobs.next('43/dyn-1,7')
    expect(of(bobs.received, '42/dyn-1,["app"')).toEqual([])
  })

  it('compares each of two parallel claims with its own visitor', async () => {
    const { app, ann } = await start({ cleanupEmptyChildNamespaces: true })
    const sessions: Map<unknown, unknown> = new Map()
    const packets: unknown[] = []
    const Adapter = app.io.adapter() as unknown as new (nsp: unknown) => { sessions: unknown; packets: unknown }
    // Lost sessions and packets outlive the namespace, as in another process.
    app.io.adapter(
      class extends Adapter {
        override sessions = sessions
        override packets = packets
      } as never,
    )
    const waiting: (() => void)[] = []
    let atOnce = 1
    let hasAsked = (): void => undefined
    app.io.of((_name, _auth, next) => {
      waiting.push(() => next(null, true))
      hasAsked()
      if (waiting.length === atOnce) for (const enter of waiting.splice(0)) enter()
    })
    const nsp = '/game,'
    const { pid, sid, offset } = await lose(app, ann, '/game', (id) => app.io.of('/game').to(id).emit('app', 'missed'))
    atOnce = 2
    const eve = await open(app, app.visitor().cookie)
    const again = await open(app, ann.cookie)
    const isWaiting = new Promise<void>((resolve) => {
      hasAsked = resolve
    })
    eve.send(`40${nsp}${JSON.stringify({ pid, offset })}`)
    await isWaiting
    again.send(`40${nsp}${JSON.stringify({ pid, offset })}`)
    const welcomes = [await eve.next(`40${nsp}`), await again.next(`40${nsp}`)]
    expect(welcomes.map((text) => text.includes(sid))).toEqual([false, true])
    expect([eve, again].map(({ received }) => of(received, `42${nsp}["app","missed"`).length)).toEqual([0, 1])
  })
})
