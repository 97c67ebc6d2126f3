import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import type { Socket } from 'socket.io'
import { REDIS_ADAPTERS } from '../support/app/adapters.js'
import type { App, AppOptions } from '../support/app/app.js'
import { browserId } from '../support/app/browser-id.js'
import { as, startWithHeaders } from '../support/app/kinds-of-cookies.js'
import { present } from '../support/app/present.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { expectRooms, type RoomApp, startWithRooms } from '../support/app/rooms.js'
import { set, startWithUsers } from '../support/app/users.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'

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
    const gone = new Promise((resolve) => present(app.io.sockets.sockets.get(sid)).once('disconnect', resolve))
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

describe('threat 70: a page that sets a value to listen in', () => {
  it('may, where the field is for pages to set, and may not where only the server sets it', async () => {
    const app = await startWithRooms()
    const page = await app.visitor().connect()
    await page.change('division', 3)
    expect(await page.change('role', 'admin')).toMatchObject({ code: 'not_writable' })
    const heard: unknown[] = []
    page.io.on('news', (text) => heard.push(text))
    app.io.to(app.live.room('role', 'admin')).emit('news', 'of admins')
    app.io.to(app.live.room('division', 3)).emit('news', 'of 3')
    await page.sync({})
    expect(heard).toEqual(['of 3'])
  })
})

describe('threat 71: the names of rooms', () => {
  it('tell a client that may join any room by its name nothing: who has no secret cannot make one', async () => {
    const [app, other] = [
      await startWithRooms(),
      await startWithRooms({ keys: ['another secret of thirty-two bytes or so'] }),
    ]
    const rooms = (['role', 'theme'] as const).flatMap((key) => app.live.room(key, 'admin'))
    expect(rooms).toEqual([
      expect.stringMatching(/^live_session:value:[\w-]{43}$/),
      expect.stringMatching(/^live_session:value:[\w-]{43}$/),
    ])
    expect(new Set([...rooms, ...other.live.room('role', 'admin')]).size).toBe(3)
  })

  it('share a name during a rotation of secrets, whichever node a socket is at', async () => {
    const [old, fresh] = ['an old secret of at least thirty-two bytes', 'a new secret of at least thirty-two bytes']
    const rooms: string[][] = []
    for (const keys of [[old], [old, fresh], [fresh, old], [fresh]])
      rooms.push((await startWithRooms({ keys })).live.room('division', 3))
    const shared = rooms.slice(1).map((names, at) => names.filter((name) => present(rooms[at]).includes(name)).length)
    expect([shared, rooms.map(({ length }) => length)]).toEqual([
      [1, 2, 1],
      [1, 2, 2, 1],
    ])
  })
})

describe('threat 72: a former value', () => {
  it('are those of now for a recovered socket, which misses what was sent to the former one', async () => {
    const connectionStateRecovery = { maxDisconnectionDuration: 60_000, skipMiddlewares: false }
    const app = await startWithRooms({ io: { connectionStateRecovery } })
    const visitor = app.visitor()
    await visitor.store()
    const page = await visitor.connect()
    await page.change('division', 3)
    const heard: unknown[] = []
    page.io.on('figures', (text) => heard.push(text))
    app.io.emit('figures', 'an offset to come back with')
    await page.sync({})
    const gone = once([...app.io.sockets.sockets.values()][0] as Socket, 'disconnect')
    page.io.io.engine.close()
    await gone
    await set(visitor, { division: 4 })
    app.io.to(app.live.room('division', 3)).emit('figures', 'missed, of 3')
    const back = once(app.io, 'connection')
    page.io.connect()
    const [socket] = await back
    expect(socket.recovered).toBe(true)
    await page.sync({})
    expect(heard).toEqual(['an offset to come back with'])
    expectRooms(app)
  })

  it('brings nothing more to a page as soon as its value has changed, in the same turn', async () => {
    const app = await startWithRooms()
    const visitor = app.visitor()
    const page = await visitor.connect()
    const [socket] = [...app.io.sockets.sockets.values()]
    const heard: unknown[] = []
    page.io.on('news', (text) => heard.push(text))
    void present(socket).liveSession.set('division', 4 as never)
    app.io.to(app.live.room('division', -1)).emit('news', 'of all')
    await page.sync({})
    expect(heard).toEqual([])
  })
})

describe('threat 73: what is sent in the moment of a change, at two nodes', () => {
  describeWithServer(REDIS, 'that a Redis joins', () => {
    let redis: RedisServer
    const ends: (() => Promise<unknown>)[] = []
    beforeAll(async () => {
      redis = await RedisServer.start()
    })
    afterAll(async () => {
      for (const end of ends) await end()
      await redis.stop()
    })

    it.each(['redis-adapter on node-redis', 'redis-adapter on ioredis'])(
      'bring 100 of 100 packets that are sent in the moment of the change: %s',
      async (name) => {
        const adapt = async (app: RoomApp): Promise<void> => {
          const end = await present(REDIS_ADAPTERS[name])(redis.path, name)(app.io)
          if (end) ends.push(end)
        }
        const [one, two] = [await startWithRooms({}, adapt), await startWithRooms({}, adapt)]
        while ((await one.io.of('/').adapter.serverCount()) < 2);
        const visitor = two.visitor()
        await visitor.fetch('/login/now?user=ann')
        const { io } = await visitor.connect()
        const heard: number[] = []
        const all = new Promise<void>((resolve) => {
          io.on('figures', (value) => (value === 'end' ? resolve() : heard.push(value)))
        })
        const ann = await one.live.user('ann')
        for (let division = 1; division <= 100; division += 1) {
          void ann.set('division', division)
          one.io.to(one.live.room('division', division - 1)).emit('figures', -division)
          one.io.to(one.live.room('division', division)).emit('figures', division)
        }
        one.io.emit('figures', 'end')
        await all
        expect(heard).toEqual(Array.from({ length: 100 }, (_, at) => at + 1))
      },
    )
  })
})
