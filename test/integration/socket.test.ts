import { once } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app.js'
import { readClaims } from '../support/socket.js'
import { nameOf } from '../support/users.js'

const DAY = 24 * 60 * 60 * 1000

describe('socket.liveSession', () => {
  it('is the session of the page whose cookie the handshake brings', async () => {
    const app = await App.start()
    const read: unknown[] = []
    app.io.on('connection', (socket) => read.push(socket.liveSession.get('division')))
    await app.visitor(cookieFor(app.live, { values: { division: 4 } })).connect()
    expect(read).toEqual([4])
  })

  it('sends one ticket when it connects: every readable register, tombstones, and the defaults', async () => {
    const app = await App.start({
      routes: async (ctx) => {
        await ctx.liveSession.setMany({ division: 4, cart: ['a'], secret: 'hush' })
        await ctx.liveSession.delete('cart')
        ctx.body = ''
      },
    })
    const visitor = app.visitor()
    await visitor.fetch('/')
    const socket = await visitor.connect()
    const { claims } = await socket.ticket()
    const now = app.clock.now()
    expect(claims).toMatchObject({ aud: 'store_session', epoch: 0, iat: Math.floor(now / 1000) })
    expect(claims.exp - claims.iat).toBe((31 * DAY) / 1000)
    expect(claims.changes).toEqual([
      ['division', now, 4],
      ['cart', now + 1],
    ])
    expect(claims.defaults).toEqual({ division: -1, theme: 'light', cart: [], role: 'guest' })
    expect([claims.browser, claims.sub]).toEqual([nameOf(visitor), nameOf(visitor)])
  })

  it('sends a ticket when it connects also where there is nothing yet, and no cookie, so that it says nothing of the browser', async () => {
    const app = await App.start()
    const socket = await app.visitor().connect()
    const { claims } = await socket.ticket()
    expect(claims.changes).toEqual([])
    expect([claims.browser, claims.young]).toEqual([undefined, 'guest'])
  })

  it('tells every tab of the visitor of a change, and no other visitor', async () => {
    const app = await App.start()
    const cookie = cookieFor(app.live, {})
    const [a, b, other] = [app.visitor(cookie), app.visitor(cookie), app.visitor()]
    const [one, two, three] = [await a.connect(), await b.connect(), await other.connect()]
    for (const socket of [one, two, three]) await socket.ticket()
    const answer = await one.set(['division', -1, 6])
    expect(answer).toEqual({ ok: true, stamp: app.clock.now(), level: 'memory' })
    for (const socket of [one, two]) {
      expect((await socket.ticket()).claims.changes).toEqual([['division', app.clock.now(), 6]])
    }
    await three.set(['division', -1, 1])
    expect((await three.ticket()).claims.changes).toEqual([['division', app.clock.now(), 1]])
    expect(three.tickets).toHaveLength(2)
  })

  it('hears what a request, another socket and a job set, once each, and nothing where the value stays the same', async () => {
    const app = await App.start({
      options: { identify: () => 'ann' },
      routes: (ctx) => {
        void ctx.liveSession.set('division', 2)
        ctx.body = ''
      },
    })
    const heard: unknown[] = []
    app.io.on('connection', (socket) => {
      socket.liveSession.subscribe('division', (value) => heard.push(value))
      socket.liveSession.onChange(({ key, value, previous, source }) => heard.push([key, value, previous, source]))
    })
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await visitor.fetch('/')
    await socket.set(['division', -1, 3])
    await socket.set(['division', -1, 3])
    const ann = await app.live.user('ann')
    await ann.set('division', 4)
    expect(heard).toEqual([
      -1,
      2,
      ['division', 2, -1, 'request'],
      3,
      ['division', 3, 2, 'socket'],
      4,
      ['division', 4, 3, 'job'],
    ])
  })

  it('gives a new stamp and ticket also where an equal value is set', async () => {
    const app = await App.start()
    const socket = await app.visitor().connect()
    await socket.ticket()
    const first = await socket.set(['division', -1, 3])
    await socket.ticket()
    const second = await socket.set(['division', -1, 3])
    expect(Number(second['stamp'])).toBe(Number(first['stamp']) + 1)
    expect((await socket.ticket()).claims.changes).toEqual([['division', second['stamp'], 3]])
  })

  it('coalesces the changes of one turn into one ticket with the newest of each key', async () => {
    const app = await App.start()
    app.io.on('connection', (socket) => {
      socket.on('burst', async (done) => {
        for (let i = 0; i < 100; i += 1) void socket.liveSession.set('division', i)
        void socket.liveSession.set('cart', ['x'])
        done()
      })
    })
    const socket = await app.visitor().connect()
    await socket.ticket()
    await socket.io.emitWithAck('burst')
    const { claims } = await socket.ticket()
    expect(claims.changes.map(([key, , value]) => [key, value])).toEqual([
      ['division', 99],
      ['cart', ['x']],
    ])
  })

  it('does not fall back to the cookie of its handshake when it stays open for days', async () => {
    const app = await App.start({ options: { cache: { maxIdle: 1000, maxSubjects: 2 } } })
    app.io.on('connection', (socket) => {
      socket.on('read', (done) => done(socket.liveSession.get('division')))
    })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 1 } }))
    const socket = await visitor.connect()
    await socket.set(['division', -1, 2])
    for (let day = 0; day < 3; day += 1) {
      app.clock.advance(DAY)
      for (let i = 0; i < 10; i += 1) await (await app.live.user(i)).set('division', i)
    }
    expect(await socket.io.emitWithAck('read')).toBe(2)
  })

  it('hands its values to the cache when its last socket closes', async () => {
    const app = await App.start({ options: { identify: () => 'ann' } })
    const visitor = app.visitor()
    const closed = new Promise((resolve) => app.io.on('connection', (socket) => socket.on('disconnect', resolve)))
    const socket = await visitor.connect()
    await socket.set(['division', -1, 2])
    socket.io.disconnect()
    await closed
    expect((await app.live.user('ann')).get('division')).toBe(2)
  })

  it('keeps a whole call out where one of its changes is refused', async () => {
    const app = await App.start()
    const socket = await app.visitor().connect()
    await socket.ticket()
    expect(await socket.set(['division', -1, 3], ['cart', -1, 'x'])).toEqual({
      ok: false,
      code: 'invalid_value',
      key: 'cart',
    })
    await socket.set(['cart', -1, ['x']])
    expect((await socket.ticket()).claims.changes).toHaveLength(1)
  })

  it.each([
    [
      'a key twice',
      [
        ['division', -1, 1],
        ['division', -1, 2],
      ],
      { code: 'malformed' },
    ],
    ['no changes', [], { code: 'malformed' }],
    ['an object', { division: 1 }, { code: 'malformed' }],
    ['nothing', undefined, { code: 'malformed' }],
    ['a change without seen', [['division']], { code: 'malformed' }],
    ['a seen that is no stamp', [['division', 1.5, 1]], { code: 'malformed' }],
    ['a seen below -1', [['division', -2, 1]], { code: 'malformed' }],
    ['four members', [['division', -1, 1, 1]], { code: 'malformed' }],
  ])('answers %s with a code and changes nothing', async (_, changes, expected) => {
    const app = await App.start()
    const socket = await app.visitor().connect()
    await socket.ticket()
    expect(await socket.io.emitWithAck('live_session:set', changes)).toEqual({ ok: false, ...expected })
    expect(await socket.set(['division', -1, 9])).toMatchObject({ ok: true })
    expect((await socket.ticket()).claims.changes).toEqual([['division', app.clock.now(), 9]])
  })

  it('confirms a change that is sent again after its answer was lost, and refuses it where it was replaced', async () => {
    const app = await App.start()
    const socket = await app.visitor().connect()
    const { stamp } = await socket.set(['division', -1, 3])
    expect(await socket.set(['division', 0, 3])).toEqual({ ok: true, stamp, level: 'memory' })
    const refused = { ok: false, code: 'superseded', key: 'division', stamp, value: 3 }
    expect(await socket.set(['division', 0, 4])).toEqual(refused)
    expect(await socket.set(['division', Number(stamp), 4])).toMatchObject({ ok: true, stamp: Number(stamp) + 1 })
  })

  it('learns from the tickets of a browser what it has forgotten', async () => {
    const before = await App.start()
    const cookie = cookieFor(before.live, {})
    const page = await before.visitor(cookie).connect()
    await page.ticket()
    await page.set(['division', -1, 7])
    const { text } = await page.ticket()
    await before.stop()
    const after = await App.start({ clock: before.clock })
    const again = await after.visitor(cookie).connect()
    expect((await again.ticket()).claims.changes).toEqual([])
    expect(await again.sendTickets(text)).toEqual({ ok: true })
    expect((await again.ticket()).claims.changes).toEqual([['division', before.clock.now(), 7]])
  })

  it('serves every namespace, dynamic ones too, before any handler of the app', async () => {
    const app = await App.start()
    const order: string[] = []
    const watch = (name: string): void => {
      app.io.of(name === '/room-1' ? /^\/room-\d$/ : name).use((socket, next) => {
        order.push(`${socket.nsp.name} ${socket.liveSession.get('division')}`)
        next()
      })
    }
    for (const name of ['/', '/admin', '/room-1']) watch(name)
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 2 } }))
    const sockets = [await visitor.connect('/'), await visitor.connect('/admin'), await visitor.connect('/room-1')]
    expect(order).toEqual(['/ 2', '/admin 2', '/room-1 2'])
    for (const socket of sockets) await socket.ticket()
    const answer = await sockets[2]?.set(['division', -1, 5])
    for (const socket of sockets) {
      expect((await socket.ticket()).claims.changes).toEqual([['division', answer?.['stamp'], 5]])
    }
  })

  it('refuses to be attached twice, or once sockets have connected', async () => {
    const app = await App.start()
    expect(() => app.live.attach(app.io, { handshake: [] })).toThrow('koa-live-session: attach(io): already attached')
    const late = await App.start({ isAttached: false })
    const connected = once(late.io, 'connection')
    await late.visitor().connect()
    await connected
    expect(() => late.live.attach(late.io, { handshake: [] })).toThrow(
      "koa-live-session: attach(io): 1 sockets are already connected; attach before io.on('connection')",
    )
  })

  it('signs tickets that only its own keys verify', async () => {
    const app = await App.start()
    const socket = await app.visitor().connect()
    const { text } = await socket.ticket()
    const [header = ''] = text.split('.')
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({
      alg: 'HS256',
      typ: 'live-session+jwt',
      kid: expect.stringMatching(/^[\w-]{8}$/),
    })
    expect(readClaims(text).sub).toMatch(/^[\w-]{43}$/)
  })
})
