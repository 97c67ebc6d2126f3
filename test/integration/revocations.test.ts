import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { Store } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore, type TestClock } from 'koa-live-session/testing'
import { z } from 'zod'
import { coreOf } from '../../server/plugin.js'
import { SigningKeys } from '../../server/subjects/signing-keys.js'
import { browserSubject, tabsHash, userSubject } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { account } from '../support/app/auth.js'
import { browserId } from '../support/app/browser-id.js'
import { startCluster } from '../support/app/cluster.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { appOnly, written } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { as, browserOf, isRetired, SECRET, startWithHeaders, visitorWith } from '../support/app/kinds-of-cookies.js'
import { present } from '../support/app/present.js'
import { DAY, HOUR } from '../support/app/times.js'
import { nameOf, set, signedInAs, startWithUsers, values, whoIn } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { within } from '../support/app/within.js'

describe('revocations', () => {
  const options = { identify: () => 'ann' } as never

  it('a request may revoke its user and stay signed in', async () => {
    const routes: Koa.Middleware = async (ctx) => {
      if (ctx.path === '/password') {
        ctx.liveSession.get('division')
        await app.live.revoke('ann')
        await ctx.liveSession.identify()
        await ctx.liveSession.set('division', 7)
      }
      ctx.body = String(ctx.liveSession.get('division'))
    }
    const app = await App.start({ options, routes })
    const cookie = cookieFor(app.live, { userId: 'ann', values: { division: 3 } })
    const here = app.visitor(cookie)
    expect(await here.text('/password')).toBe('7')
    expect(here.cookie).not.toBe(cookie)
    const restarted = await App.start({ options, routes })
    expect(await restarted.visitor(here.cookie).text('/')).toBe('7')
  })

  it('closes the user’s sockets although the spared request cannot be identified', async () => {
    let isAway = false
    const identify = (ctx: Koa.Context): string | undefined => {
      if (isAway && ctx.path === '/password') throw new Error('the users are away')
      return 'ann'
    }
    const app = await App.start({
      options: { identify } as never,
      routes: async (ctx) => {
        ctx.body = ''
        if (ctx.path !== '/password') return
        const revoked = app.live.revoke('ann', { except: ctx })
        isAway = true
        ctx.body = await revoked.catch(String)
      },
    })
    const { closed } = await app.visitor(cookieFor(app.live, { userId: 'ann' })).connect()
    const here = app.visitor(cookieFor(app.live, { userId: 'ann' }))
    expect(await here.text('/password')).toBe('Error: the users are away')
    expect(await closed).toBe('transport close')
  })

  it('a clock with fractions of ms fails no sign-out', async () => {
    const app = await startWithUsers({ options: { clock: () => Date.now() + 0.5 } as never })
    const ann = await signedInAs(app)
    await set(ann, { theme: 'dark', division: 3 })
    expect(await values(ann, '/logout/leave')).toMatchObject({ theme: 'dark', division: -1 })
    expect(app.errors).toEqual([])
  })

  it('a restarted process accepts the page of a user revoked before', async () => {
    const app = await startWithUsers()
    const { clock } = app
    await app.live.revoke('ann')
    clock.advance(1000)
    const ann = await signedInAs(app)
    const { who } = await (await ann.store()).json()
    await app.stop()
    const restarted = await startWithUsers({ clock })
    const page = restarted.visitor(ann.cookie)
    expect(await (await page.store({ who, set: [['division', 0, '', 3]] })).json()).not.toHaveProperty('otherVisitor')
    expect(await values(page)).toMatchObject({ division: 3 })
  })

  it.each([true, false])('a POST that loads a revocation keeps its cookie (no `who`: %s)', async (asks) => {
    const fields = defineFields({ note: { schema: z.string(), default: '', client: 'write', cookie: false } })
    const shared = { fields, options: { identify: () => 'ann', store: memoryStore() } as never }
    const [here, there] = [await App.start(shared), await App.start(shared)]
    const visitor = here.visitor()
    await visitor.store({})
    const who = whoIn(visitor, 'ann')
    await visitor.store({ who, set: [['note', -1, '', 'x']] })
    await there.live.revoke('ann')
    const answer = await visitor.store(asks ? {} : { who })
    expect(await answer.json()).toMatchObject({ who, hasCookie: true, persisted: [['note', expect.any(Number)]] })
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(await (await visitor.store({ who })).json()).toMatchObject({ otherVisitor: true })
  })

  const FIRST = browserId('the-first-of-its-line')

  /** The browser id after a request of this user with this cookie; without a path, after a POST of {}. */
  async function next(app: App, cookie: string, user: string | undefined, path = ''): Promise<string> {
    const visitor = app.visitor(cookie)
    if (path === '') await visitor.ask(as(user))
    else await visitor.fetch(path, { headers: as(user) })
    return cookieContent(visitor).browser
  }

  const start = (clock?: TestClock): Promise<App> => startWithHeaders(clock ? { clock } : {})
  const ofGuest = (app: App): string => cookieFor(app.live, { browserId: FIRST, values: { division: 1 } })
  const ofAnn = (app: App): string =>
    cookieFor(app.live, { browserId: FIRST, userId: 'ann', values: { theme: 'dark' } })

  describe('the browser id after a sign-in', () => {
    it('is equal for all requests with the former cookie', async () => {
      const app = await start()
      const cookie = ofGuest(app)
      const paths = ['/', '/set', '/identify', '/set/embed', '/dark']
      const ids = await Promise.all(paths.map((path) => next(app, cookie, 'ann', path)))
      for (const path of ['/set', '/identify']) ids.push(await next(app, cookie, 'ann', path))
      expect(new Set(ids).size).toBe(1)
      expect(ids).toContain(await next(app, cookie, 'ann'))
    })

    it('is equal on other nodes and after a restart', async () => {
      const app = await start()
      const cookie = ofGuest(app)
      const id = await next(app, cookie, 'ann')
      const node = await start(app.clock)
      await app.stop({ isCrash: true })
      const restarted = await start(app.clock)
      for (const other of [node, restarted]) expect(await next(other, cookie, 'ann')).toBe(id)
    })

    it('matches docs/maintainers/protocol.md', async () => {
      const app = await start()
      const keys = new SigningKeys([SECRET], 'cookie')
      const expected = keys.sign(`rotated ${tabsHash(FIRST)} guest ${userSubject('ann')}`).slice(0, 22)
      expect(await next(app, ofGuest(app), 'ann')).toBe(expected)
    })

    it('differs by user and former id', async () => {
      const app = await start()
      const cookie = ofGuest(app)
      const ids = [await next(app, cookie, 'ann'), await next(app, cookie, 'bob'), await next(app, cookie, '1')]
      ids.push(await next(app, cookieFor(app.live, { browserId: browserId('another') }), 'ann'))
      expect(new Set(ids).size).toBe(4)
    })

    it('never returns after it is retired', async () => {
      const app = await start()
      const cookie = ofGuest(app)
      const visitor = app.visitor(cookie)
      await visitor.fetch('/dark', { headers: as('ann') })
      const id = cookieContent(visitor).browser
      await visitor.fetch('/leave', { headers: as('ann') })
      expect(isRetired(app, browserSubject(id))).toBe(true)
      const late = [await next(app, cookie, 'ann'), await next(app, cookie, 'ann')]
      expect(new Set([FIRST, id, cookieContent(visitor).browser, ...late]).size).toBe(5)
    })
  })

  describe('the browser id after a sign-out', () => {
    it.each([
      ['an expired session', '/', undefined],
      ['leave()', '/leave', 'ann'],
      ['identify()', '/identify', undefined],
    ])('is random for each request: %s', async (_, path, user) => {
      const app = await start()
      const cookie = ofAnn(app)
      const node = await start(app.clock)
      const ids = [
        await next(app, cookie, user, path),
        await next(node, cookie, user, path),
        await next(app, cookie, undefined),
        await next(app, cookie, undefined),
      ]
      expect(new Set([FIRST, ...ids]).size).toBe(5)
    })
  })

  const REFRESH = 20

  /** A store behind a link that the test can cut. */
  function linked(store: Store) {
    const link = { isCut: false }
    const via = <A extends unknown[], T>(run: (...args: A) => Promise<T>) => {
      return async (...args: A): Promise<T> => {
        if (link.isCut) throw new Error('cut')
        return run(...args)
      }
    }
    const far: Store = {
      load: via((name) => store.load(name)),
      merge: via((name, rows) => store.merge(name, rows)),
      compareAndSet: via((name, row, expected) => store.compareAndSet(name, row, expected)),
      remove: via((name) => store.remove(name)),
      sweep: async () => 0,
      close: async () => undefined,
    }
    return { link, far }
  }

  async function generationIn(store: Store): Promise<number> {
    return (await store.load('user:s:ann')).find(({ key }) => key === '$generation')?.stamp ?? 0
  }

  const rowsOf = async (store: Store, generation: number): Promise<string> =>
    JSON.stringify(await store.load(`user@${generation}:s:ann`))

  /** Makes a process reload Ann from the store, and settle. */
  async function reload({ live, clock }: App): Promise<void> {
    clock.advance(REFRESH)
    await live.user('ann')
    await live.settled()
  }

  describe('an erasure', () => {
    it('erases even values of a sign-in that another node announces later', async () => {
      const { bus, one, two } = await startCluster()
      const ann = one.visitor()
      await set(ann, { division: 4 })
      bus.isHeld = true
      await ann.fetch('/login/now?user=ann')
      await two.live.erase('ann')
      bus.isHeld = false
      for (const { live } of [one, two]) expect((await live.user('ann')).get('division')).toBe(-1)
    })

    it('keeps values of a later sign-in at a cut-off node', async () => {
      const store = memoryStore()
      const { bus, one, two } = await startCluster(() => ({ store, storeRefresh: REFRESH }))
      const guest = two.visitor()
      await set(guest, { division: 4 })
      await two.live.user('ann')
      bus.isCut = true
      await one.live.erase('ann')
      expect(await values(guest, '/login/now?user=ann')).toMatchObject({ division: 4 })
      await two.live.settled()
      one.clock.advance(REFRESH)
      expect(await values(one.visitor(guest.cookie))).toMatchObject({ division: 4 })
      await one.live.settled()
      expect(await rowsOf(store, await generationIn(store))).toContain('"division"')
    })

    it('keeps later values despite a swept $generation and an old cookie', async () => {
      const { clock } = await startWithUsers()
      const store = memoryStore(clock.now)
      const options = { store, maxAge: 365 * DAY, storeMaxIdle: 100 * DAY, storeRefresh: 60_000 }
      const first = await startWithUsers({ clock, options })
      await first.live.erase('ann')
      const laptop = first.visitor()
      await laptop.fetch('/login/now?user=ann')
      await set(laptop, { division: 3 })
      await first.live.settled()
      await first.stop()
      clock.advance(101 * DAY)
      const now = clock.now()
      await store.sweep(now - 100 * DAY, { guests: now - 100 * DAY, revocations: now - 365 * DAY })
      const next = await startWithUsers({ clock, options })
      const phone = next.visitor()
      await phone.fetch('/login/now?user=ann')
      await set(phone, { cart: ['bought'] })
      await next.live.settled()
      // koa-session's own cookie has expired, so the app signs the user in again.
      const again = next.visitor(laptop.cookie)
      await again.fetch('/login?user=ann')
      await again.fetch('/')
      expect((await next.live.user('ann')).get('cart')).toEqual(['bought'])
      expect(await values(phone)).toMatchObject({ cart: ['bought'] })
    })
  })

  describe('rows of a cut-off process', () => {
    it('written after a second erasure are deleted at the next load', async () => {
      const store = memoryStore()
      const { bus, clock, one, two } = await startCluster(() => ({ store, storeRefresh: REFRESH }))
      await one.live.erase('ann')
      await one.live.settled()
      const first = await generationIn(store)
      const job = await two.live.user('ann')
      bus.isCut = true
      clock.advance(1)
      await one.live.erase('ann')
      await job.set('cart', ['late'])
      await two.live.settled()
      for (let round = 0; round < 3; round += 1) await reload(one)
      expect(await rowsOf(store, first)).not.toContain('late')
    })

    it('written before an erasure are deleted by another process', async () => {
      const store = memoryStore()
      const { link, far } = linked(store)
      const { bus, clock, one, two } = await startCluster((node) => ({
        store: node === 1 ? store : far,
        storeRefresh: REFRESH,
        onError: () => undefined,
      }))
      bus.isCut = true
      link.isCut = true
      await one.live.erase('ann')
      const first = await generationIn(store)
      await (await one.live.user('ann')).set('cart', ['secret-thing'])
      await one.live.settled()
      await one.stop()
      clock.advance(1000)
      await two.live.erase('ann')
      link.isCut = false
      await two.live.settled()
      for (let round = 0; round < 2; round += 1) await reload(two)
      expect(await rowsOf(store, first)).not.toContain('secret-thing')
    })
  })

  it('a request begun before an erasure rejects its write as superseded', async () => {
    const store = memoryStore()
    const gate = new Gate()
    const { bus, clock, one, two } = await startCluster(
      () => ({ store, storeRefresh: REFRESH }),
      async (ctx, next) => {
        if (ctx.path !== '/slow') return account(ctx, next)
        const cart = ctx['liveSession'].get('cart')
        await gate.pass()
        ctx.body = await ctx['liveSession'].set('cart', [...(cart as string[]), 'y']).then(
          () => 'set',
          (error: { code?: string }) => error.code,
        )
      },
    )
    bus.isCut = true
    const ann = two.visitor()
    await ann.fetch('/login/now?user=ann')
    await set(ann, { cart: ['x'] })
    await two.live.settled()
    const answer = ann.text('/slow')
    await gate.entered
    await one.live.erase('ann')
    clock.advance(REFRESH)
    // Like another request or a job, this makes the process load the user.
    await two.live.user('ann')
    const cart = async (): Promise<unknown> => (await two.live.user('ann')).get('cart')
    expect(await within(cart, (found) => isDeepStrictEqual(found, []))).toEqual([])
    gate.open()
    const said = await answer
    await two.live.settled()
    expect([said, await cart()]).toEqual(['superseded', []])
  })

  it('a process reloads a user after a cookie reveals an erasure', async () => {
    const store = memoryStore()
    const { bus, clock, one, two } = await startCluster(() => ({ store }))
    bus.isCut = true
    await (await two.live.user('ann')).set('role', 'former')
    await two.live.settled()
    clock.advance(10)
    await one.live.erase('ann')
    const ann = one.visitor()
    await ann.fetch('/login/now?user=ann')
    await (await one.live.user('ann')).set('secret', 'new')
    await one.live.settled()
    await values(two.visitor(ann.cookie))
    expect(coreOf(two.live).ends.generation(userSubject('ann'))).toBeGreaterThan(0)
    const secret = async (): Promise<unknown> => (await two.live.user('ann')).get('secret')
    expect(await within(secret, (found) => found === 'new')).toBe('new')
  })

  it('a process learns of an erasure from a ticket', async () => {
    const { bus, one, two } = await startCluster()
    bus.isCut = true
    await (await two.live.user('ann')).set('role', 'former')
    await one.live.erase('ann')
    const ann = one.visitor()
    await ann.fetch('/login/now?user=ann')
    const socket = await ann.connect()
    await socket.change('division', 5)
    const session = appOnly(ann.cookie)
    const there = two.visitor(session.join('; '))
    expect((await there.store({ tickets: [present(socket.tickets.at(-1)).text] })).status).toBe(200)
    expect(await values(there)).toMatchObject({ division: 5, role: 'guest' })
  })

  it('a process restores a lost revocation in the store', async () => {
    const store = memoryStore()
    const one = await startWithUsers({ options: { store, storeRefresh: REFRESH } })
    await one.live.revoke('ann')
    await one.live.erase('bob')
    await one.live.settled()
    // A store with several connections may reorder two removals.
    for (const name of ['ann', 'bob']) await store.remove(`user:s:${name}`)
    one.clock.advance(REFRESH)
    for (const name of ['ann', 'bob']) await one.live.user(name)
    await one.live.settled()
    const ends = async (name: string) => (await store.load(`user:s:${name}`)).map(({ key }) => key).sort()
    expect([await ends('ann'), await ends('bob')]).toEqual([['$epoch'], ['$epoch', '$generation']])
  })

  describe('live.user(id)', () => {
    it('reads, writes and observes a user without a request or socket', async () => {
      const app = await App.start({
        options: { identify: () => 'ann' },
        routes: async (ctx) => void (await ctx.liveSession.set('division', 5)),
      })
      const user = await app.live.user('ann')
      const heard: unknown[] = []
      user.subscribe('division', (value) => heard.push(value))
      user.onChange(({ source }) => heard.push(source))
      await app.visitor().fetch('/')
      await user.update('division', (value) => Number(value) + 1)
      user[Symbol.dispose]()
      await user.set('division', 9)
      expect(heard).toEqual([-1, 5, 'request', 6, 'job'])
      expect([user.userId, user.loaded, user.get('division')]).toEqual(['ann', true, 9])
      expect([...user.inspect().keys()]).toEqual(['division'])
    })

    it.each(['subscribe', 'onChange'] as const)('keeps the user in memory while %s has a listener', async (way) => {
      const app = await App.start({ options: { cache: { maxIdle: HOUR } } })
      const user = await app.live.user('ann')
      await user.set('division', 7)
      const listen = (): (() => void) =>
        way === 'onChange' ? user.onChange(() => undefined) : user.subscribe('division', () => undefined)
      const isKept = async (): Promise<boolean> => {
        app.clock.advance(3 * HOUR)
        await (await app.live.user('bob')).set('division', 1)
        return user.loaded
      }
      const [one, two] = [listen(), listen()]
      one()
      one()
      expect(await isKept()).toBe(true)
      two()
      const three = listen()
      expect(await isKept()).toBe(true)
      three()
      expect(await isKept()).toBe(false)
    })

    it('rejects an update of an unknown user, rather than use the default', async () => {
      const app = await App.start()
      const user = await app.live.user('ann')
      expect(user.loaded).toBe(false)
      const message = expect.stringContaining(
        'Pass store: redisStore(client) or sqlStore(kysely), or set the whole value',
      )
      await expect(user.update('division', () => 1)).rejects.toMatchObject({
        code: 'not_loaded',
        key: 'division',
        message,
      })
      expect(user.has('division')).toBe(false)
    })

    it("rejects the browser's own fields", async () => {
      const app = await App.start()
      const user = await app.live.user('ann')
      expect(() => user.get('theme' as never)).toThrow(
        'get("theme"): the field has scope: \'browser\', and a user may have several browsers. Use ctx.liveSession or socket.liveSession',
      )
      await expect(user.set('theme' as never, 'dark' as never)).rejects.toMatchObject({ code: 'undeclared_key' })
    })

    it('rejects an empty id', async () => {
      const app = await App.start()
      await expect(app.live.user('')).rejects.toThrow('user(id): expected a string of 1 to 256 characters')
    })
  })
})

