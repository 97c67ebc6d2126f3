import { describe, expect, it } from '@jest/globals'
import type { Socket } from 'socket.io'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { once } from '../support/app/awaited.js'
import { Bus } from '../support/app/bus.js'
import { present } from '../support/app/present.js'
import { expectRooms, isIn, type RoomApp, serverEnd, startWithRooms } from '../support/app/rooms.js'
import { set } from '../support/app/users.js'

describe('rooms of values', () => {
  it("include a socket before the app's connection handler runs", async () => {
    const app = await startWithRooms()
    const visitor = app.visitor()
    await set(visitor, { division: 3 })
    const found = once(app.io, 'connection').then(([socket]) => isIn(app, socket, 3))
    await visitor.connect()
    expect(await found).toBe(true)
    expectRooms(app)
  })

  it('move a socket before set returns and listeners run', async () => {
    const app = await startWithRooms()
    const socket = await serverEnd(app, () => app.visitor().connect())
    const found = (): boolean[] => [-1, 3].map((division) => isIn(app, socket, division))
    const heard: unknown[] = []
    socket.liveSession.onChange(() => heard.push(found()))
    expect(found()).toEqual([true, false])
    void socket.liveSession.set('division', 3 as never)
    expect(found()).toEqual([false, true])
    void socket.liveSession.delete('division')
    expect(found()).toEqual([true, false])
    expect(heard).toEqual([
      [false, true],
      [true, false],
    ])
  })

  it('of a tab field include that tab only', async () => {
    const app = await startWithRooms()
    const visitor = app.visitor()
    await set(visitor, { division: 3 })
    const [one, two] = [await visitor.connect(), await visitor.connect()]
    await one.change('step', 2)
    expectRooms(app)
    const heard: string[] = []
    one.io.on('figures', () => heard.push('one'))
    two.io.on('figures', () => heard.push('two'))
    app.io.to(app.live.room('step', 2)).emit('figures')
    app.io.to(app.live.room('division', 3)).emit('figures')
    for (const socket of [one, two]) await socket.change('step', 5)
    expect(heard.sort()).toEqual(['one', 'one', 'two'])
  })

  it('follow changes by requests, pages, sockets and jobs in every tab', async () => {
    const app = await startWithRooms()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const [page] = [await visitor.connect(), await visitor.connect()]
    await set(visitor, { division: 2, theme: 'dark' })
    expectRooms(app)
    await page.change('division', 5)
    expectRooms(app)
    await page.io.emitWithAck('set', 'theme', 'sepia')
    expectRooms(app)
    const ann = await app.live.user('ann')
    await ann.setMany({ role: 'paid', division: 6 })
    expectRooms(app)
    expect([...app.io.sockets.sockets.values()].map(({ liveSession }) => liveSession.get('role' as never))).toEqual([
      'paid',
      'paid',
    ])
    const open = [...app.io.sockets.sockets.values()]
    await app.live.erase('ann')
    expect(open.flatMap(({ rooms }) => [...rooms])).toEqual([])
  })

  it('deliver only to sockets with the value', async () => {
    const app = await startWithRooms()
    const [ann, bob] = [app.visitor(), app.visitor()]
    const pages = [await ann.connect(), await bob.connect()]
    const heard: unknown[] = []
    for (const [index, { io }] of pages.entries()) io.on('figures', (text) => heard.push([index, text]))
    await present(pages[0]).change('division', 3)
    app.io.to(app.live.room('division', 3)).emit('figures', 'of 3')
    app.io.to(app.live.room('division', -1)).emit('figures', 'of all')
    for (const page of pages) await page.exchange({})
    expect(heard.sort()).toEqual([
      [0, 'of 3'],
      [1, 'of all'],
    ])
  })

  it('follow a sign-in and a sign-out', async () => {
    const app = await startWithRooms()
    const ann = await app.live.user('ann')
    await ann.set('division', 7)
    const visitor = app.visitor()
    await set(visitor, { division: 2 })
    const guest = await visitor.connect()
    await visitor.fetch('/login/now?user=ann')
    await guest.closed
    const socket = await serverEnd(app, () => visitor.connect())
    expect(isIn(app, socket, 7)).toBe(true)
    expectRooms(app)
    await visitor.fetch('/logout/leave')
    await visitor.connect()
    expectRooms(app)
  })

  it('move sockets of another node when room() is called', async () => {
    const bus = new Bus()
    const join = (app: RoomApp): void => bus.join(app.io)
    const [one, two] = [await startWithRooms({}, join), await startWithRooms({}, join)]
    const visitor = two.visitor()
    await visitor.fetch('/login/now?user=ann')
    const socket = await serverEnd(two, () => visitor.connect())
    const ann = await one.live.user('ann')
    void ann.set('division', 8)
    expect(isIn(one, socket, 8)).toBe(true)
    expectRooms(two)
  })

  it('exist per namespace', async () => {
    const app = await startWithRooms()
    const admin = app.io.of('/admin')
    const visitor = app.visitor()
    await visitor.store()
    const page = await visitor.connect()
    const other = page.io.io.socket('/admin')
    const heard: unknown[] = []
    other.on('news', (text) => heard.push(text))
    const [socket] = await once(admin, 'connection')
    await page.change('division', 3)
    expect(isIn(app, socket, 3)).toBe(true)
    admin.to(app.live.room('division', 3)).emit('news', 'of 3')
    await other.timeout(2000).emitWithAck('live_session:exchange', {})
    expect(heard).toEqual(['of 3'])
  })

  it('move the socket of an evicted guest to the default', async () => {
    const fields = {
      notes: { schema: z.string(), default: '', client: 'write', cookie: false, rooms: true },
    } as const
    const app = await App.start({ fields, options: { cache: { maxGuestBytes: 100_000 } } })
    const isAt = (socket: Socket, text: string): boolean =>
      app.live.room('notes', text).every((name) => socket.rooms.has(name))
    const first = await serverEnd(app as never, () => app.visitor().connect())
    const long = (index: number): string => `${index}`.padEnd(15_000, 'x')
    await first.liveSession.set('notes' as never, long(0) as never)
    expect(isAt(first, long(0))).toBe(true)
    for (let index = 1; index < 10; index += 1) {
      const socket = await serverEnd(app as never, () => app.visitor().connect())
      await socket.liveSession.set('notes' as never, long(index) as never)
    }
    expect(first.liveSession.get('notes' as never)).toBe('')
    expect([isAt(first, long(0)), isAt(first, '')]).toEqual([false, true])
  })

  it('refuse keys and values without a room', async () => {
    const app = await startWithRooms()
    const call = (key: unknown, value: unknown) => () => app.live.room(key as never, value as never)
    expect(call('cart', 'x')).toThrow('room(key): expected a field with rooms: true, received cart')
    expect(call('nothing', 'x')).toThrow(TypeError)
    expect(call('division', { a: 1 })).toThrow('expected a number, boolean, text or null, received an object')
    expect(call('division', undefined)).toThrow('received undefined')
  })

  it('exclude objects, and cause a warning', async () => {
    const fields = { any: { schema: z.any(), default: 1, client: 'write', rooms: true } } as const
    const app = await App.start({ fields })
    const socket = await serverEnd(app as never, () => app.visitor().connect())
    expect(app.live.room('any' as never, 1 as never).every((name) => socket.rooms.has(name))).toBe(true)
    await socket.liveSession.set('any' as never, { a: 1 } as never)
    expect([...socket.rooms]).toEqual([socket.id])
    const told = 'fields.any.rooms: an object or a list has no room. Set a number, a boolean, a text or null'
    expect(app.warnings).toContainEqual(expect.stringContaining(told))
  })
})
