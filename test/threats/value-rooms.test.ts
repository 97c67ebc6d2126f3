import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Socket } from 'socket.io'
import { REDIS_ADAPTERS } from '../support/adapters.js'
import { expectRooms, type RoomApp, startWithRooms } from '../support/rooms.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'
import { set } from '../support/users.js'

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
    const shared = rooms.slice(1).map((names, at) => names.filter((name) => rooms[at]?.includes(name)).length)
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
    void socket?.liveSession.set('division', 4 as never)
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
          const end = await REDIS_ADAPTERS[name]?.(redis.path, name)(app.io)
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