describe('leaving', () => {
  const DEFAULTS = { division: -1, theme: 'light' }

  /** Ann's browser, with an account value and a browser value. */
  async function ofAnn(app: App): Promise<Visitor> {
    const visitor = app.visitor(cookieFor(app.live, { userId: 'ann', values: { division: 1, theme: 'dark' } }))
    await visitor.fetch('/', { headers: as('ann') })
    return visitor
  }

  const isCleared = (answer: Response): boolean => {
    const lines = written(answer)
    return lines.length === 2 && lines.every((line) => line.includes('expires=Thu, 01 Jan 1970'))
  }

  describe('leave() of a user', () => {
    it('issues a new browser id, and keeps the browser values', async () => {
      const app = await startWithHeaders()
      const visitor = await ofAnn(app)
      const before = nameOf(visitor)
      const subject = browserOf(visitor)
      const answer = await visitor.fetch('/leave', { headers: as('ann') })
      expect(await answer.json()).toEqual({ division: -1, theme: 'dark' })
      expect(isRetired(app, subject)).toBe(true)
      expect(nameOf(visitor)).not.toBe(before)
      expect(cookieContent(visitor)).toMatchObject({ epoch: 0, r: [['theme', expect.any(Number), 'dark']] })
      expect(cookieContent(visitor)).not.toHaveProperty('user')
      expect(await (await visitor.fetch('/')).json()).toEqual({ division: -1, theme: 'dark' })
      expect((await app.live.user('ann')).get('division')).toBe(1)
    })

    it("with forget, removes browser values, not the account's", async () => {
      const app = await startWithHeaders()
      const visitor = await ofAnn(app)
      const subject = browserOf(visitor)
      const answer = await visitor.fetch('/forget', { headers: as('ann') })
      expect([isCleared(answer), await answer.json(), visitor.cookie]).toEqual([true, DEFAULTS, ''])
      expect(isRetired(app, subject)).toBe(true)
      expect(await (await visitor.fetch('/')).json()).toEqual(DEFAULTS)
      expect((await app.live.user('ann')).get('division')).toBe(1)
    })
  })

  describe.each([
    ['leave() of a guest', '/leave', undefined],
    ['leave({ forget: true }) of a guest', '/forget', undefined],
    ['leave({ forget: true }) of a user', '/forget', 'ann'],
  ] as const)('%s', (_, path, user) => {
    const start = async () => {
      const app = await startWithHeaders()
      const visitor = await visitorWith(app, user ?? 'guest')
      return { app, visitor, subject: browserOf(visitor), headers: as(user) }
    }

    it('clears the cookie and the values', async () => {
      const { app, visitor, subject, headers } = await start()
      const answer = await visitor.fetch(path, { headers })
      expect([isCleared(answer), await answer.json(), visitor.cookie]).toEqual([true, DEFAULTS, ''])
      expect(isRetired(app, subject)).toBe(true)
    })

    it.each(['/embed', '/snapshot', '/embed/snapshot'])(
      'sets no cookie when values are shown afterwards: %s',
      async (actions) => {
        const { visitor, headers } = await start()
        const answer = await visitor.fetch(`${path}${actions}`, { headers })
        expect([isCleared(answer), visitor.cookie]).toEqual([true, ''])
      },
    )

    it('clears the cookie even after values were shown or set', async () => {
      for (const actions of ['/embed', '/set', '/dark/embed']) {
        const { visitor, headers } = await start()
        const answer = await visitor.fetch(`${actions}${path}`, { headers })
        expect([actions, isCleared(answer), visitor.cookie]).toEqual([actions, true, ''])
      }
    })

    it('sets a new cookie with later changes only', async () => {
      const { app, visitor, subject, headers } = await start()
      const answer = await visitor.fetch(`${path}/dark/embed`, { headers })
      expect([written(answer).length, isCleared(answer)]).toEqual([2, false])
      expect(browserOf(visitor)).not.toBe(subject)
      expect(isRetired(app, browserOf(visitor))).toBe(false)
      expect(cookieContent(visitor).r).toEqual([['theme', expect.any(Number), 'dark']])
      expect(await (await visitor.fetch('/')).json()).toEqual({ division: -1, theme: 'dark' })
    })
  })

  it.each(['none', 'retired', 'retired ann', 'newer'] as const)(
    "leave() keeps another visitor's cookie: %s",
    async (kind) => {
      const app = await startWithHeaders()
      for (const path of ['/leave', '/forget', ...(kind === 'newer' ? ['/leave/embed'] : [])]) {
        const visitor = await visitorWith(app, kind)
        expect(written(await visitor.fetch(path))).toEqual([])
      }
    },
  )
})
