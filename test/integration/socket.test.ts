import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { storeSession } from 'koa-live-session/hook'
import { cookieFor } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { awaited, once } from '../support/app/awaited.js'
import { as, browserOf, isRetired, type Kind, startWithHeaders, visitorWith } from '../support/app/kinds-of-cookies.js'
import { present } from '../support/app/present.js'
import { DAY } from '../support/app/times.js'
import { nameOf, whoIn } from '../support/app/users.js'
import { Visitor } from '../support/app/visitor.js'
import { turn, turns } from '../support/app/within.js'
import { Page } from '../support/page/page.js'
import { FaultProxy } from '../support/servers/fault-proxy.js'

describe('socket.liveSession', () => {
  it('greets with a ticket of readable registers, tombstones and defaults', async () => {
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

  it('sends a change to every tab of this visitor only', async () => {
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

  it('notifies once of each change by requests, sockets and jobs', async () => {
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

  it('issues a new stamp and ticket even for an equal value', async () => {
    const app = await App.start()
    const socket = await app.visitor().connect()
    await socket.ticket()
    const first = await socket.change('division', 3)
    await socket.ticket()
    const second = await socket.change('division', 3)
    expect([first, second]).toMatchObject([{ stamp: app.clock.now() }, { stamp: app.clock.now() + 1 }])
    expect((await socket.ticket()).claims.changes).toEqual([['division', app.clock.now() + 1, 3]])
  })

  it('coalesces the changes of a turn', async () => {
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

  it.each([
    ['a list in place of changes', { set: { division: 1 } }],
    ['nothing', undefined],
    ['a `base` that is no stamp', { set: [['division', 1.25, '', 1]] }],
    ['five members', { set: [['division', -1, '', 1, 1]] }],
    ['an unknown member', { set: [['division', -1, '', 1]], subject: 'x' }],
  ])('refuses %s as malformed', async (_, message) => {
    const app = await App.start()
    const socket = await app.visitor().connect()
    await socket.ticket()
    expect(await socket.io.emitWithAck('live_session:exchange', message)).toMatchObject({
      ok: false,
      code: 'malformed',
    })
    expect(await socket.change('division', 9)).toHaveProperty('stamp')
    expect((await socket.ticket()).claims.changes).toEqual([['division', app.clock.now(), 9]])
  })

  it("is ready in all namespaces before the app's handlers run", async () => {
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
    await present(sockets[2]).change('division', 5)
    for (const socket of sockets) {
      expect((await socket.ticket()).claims.changes).toEqual([['division', expect.any(Number), 5]])
    }
  })

  it('rejects a second or late attach()', async () => {
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
})

const subOf = (user: string) => subjectHash(userSubject(user))

/** The handshake's cookie, its user, and the outcome: `own` includes the cookie's values. */
const TABLE: readonly (readonly [Kind, string | undefined, 'refused' | 'connection' | 'own'])[] = [
  ['none', undefined, 'connection'],
  ['none', 'ann', 'connection'],
  ['guest', undefined, 'own'],
  ['guest', 'ann', 'connection'],
  ['ann', 'ann', 'own'],
  ['ann', undefined, 'refused'],
  ['ann', 'bob', 'refused'],
  ['retired', undefined, 'refused'],
  ['retired', 'ann', 'refused'],
  ['retired ann', 'ann', 'refused'],
  ['retired ann', undefined, 'refused'],
  ['retired ann', 'bob', 'refused'],
  ['revoked ann', 'ann', 'refused'],
  ['revoked ann', undefined, 'refused'],
  ['revoked ann', 'bob', 'refused'],
  ['newer', undefined, 'connection'],
  ['newer', 'ann', 'connection'],
]

const rows = TABLE.flatMap((row) => [true, false].map((hasConsent) => [...row, hasConsent] as const))

describe('a handshake', () => {
  it.each(rows)('with cookie %s, by %s: %s; consent: %s', async (kind, user, outcome, hasConsent) => {
    const app = await startWithHeaders()
    const visitor = await visitorWith(app, kind)
    const subject = browserOf(visitor)
    const before = isRetired(app, subject)
    const connecting = visitor.connect('/', as(user, hasConsent))
    if (outcome === 'refused') {
      await expect(connecting).rejects.toMatchObject({ message: 'other_visitor', data: { code: 'other_visitor' } })
    } else {
      const socket = await connecting
      const greeting = [(await socket.ticket()).claims, ...(user === undefined ? [] : [(await socket.ticket()).claims])]
      const { who, hasCookie: kept } = await socket.greeted
      const isKept = outcome === 'own' && hasConsent
      expect([isKept ? who : who !== undefined, kept]).toEqual([
        isKept ? whoIn(visitor, user) : user !== undefined,
        isKept || undefined,
      ])
      expect(greeting.map(({ guest }) => guest)).toEqual(greeting.map(() => user === undefined || undefined))
      const own = greeting.at(-1)?.sub
      if (outcome === 'own') expect(own).toBe(nameOf(visitor))
      else if (subject !== undefined) expect(own).not.toBe(nameOf(visitor))
      if (user !== undefined) expect(greeting[0]?.sub).toBe(subOf(user))
      const changes = outcome === 'own' ? [['division', expect.any(Number), 1]] : []
      expect(greeting.flatMap((claims) => claims.changes)).toEqual(changes)
    }
    // A handshake cannot set another cookie, so no id is retired.
    expect(isRetired(app, subject)).toBe(before)
  })

  it("determines the connection's visitor, even after a later sign-in", async () => {
    const app = await startWithHeaders()
    const visitor = app.visitor()
    const socket = await visitor.connect()
    const { sub } = (await socket.ticket()).claims
    await visitor.fetch('/set', { headers: as('ann') })
    expect(await socket.change('division', 7)).toHaveProperty('stamp')
    expect((await socket.ticket()).claims.sub).toBe(sub)
    expect((await app.live.user('ann')).get('division')).toBe(5)
  })
})

describe('a writing listener', () => {
  type User = Awaited<ReturnType<App['live']['user']>>

  async function handles(): Promise<readonly [one: User, other: User]> {
    const app = await App.start()
    return [await app.live.user('ann'), await app.live.user('ann')]
  }

  it('notifies others of its own change after the original change', async () => {
    const [one, other] = await handles()
    const heard: unknown[] = []
    one.onChange(({ value }) => void (value === 3 && one.set('division', 6)))
    other.onChange(({ value, previous }) => heard.push([previous, value]))
    other.subscribe('division', (value) => heard.push(value))
    await other.set('division', 3)
    expect(heard).toEqual([-1, [-1, 3], 3, [3, 6], 6])
  })

  it('reads all values of a setMany', async () => {
    const [one, other] = await handles()
    const heard: unknown[] = []
    one.onChange(({ key }) => heard.push([key, one.get('division'), one.get('role')]))
    await other.setMany({ division: 3, role: 'admin' })
    expect(heard).toEqual([
      ['division', 3, 'admin'],
      ['role', 3, 'admin'],
    ])
  })

  it('notifies others of the newest value if two listeners alternate', async () => {
    const [one, other] = await handles()
    const heard: unknown[] = []
    const count = (user: User) =>
      user.onChange(({ value }) => void (Number(value) < 10 && user.update('division', (division) => division + 1)))
    count(one)
    count(other)
    other.onChange(({ previous, value }) => heard.push([previous, value]))
    await other.set('division', 5)
    expect(heard).toEqual([
      [-1, 5],
      [5, 7],
      [7, 9],
      [9, 11],
    ])
  })

  it('overrides a change of one setMany; others hear only the override', async () => {
    const [one, other] = await handles()
    const heard: unknown[] = []
    one.onChange(({ key }) => void (key === 'division' && one.set('cart', ['mine'])))
    other.onChange(({ key, previous, value }) => heard.push([key, previous, value]))
    await other.setMany({ division: 5, cart: ['a'] })
    expect(other.get('cart')).toEqual(['mine'])
    expect(heard).toEqual([
      ['division', -1, 5],
      ['cart', [], ['mine']],
    ])
  })

  it('yields to the event loop if it never stops', async () => {
    const told = jest.spyOn(console, 'warn').mockReturnValue()
    const [one, other] = await handles()
    let count = 0
    one.onChange(({ value }) => void (count++ < 5000 && one.set('division', Number(value) + 1)))
    await other.set('division', 0)
    expect(count).toBeLessThan(5000)
    for (let i = 0; i < 10; i += 1) await turn()
    expect(other.get('division')).toBe(5000)
    expect(told.mock.calls.slice(-1)).toEqual([
      [expect.stringContaining('listeners answer each change with another change')],
    ])
  })
})

describe('silent sockets', () => {
  /** Timers of socket exchanges, which the test ends. */
  let patience: (() => void)[] = []

  beforeEach(() => {
    patience = []
    const { setTimeout: wait } = globalThis
    const hold = (act: () => void, ms: number): unknown => (ms === 4000 ? patience.push(act) : wait(act, ms))
    jest.spyOn(globalThis, 'setTimeout').mockImplementation(hold as never)
    Object.assign(globalThis, { addEventListener: () => undefined, removeEventListener: () => undefined })
  })

  async function start() {
    const app = await App.start({
      routes: (ctx) => {
        ctx.body = ctx.path === '/read' ? ctx.liveSession.get('cart') : ctx.liveSession.snapshot()
      },
    })
    const { port } = app
    const network = await FaultProxy.start(() => port)
    const opened: { close(): unknown }[] = []
    const visitor = new Visitor(network.url)
    await visitor.text('/')
    /** From now on, open connections stay open but deliver nothing. */
    const fallSilent = (): void => {
      network.hold('to server')
      network.hold('to page')
    }
    const timeOut = (): void => {
      for (const act of patience.splice(0)) act()
    }
    const open = async (): Promise<Page> => {
      const page = await Page.open(visitor, { path: '/' })
      opened.push(page)
      await page.connected()
      return page
    }
    const end = async (): Promise<void> => {
      for (const one of opened) one.close()
      await network.stop()
    }
    return { app, network, visitor, opened, open, fallSilent, timeOut, end }
  }

  describe('a silent socket', () => {
    it('is replaced after an unanswered update, which applies once', async () => {
      const { app, network, visitor, open, fallSilent, timeOut, end } = await start()
      const page = await open()
      const former = page.socket?.id ?? ''
      fallSilent()
      const saved = page.live.update('cart', (cart) => [...cart, 'a'])
      timeOut()
      await saved
      expect(page.socket?.id).not.toBe(former)
      const ended = new Promise((resolve) => app.io.sockets.sockets.get(former)?.once('disconnect', resolve))
      network.release()
      await awaited('the end of the connection', ended)
      expect(await visitor.text('/read')).toBe('["a"]')
      await end()
    })

    it('does not overwrite a later set with its delayed packet', async () => {
      const { app, network, visitor, open, fallSilent, timeOut, end } = await start()
      const page = await open()
      // Waits for the greeting, because only a greeted connection sends a change immediately.
      await page.live.set('theme', 'dark')
      const former = page.socket?.id ?? ''
      fallSilent()
      const first = page.live.set('cart', ['a'])
      await network.met()
      timeOut()
      await first
      await page.live.set('cart', ['b'])
      const arrived = new Promise((resolve) => app.io.sockets.sockets.get(former)?.onAny(resolve))
      network.deliver()
      await awaited('the packet', arrived)
      expect(await visitor.text('/read')).toBe('["b"]')
      await end()
    })

    it('is replaced by the small hook if no greeting arrives', async () => {
      const { visitor, network, opened, fallSilent, timeOut, end } = await start()
      const { io } = await visitor.connect()
      fallSilent()
      opened.push({ close: storeSession(io) }, io)
      const again = once(io, 'connect')
      timeOut()
      await again
      expect(network.held).toBeGreaterThan(0)
      await end()
    })
  })
})

describe('reports', () => {
  const FAILED = { message: 'handshake failed' }

  const logged: unknown[] = []
  beforeEach(() => {
    logged.length = 0
    jest.spyOn(console, 'error').mockImplementation((...args: unknown[]) => void logged.push(...args))
  })

  /** An app whose `identify` fails in handshakes. */
  function failing(thrown: unknown): Promise<App> {
    const identify = (ctx: Koa.Context): undefined => {
      if (ctx.path.startsWith('/socket.io')) throw thrown
    }
    return App.start({ options: { identify } as never })
  }

  /** Replaces the tests' error listener. */
  function listen(app: App, listener: (error: Error, ctx: Koa.Context) => void): void {
    app.koa.removeAllListeners('error')
    app.koa.on('error', listener)
  }

  describe('an error in a handshake', () => {
    it("reaches the app's error listener with its context", async () => {
      const app = await failing(new Error('the user database is away'))
      const reported: string[] = []
      listen(app, (error, ctx) => reported.push(`${ctx.path}: ${error.message}`))
      await expect(app.visitor().connect()).rejects.toMatchObject(FAILED)
      expect(reported).toEqual(['/socket.io/: the user database is away'])
    })

    it('is reported once for several namespaces', async () => {
      const app = await failing(new Error('the user database is away'))
      app.io.of('/admin')
      const page = await app.visitor().open()
      const [socket, admin] = [page.socket, page.socket.io.socket('/admin')]
      await Promise.all([socket, admin.connect()].map((each) => once(each, 'connect_error')))
      expect(app.errors).toHaveLength(1)
    })

    it.each([
      ['an object', { status: 401 }],
      ['a string', 'nope'],
      ['undefined', undefined],
      ['an object without text', Object.create(null)],
    ])("reaches Koa's own listener as an Error if thrown as %s", async (_, thrown) => {
      const app = await failing(thrown)
      listen(app, app.koa.onerror)
      app.koa.silent = false
      await expect(app.visitor().connect()).rejects.toMatchObject(FAILED)
      expect(logged.join()).toContain('expected an Error')
    })

    it('has the thrown value as its cause if not an Error', async () => {
      const thrown = { status: 401 }
      const app = await failing(thrown)
      await expect(app.visitor().connect()).rejects.toMatchObject(FAILED)
      expect(app.errors).toMatchObject([{ message: expect.stringContaining('{ status: 401 }'), cause: thrown }])
    })

    it('is logged together with an error of the listener', async () => {
      const [away, full] = [new Error('the user database is away'), new Error('the disk is full')]
      const app = await failing(away)
      listen(app, () => {
        throw full
      })
      await expect(app.visitor().connect()).rejects.toMatchObject(FAILED)
      expect(logged).toEqual([away, full])
    })
  })

  describe('an unawaited write', () => {
    const start = (write: (ctx: Koa.Context) => void, options: object = {}): Promise<App> =>
      App.start({
        options,
        routes: (ctx) => {
          write(ctx)
          ctx.body = ''
        },
      })

    it("reports its error with the request's context", async () => {
      const app = await start((ctx) => {
        void ctx.liveSession.update('division', () => {
          throw new Error('no figures')
        })
      })
      const reported: string[] = []
      listen(app, (error, ctx) => reported.push(`${ctx.path}: ${error.message}`))
      await app.visitor().fetch('/figures')
      await turn()
      expect(reported).toEqual(['/figures: no figures'])
    })

    const full = (): never => {
      throw new Error('the disk is full')
    }

    it.each([
      ['throws', full],
      ['rejects', async () => full()],
    ])('logs both errors if onError %s', async (_, onError) => {
      const app = await start((ctx) => void ctx.liveSession.set('division', 'no number' as never), { onError })
      await app.visitor().fetch('/')
      await turn()
      expect(logged).toMatchObject([{ code: 'invalid_value' }, { message: 'the disk is full' }])
    })
  })

  describe('an unawaited rejection', () => {
    it('of identify() goes to onError', async () => {
      let asked = 0
      const app = await App.start({
        options: {
          identify: () => {
            asked += 1
            if (asked > 1) throw new Error('the user database is away')
            return undefined
          },
        } as never,
        routes: (ctx) => {
          void ctx.liveSession.identify()
          ctx.body = ''
        },
      })
      await app.visitor().fetch('/')
      await turns(2)
      expect(app.errors).toHaveLength(1)
    })

    it.each(['at once', 'later'])('of a key listener goes to onError, %s', async (when) => {
      const app = await App.start({ options: { identify: () => 'ann' } as never })
      const ann = await app.live.user('ann')
      const values: unknown[] = []
      ann.subscribe('division', (division) => {
        values.push(division)
        const fails = (values.length === 1) === (when === 'at once')
        return (fails ? Promise.reject(new Error('no figures')) : undefined) as never
      })
      await ann.set('division', 3)
      await turns(2)
      expect(values).toEqual([-1, 3])
      expect(app.errors).toEqual([new Error('no figures')])
    })
  })
})
