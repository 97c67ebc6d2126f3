import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import type { App, AppOptions } from '../support/app.js'
import { browserId } from '../support/browser-id.js'
import { as, startWithHeaders } from '../support/kinds-of-cookies.js'
import { RawSocket } from '../support/raw-socket.js'
import { set, startWithUsers } from '../support/users.js'

const SUBJECT = 'user:s:ann'
const hash = (text: string, encoding: 'base64url' | 'hex' | 'base64'): string =>
  createHash('sha256').update(text).digest(encoding)

/** What can be said of a user whose id is known. */
const NAMES = ['ann', 's:ann', SUBJECT].flatMap((name) => [
  name,
  ...(['base64url', 'hex', 'base64'] as const).map((encoding) => hash(name, encoding)),
])
const PREFIXES = ['', 'live_session:', 'live_session', 'live_session:user:']

/** An app whose clients may say which room they join. */
async function start(): Promise<App> {
  const app = await startWithUsers()
  app.io.on('connection', (socket) => {
    socket.on('join', async (rooms: string[], done: () => void) => {
      await socket.join(rooms)
      done()
    })
  })
  return app
}

describe('threat 46: where clients may name the room they join', () => {
  it('hears nothing of a user whose id it knows', async () => {
    const app = await start()
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    const socket = await ann.connect()
    await socket.ticket()
    await socket.ticket()
    const attacker = await app.visitor().connect()
    await attacker.ticket()
    await attacker.io.emitWithAck(
      'join',
      PREFIXES.flatMap((prefix) => NAMES.map((name) => prefix + name)),
    )
    await socket.change('division', 7)
    await set(ann, { theme: 'dark' })
    await attacker.change('division', 1)
    const sub = hash(SUBJECT, 'base64url')
    expect(attacker.tickets.filter(({ claims }) => claims.sub === sub)).toEqual([])
    expect((await socket.ticket()).claims.changes).toEqual([['division', app.clock.now(), 7]])
  })

  it('hears nothing of a browser whose public name it knows', async () => {
    const app = await start()
    const guest = app.visitor()
    await set(guest, { division: 1 })
    const socket = await guest.connect()
    const { sub } = (await socket.ticket()).claims
    const attacker = await app.visitor().connect()
    await attacker.ticket()
    await attacker.io.emitWithAck(
      'join',
      PREFIXES.map((prefix) => prefix + sub),
    )
    await socket.change('division', 7)
    await attacker.change('division', 1)
    expect(attacker.tickets.map(({ claims }) => claims.sub)).not.toContain(sub)
  })

  it('hears no greeting by the id of another socket, where that one is recovered', async () => {
    const app = await startWithUsers({ io: { connectionStateRecovery: { skipMiddlewares: false } } })
    app.io.on('connection', (socket) => {
      socket.on('join', (rooms: string[], done: () => void) => {
        void socket.join(rooms)
        done()
      })
    })
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    const socket = await RawSocket.open(app.url, { cookie: ann.cookie, origin: app.url })
    socket.send('40')
    const { sid, pid } = JSON.parse((await socket.next('40')).slice(2))
    app.io.emit('app', 'heard')
    const offset = JSON.parse((await socket.next('42["app"')).slice(2))[2]
    const attacker = await app.visitor().connect()
    await attacker.ticket()
    await attacker.io.emitWithAck('join', [sid])
    const gone = new Promise((resolve) => app.io.sockets.sockets.get(sid)?.once('disconnect', resolve))
    socket.hangUp()
    await gone
    const again = await RawSocket.open(app.url, { cookie: ann.cookie, origin: app.url })
    again.send(`40${JSON.stringify({ pid, offset })}`)
    await again.next('40')
    await again.ask('live_session:sync', '{}')
    await attacker.change('division', 1)
    expect(attacker.tickets.map(({ claims }) => claims.sub)).not.toContain(hash(SUBJECT, 'base64url'))
  })
})

describe('the rooms of a socket', () => {
  /** The rooms of a socket that ann opens in a browser, besides the one that has the socket's own id. */
  const roomsWith = async (keys: string[], options: AppOptions<never>['io'] = {}): Promise<string[]> => {
    const app = await startWithHeaders({ keys, io: options })
    const ann = app.visitor(cookieFor(app.live, { browserId: browserId('a-browser'), userId: 'ann' }))
    const socket = await ann.connect('/', as('ann'))
    await socket.change('division', 7)
    const { rooms } = app.io.of('/').adapter
    return [...rooms.keys()].filter((room) => room !== socket.io.id)
  }
  const [one, two] = ['1'.repeat(32), '2'.repeat(32)]

  it('are none of ours: adapters may have a channel for each, which only this node would need', async () => {
    expect(await roomsWith([one])).toEqual([])
  })

  it('are one with recovery, which is the same on every node with the same first key, and another with others', async () => {
    const recovery = { connectionStateRecovery: { skipMiddlewares: false } }
    const [a, b, c] = [
      await roomsWith([one, two], recovery),
      await roomsWith([one], recovery),
      await roomsWith([two], recovery),
    ]
    expect(a).toEqual(b)
    expect(a).toEqual([expect.stringMatching(/^live_session:[\w-]{43}$/)])
    expect(c).not.toEqual(a)
  })
})
