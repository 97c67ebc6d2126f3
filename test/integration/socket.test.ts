import { once } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app.js'
import { readClaims } from '../support/socket.js'
import { nameOf, whoIn } from '../support/users.js'

const DAY = 24 * 60 * 60 * 1000

describe('socket.liveSession', () => {
  it('is the session of the page whose cookie the handshake brings', async () => {
    const app = await App.start()
    const read: unknown[] = []
    app.io.on('connection', (socket) => read.push(socket.liveSession.get('division')))
    await app.visitor(cookieFor(app.live, { values: { division: 4 } })).connect()
    expect(read).toEqual([4])
  })

  it('greets a page that asks with one ticket: every readable register, tombstones, and the defaults', async () => {
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
    expect([claims.guest, claims.sub]).toEqual([true, nameOf(visitor)])
    expect((await socket.greeted).who).toBe(whoIn(visitor))
  })

  it('tells every tab of the visitor of a change, and no other visitor', async () => {
    const app = await App.start()
    const cookie = cookieFor(app.live, {})
    const [a, b, other] = [app.visitor(cookie), app.visitor(cookie), app.visitor()]
    const [one, two, three] = [await a.connect(), await b.connect(), await other.connect()]
    for (const socket of [one, two, three]) await socket.ticket()
    const answer = await one.change('division', 6)
    expect(answer).toEqual({ stamp: app.clock.now(), level: 'memory' })
    for (const socket of [one, two]) {
      expect((await socket.ticket()).claims.changes).toEqual([['division', app.clock.now(), 6]])
    }
    await three.change('division', 1)
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
    await socket.change('division', 3)
    await socket.change('division', 3)
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
    const first = await socket.change('division', 3)
    await socket.ticket()
    const second = await socket.change('division', 3)
    expect([first, second]).toMatchObject([{ stamp: app.clock.now() }, { stamp: app.clock.now() + 1 }])
    expect((await socket.ticket()).claims.changes).toEqual([['division', app.clock.now() + 1, 3]])
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
    await socket.change('division', 2)
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
    await socket.change('division', 2)
    socket.io.disconnect()
    await closed
    expect((await app.live.user('ann')).get('division')).toBe(2)
  })

  it('takes the other changes of a call where one is refused, and tells them in one ticket', async () => {
    const app = await App.start()
    const socket = await app.visitor().connect()
    await socket.ticket()
    const answer = await socket.set(['division', -1, '', 3], ['cart', -1, '', 'x'], ['theme', -1, '', 'dark'])
    const taken = { stamp: expect.any(Number), level: 'memory' }
    expect(answer).toMatchObject({ results: [taken, { code: 'invalid_value' }, taken] })
    const { changes } = (await socket.ticket()).claims
    expect(changes.map(([key]) => key)).toEqual(['division', 'theme'])
  })

  it.each([
    [
      'a key twice',
      {
        set: [
          ['division', -1, '', 1],
          ['division', -1, '', 2],
        ],
      },
    ],
    ['a list', [['division', -1, '', 1]]],
    ['a list in place of changes', { set: { division: 1 } }],
    ['nothing', undefined],
    ['a change without over', { set: [['division']] }],
    ['an over that is no stamp', { set: [['division', 1.5, '', 1]] }],
    ['an over below -1', { set: [['division', -2, '', 1]] }],
    ['five members', { set: [['division', -1, '', 1, 1]] }],
    ['an unknown member', { set: [['division', -1, '', 1]], subject: 'x' }],
  ])('answers %s with a code and changes nothing', async (_, sync) => {
    const app = await App.start()
    const socket = await app.visitor().connect()
    await socket.ticket()
    expect(await socket.io.emitWithAck('live_session:sync', sync)).toMatchObject({ ok: false, code: 'malformed' })
    expect(await socket.change('division', 9)).toHaveProperty('stamp')
    expect((await socket.ticket()).claims.changes).toEqual([['division', app.clock.now(), 9]])
  })

  it('confirms a change that is sent again after its answer was lost, and refuses it where it was replaced', async () => {
    const app = await App.start()
    const socket = await app.visitor().connect()
    await socket.change('division', 3)
    const stamp = app.clock.now()
    const over = async (over: number, value: number): Promise<unknown> => {
      const answer = await socket.set(['division', over, '', value])
      return 'results' in answer && answer.results[0]
    }
    expect(await over(0, 3)).toEqual({ stamp, level: 'memory' })
    expect(await over(0, 4)).toEqual({ code: 'superseded', stamp, value: 3 })
    expect(await over(stamp, 4)).toEqual({ stamp: stamp + 1, level: 'memory' })
  })

  it('learns from the tickets of a browser what it has forgotten', async () => {
    const before = await App.start()
    const cookie = cookieFor(before.live, {})
    const page = await before.visitor(cookie).connect()
    await page.ticket()
    await page.change('division', 7)
    const { text } = await page.ticket()
    await before.stop()
    const after = await App.start({ clock: before.clock })
    const again = await after.visitor(cookie).connect()
    expect((await again.ticket()).claims.changes).toEqual([])
    expect(await again.sendTickets(text)).toHaveProperty('results')
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
    await sockets[2]?.change('division', 5)
    for (const socket of sockets) {
      expect((await socket.ticket()).claims.changes).toEqual([['division', expect.any(Number), 5]])
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
