import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { REDIS_ADAPTERS } from '../support/app/adapters.js'
import { awaited } from '../support/app/awaited.js'
import { present } from '../support/app/present.js'
import { type RoomApp, startWithRooms } from '../support/app/rooms.js'
import { set, signedInAs, startWithUsers } from '../support/app/users.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'

const SUBJECT = 'user:s:ann'

const hash = (text: string, encoding: 'base64url' | 'hex' | 'base64'): string =>
  createHash('sha256').update(text).digest(encoding)

/** Names an attacker may derive from a known user id. */
const NAMES = ['ann', 's:ann', SUBJECT].flatMap((name) => [
  name,
  ...(['base64url', 'hex', 'base64'] as const).map((encoding) => hash(name, encoding)),
])

const PREFIXES = ['', 'live_session:', 'live_session', 'live_session:user:']

describe('threat 46: a client that may join any room', () => {
  /** A visitor with a greeted socket, and an attacker whose client may join any room. */
  async function start(path: string) {
    const app = await startWithUsers()
    app.io.on('connection', (socket) => {
      socket.on('join', async (rooms: string[], done: () => void) => {
        await socket.join(rooms)
        done()
      })
    })
    const visitor = app.visitor()
    await visitor.fetch(path)
    const attacker = await app.visitor().connect()
    await attacker.ticket()
    const join = (rooms: string[]) => attacker.io.emitWithAck('join', rooms)
    const names = (): string[] => attacker.tickets.map(({ claims }) => claims.sub)
    return { visitor, attacker, join, names }
  }

  it.each([
    ['a user with a known id', '/login/now?user=ann', NAMES],
    ['a guest with a known public name', '/set?values={"division":1}', []],
  ])('hears nothing of %s', async (_, path, known) => {
    const { visitor, attacker, join, names } = await start(path)
    const socket = await visitor.connect()
    const { sub } = (await socket.ticket()).claims
    await join(PREFIXES.flatMap((prefix) => [sub, socket.io.id, ...known].map((name) => prefix + name)))
    await socket.change('division', 7)
    await set(visitor, { theme: 'dark' })
    await attacker.change('division', 1)
    expect(names()).not.toContain(sub)
    expect(names()).not.toContain(hash(SUBJECT, 'base64url'))
  })
})

describe('threat 70: a page that sets a value to join a room', () => {
  it('joins only rooms of fields that pages may write', async () => {
    const app = await startWithRooms()
    const page = await app.visitor().connect()
    await page.change('division', 3)
    expect(await page.change('role', 'admin')).toMatchObject({ code: 'not_writable' })
    const heard: unknown[] = []
    page.io.on('news', (text) => heard.push(text))
    app.io.to(app.live.room('role', 'admin')).emit('news', 'of admins')
    app.io.to(app.live.room('division', 3)).emit('news', 'of 3')
    await page.exchange({})
    expect(heard).toEqual(['of 3'])
  })
})

describe('threat 71: the names of rooms', () => {
  it('depend on the secret and the field', async () => {
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

  it('overlap between nodes while secrets rotate', async () => {
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

describe('threat 72: the room of a former value', () => {
  it('loses its socket in the same turn as the change', async () => {
    const app = await startWithRooms()
    const visitor = app.visitor()
    const page = await visitor.connect()
    const [socket] = [...app.io.sockets.sockets.values()]
    const heard: unknown[] = []
    page.io.on('news', (text) => heard.push(text))
    void present(socket).liveSession.set('division', 4 as never)
    app.io.to(app.live.room('division', -1)).emit('news', 'of all')
    await page.exchange({})
    expect(heard).toEqual([])
  })
})

describe('threat 73: packets sent during a change, at two nodes', () => {
  describeWithServer(REDIS, 'joined by Redis', () => {
    let redis: RedisServer
    const ends: (() => Promise<unknown>)[] = []
    beforeAll(async () => {
      redis = await RedisServer.start()
    })
    afterAll(async () => {
      for (const end of ends) await end()
      await redis.stop()
    })

    it.each(['redis-adapter on node-redis', 'redis-adapter on ioredis'])('all arrive, in order: %s', async (name) => {
      const adapt = async (app: RoomApp): Promise<void> => {
        const end = await present(REDIS_ADAPTERS[name])(redis.path, name)(app.io)
        if (end) ends.push(end)
      }
      const [one, two] = [await startWithRooms({}, adapt), await startWithRooms({}, adapt)]
      while ((await one.io.of('/').adapter.serverCount()) < 2);
      const visitor = await signedInAs(two)
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
      await awaited('the end of the packets', all)
      expect(heard).toEqual(Array.from({ length: 100 }, (_, at) => at + 1))
    })
  })
})
