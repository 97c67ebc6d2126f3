import { describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import type { Context } from 'koa'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { coreOf } from '../../server/plugin.js'
import { newBrowserId, type Subject, subjectHash, userSubject } from '../../server/subjects/subject.js'
import { NEVER, nextStamp } from '../../shared/stamp.js'
import { App } from '../support/app/app.js'
import { account, auth, identify } from '../support/app/auth.js'
import { once } from '../support/app/awaited.js'
import { startWithConsent } from '../support/app/consent.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { written } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'
import { readClaims } from '../support/app/socket.js'
import { DAY } from '../support/app/times.js'
import { nameOf, set, startWithUsers, values, whoIn } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const ANN = subjectHash(userSubject('ann'))

it("a static page POSTs, and reconnects as the cookie's guest", async () => {
  const app = await App.start()
  const visitor = app.visitor()
  const early = await visitor.connect()
  expect(await early.greeted).not.toHaveProperty('who')
  const asked = await visitor.store()
  const { who, kept, greeting } = await asked.json()
  expect([written(asked).length, who, kept]).toEqual([2, whoIn(visitor), undefined])
  expect(greeting.map(readClaims)).toMatchObject([{ sub: nameOf(visitor), guest: true, changes: [] }])
  const socket = await visitor.connect()
  expect(await socket.greeted).toMatchObject({ who, hasCookie: true })
  expect((await socket.ticket()).claims.sub).toBe(nameOf(visitor))
  expect((await early.ticket()).claims.sub).not.toBe(nameOf(visitor))
  await socket.change('division', 7)
  expect((await visitor.store({ who, tickets: [(await socket.ticket()).text] })).status).toBe(200)
  expect(cookieContent(visitor).r).toMatchObject([['division', expect.anything(), 7]])
})

describe('a change over a connection without a live cookie', () => {
  it('is visible in all namespaces, until the connection closes', async () => {
    const app = await App.start()
    app.io.of('/other')
    const heard: unknown[] = []
    app.io.on('connection', (socket) => socket.liveSession.subscribe('division', (value) => heard.push(value)))
    const visitor = app.visitor()
    const socket = await visitor.connect()
    const { claims } = await socket.ticket()
    const other = socket.io.io.socket('/other')
    other.connect()
    const { greeting } = await other.emitWithAck('live_session:exchange', {})
    expect(readClaims(greeting[0]).sub).toBe(claims.sub)
    const change = once(other, 'store_session')
    expect(await socket.change('division', 7)).toHaveProperty('stamp')
    expect(readClaims((await change)[0]).changes).toMatchObject([['division', expect.anything(), 7]])
    expect(heard).toEqual([-1, 7])
    const { connections, values: inMemory } = coreOf(app.live)
    const { browserSubject } = present(connections.all()[0]).identity.visitor
    expect(inMemory.find(browserSubject)?.value('division')).toBe(7)
    const [server] = app.io.sockets.sockets.values()
    const gone = once(present(server).conn, 'close')
    socket.io.disconnect()
    other.disconnect()
    await gone
    expect(inMemory.find(browserSubject)).toBeUndefined()
    expect((await (await visitor.connect()).ticket()).claims.changes).toEqual([])
  })

  it('gets a ticket that no POST or other connection can use', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.change('division', 7)
    const { text } = await socket.ticket()
    const [known, ann] = [app.visitor(cookieFor(app.live, {})), app.visitor()]
    await ann.fetch('/login/now?user=ann')
    const refused = { code: 'other_visitor', index: 0 }
    for (const late of [visitor, known, ann]) {
      const answer = await late.store({ tickets: [text] })
      expect([answer.status, await answer.json()]).toMatchObject([403, { error: refused }])
      expect(await (await late.connect()).sendTickets(text)).toEqual({ ok: false, ...refused })
    }
    expect(await socket.sendTickets(text)).toHaveProperty('results')
    await visitor.store()
    await visitor.fetch('/login/now?user=ann')
    expect((await visitor.store({ tickets: [text] })).status).toBe(403)
    expect((await app.live.user('ann')).has('division')).toBe(false)
  })

  it("of a user reaches the account, except in the browser's own fields", async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    await visitor.fetch('/login/unused?user=ann')
    visitor.forget()
    const socket = await visitor.connect()
    const greeting = [(await socket.ticket()).claims, (await socket.ticket()).claims]
    expect(greeting.map(({ sub }) => sub)).toEqual([ANN, expect.not.stringMatching(ANN)])
    await socket.change('division', 7)
    await socket.change('theme', 'dark')
    const [division, theme] = [await socket.ticket(), await socket.ticket()]
    expect((await visitor.store({ tickets: [division.text] })).status).toBe(200)
    expect((await visitor.store({ tickets: [theme.text] })).status).toBe(403)
    expect(await values(visitor)).toMatchObject({ division: 7, theme: 'light' })
  })

  it('is not evicted while the connection is open', async () => {
    const app = await startWithUsers({ options: { cache: { maxVisitors: 10 } } as never })
    const socket = await app.visitor().connect()
    await socket.ticket()
    await socket.change('division', 7)
    for (let i = 0; i < 50; i += 1) await set(app.visitor(), { division: i })
    await socket.change('cart', ['a'])
    const [one, two] = [await socket.ticket(), await socket.ticket()]
    expect(one.claims.sub).toBe(two.claims.sub)
    const [server] = app.io.sockets.sockets.values()
    expect(server?.liveSession.get('division')).toBe(7)
    emptyCache(app.live)
    expect(await socket.closed).toBe('transport close')
  })
})

const divisionOf = async (visitor: Visitor): Promise<unknown> => JSON.parse(await visitor.text('/')).values.division

describe('without consent', () => {
  it.each(['/', '/set', '/leave'])('%s writes no cookie', async (path) => {
    const app = await startWithConsent()
    const visitor = app.visitor()
    const answer = await visitor.fetch(path)
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(answer.headers.get('cache-control')).toBe('private')
    const page = await answer.json()
    expect([page.who, page.guest]).toEqual([undefined, true])
    expect(page).toMatchObject({ values: { division: path === '/set' ? 5 : -1 } })
    expect(await divisionOf(visitor)).toBe(-1)
  })

  it('a user shares values across browsers, in memory', async () => {
    const app = await startWithConsent({
      before: (koa) => [
        auth(koa),
        async (ctx, next) => {
          if (ctx.path === '/login') ctx['session'].user = 'ann'
          await next()
        },
      ],
      options: { identify } as never,
    })
    const [one, two] = [app.visitor(), app.visitor()]
    for (const visitor of [one, two]) await visitor.fetch('/login')
    expect(written(await one.fetch('/set'))).toEqual([])
    const { who, guest, held, values: shown } = (await values(two)) as never as Record<string, never>
    expect([guest, held, shown]).toEqual([undefined, undefined, expect.objectContaining({ division: 5 })])
    expect((await values(one))['who']).toBe(who)
  })

  it('writes no cookie if consent() throws', async () => {
    const consent = (): never => {
      throw new Error('no consent store')
    }
    const app = await startWithConsent({ options: { consent } })
    const answer = await app.visitor().fetch('/set')
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([200, []])
    expect(app.errors.map(String)).toEqual(['Error: no consent store'])
  })
})

it('consent brings a cookie and a `who` with the next response', async () => {
  const app = await startWithConsent()
  const visitor = app.visitor()
  expect((await values(visitor))['who']).toBeUndefined()
  await visitor.fetch('/agree')
  expect(written(await visitor.fetch('/set'))).toHaveLength(2)
  expect((await values(visitor))['who']).toBe(whoIn(visitor))
  expect(await divisionOf(visitor)).toBe(5)
})

describe('withdrawn consent', () => {
  it('removes `who` from the greeting of new connections', async () => {
    const app = await startWithConsent()
    const socket = await app.visitor(cookieFor(app.live, { values: { division: 9 } })).connect()
    const { who, hasCookie: kept } = await socket.greeted
    expect([who, kept]).toEqual([undefined, undefined])
    expect((await socket.ticket()).claims).toMatchObject({ guest: true, defaults: {} })
  })

  it('keeps set() from writing the cookie; leave() clears the cookie', async () => {
    const app = await startWithConsent()
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 9 } }))
    expect(written(await visitor.fetch('/set'))).toEqual([])
    const answer = await visitor.fetch('/leave')
    const past = 'path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; samesite=lax; httponly'
    expect(written(answer)).toEqual([
      `live=; ${past}`,
      expect.stringMatching(new RegExp(`^live\\.sig=[\\w-]+; ${past}$`)),
    ])
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(visitor.cookie).toBe('')
    expect(await divisionOf(visitor)).toBe(-1)
  })
})

describe('a page opened before consent', () => {
  it('saves its earlier changes after consent', async () => {
    const app = await startWithConsent()
    const visitor = app.visitor()
    const page = await visitor.open({ path: '/' })
    await expect(page.live.set('division', 3)).rejects.toMatchObject({ code: 'cookies_blocked' })
    app.clock.advance(11 * 60 * 1000)
    await visitor.fetch('/agree')
    await page.live.flush()
    expect(page.live.status('division')).toEqual({ status: 'saved' })
    await app.stop()
    const after = await startWithConsent({ clock: app.clock })
    expect(await divisionOf(after.visitor(visitor.cookie))).toBe(3)
  })

  it.each([true, false])('POSTs again if consent arrives during a POST (socket: %s)', async (hasSocket) => {
    const app = await startWithConsent()
    const visitor = app.visitor()
    const page = await visitor.open({ path: '/', hasSocket })
    const gate = new Gate()
    page.beforeAnswer = () => gate.pass()
    const set = page.live.set('division', 3).catch(() => undefined)
    await gate.entered
    page.beforeAnswer = async () => undefined
    await visitor.fetch('/agree')
    const flushed = page.live.flush()
    gate.open()
    await Promise.all([set, flushed])
    expect(page.live.status('division')).toEqual({ status: 'saved' })
  })
})

/** Responds with the visitor's id before and after the path's action. */
const ids: Koa.Middleware = async (ctx, next) => {
  const before = ctx.liveSession.visitorId ?? null
  if (ctx.path === '/set') await ctx.liveSession.set('division', 3)
  else if (ctx.path !== '/') await account(ctx, next)
  ctx.body = [before, ctx.liveSession.visitorId ?? null]
}

async function idsOf(answer: Promise<Response>): Promise<readonly (string | null)[]> {
  return (await answer).json() as Promise<readonly (string | null)[]>
}

async function idOfSocket(app: App, cookie?: string): Promise<string | undefined> {
  const found: (string | undefined)[] = []
  app.io.on('connection', (socket) => found.push(socket.liveSession.visitorId))
  await app.visitor(cookie).connect()
  return found.at(-1)
}

describe('visitorId', () => {
  it('is undefined without a cookie, and sets no cookie', async () => {
    const app = await App.start({ routes: ids })
    const answer = await app.visitor().fetch('/')
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(await answer.json()).toEqual([null, null])
    expect(await idOfSocket(app)).toBeUndefined()
  })

  it('exists from the first change until leave()', async () => {
    const app = await startWithUsers({ routes: ids })
    const visitor = app.visitor()
    const [before, after] = await idsOf(visitor.fetch('/set'))
    expect([before, after]).toEqual([null, nameOf(visitor)])
    expect(await idsOf(visitor.fetch('/'))).toEqual([after, after])
    const { cookie } = visitor
    expect(await idsOf(visitor.fetch('/leave'))).toEqual([after, null])
    emptyCache(app.live)
    for (const each of [visitor, app.visitor(cookie)]) expect(await idsOf(each.fetch('/'))).toEqual([null, null])
  })

  it("is equal in a guest's requests and sockets, and after key rotation", async () => {
    const app = await App.start({ routes: ids })
    const visitor = app.visitor()
    const [, id] = await idsOf(visitor.fetch('/set'))
    expect(await idOfSocket(app, visitor.cookie)).toBe(id)
    const keys = ['another secret of thirty-two bytes or more', 'a secret of at least thirty-two bytes']
    const later = await App.start({ routes: ids, keys })
    expect(await idsOf(later.visitor(visitor.cookie).fetch('/'))).toEqual([id, id])
    expect(await idOfSocket(later, visitor.cookie)).toBe(id)
  })

  it('is equal for a user everywhere, and for a number and its text', async () => {
    const app = await App.start({
      routes: ids,
      options: { identify: (ctx) => (ctx.get('is-number') ? Number(ctx.get('user')) : ctx.get('user')) },
    })
    const ask = async (user: string, more = {}): Promise<unknown> =>
      (await idsOf(app.visitor().fetch('/', { headers: { user, ...more } })))[1]
    const ann = await ask('ann')
    expect(ann).toBe('LgV39OieD_s4c4n-mpQdDAIxscN1AeTsbGjXGs4HL6s')
    expect(await ask('ann')).toBe(ann)
    const one = 'ytO0-sZxxr9xQ9TbhR8m82-5_mJoBcyHnm-6sDeh-Tk'
    expect([await ask('1', { 'is-number': 'yes' }), await ask('1')]).toEqual([one, one])
    const found: unknown[] = []
    app.io.on('connection', (socket) => found.push(socket.liveSession.visitorId))
    for (const cookie of [undefined, cookieFor(app.live, { userId: 'ann' })])
      await app.visitor(cookie).connect('/', { user: 'ann' })
    expect(found).toEqual([ann, ann])
  })

  it('changes at sign-in and sign-out', async () => {
    const app = await startWithUsers({ routes: ids })
    const visitor = app.visitor()
    const [, guest] = await idsOf(visitor.fetch('/set'))
    const [before, ann] = await idsOf(visitor.fetch('/login/now?user=ann'))
    expect(before).toBe(guest)
    expect(ann).toBe('LgV39OieD_s4c4n-mpQdDAIxscN1AeTsbGjXGs4HL6s')
    const [still, next] = await idsOf(visitor.fetch('/logout/leave'))
    expect(still).toBe(ann)
    expect([guest, ann]).not.toContain(next)
    expect(next).toBe(nameOf(visitor))
  })

  it('without consent exists for users only', async () => {
    let isAgreed = true
    const app = await startWithUsers({ routes: ids, options: { consent: () => isAgreed } })
    const visitor = app.visitor()
    await visitor.fetch('/set')
    isAgreed = false
    expect(await idsOf(visitor.fetch('/'))).toEqual([null, null])
    expect(await idOfSocket(app, visitor.cookie)).toBeUndefined()
    expect((await idsOf(visitor.fetch('/login/now?user=ann')))[1]).toBe('LgV39OieD_s4c4n-mpQdDAIxscN1AeTsbGjXGs4HL6s')
  })
})

describe('a request whose cookie was compared with memory', () => {
  it("sets a value even if the visitor's socket closes meanwhile", async () => {
    const gate = new Gate()
    const app = await App.start({
      routes: async (ctx) => {
        ctx.liveSession.get('division')
        await gate.pass()
        void ctx.liveSession.set('division', 5)
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    const [server] = app.io.sockets.sockets.values()
    const answer = visitor.text('/')
    await gate.entered
    socket.io.disconnect()
    await once(present(server), 'disconnect')
    gate.open()
    expect(await answer).toBe('5')
  })
})

describe('a cookie comparison', () => {
  const both = async (cache = {}) => {
    const identify = (ctx: Context): string | undefined => ctx.get('x-user') || undefined
    const app = await App.start({
      options: { identify, cache: { maxIdle: DAY, ...cache } } as never,
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const core = coreOf(app.live)
    const enter = async (user: string | undefined, division: number) => {
      const values = { division }
      const visitor = app.visitor(cookieFor(app.live, user === undefined ? { values } : { userId: user, values }))
      const read = async () =>
        (await visitor.fetch('/', { headers: user === undefined ? {} : { 'x-user': user } })).text()
      expect(await read()).toBe(String(division))
      const cookie = [...core.cookie.seen()].at(-1)
      if (!cookie) throw new Error('never')
      return {
        read,
        cookie,
        name: cookie.browserSubject,
        subject: present(cookie.memo).visitor.subject() as never,
      }
    }
    return { app, core, guest: await enter(undefined, 1), ann: await enter('ann', 2), bob: await enter('bob', 3) }
  }
  type Both = Awaited<ReturnType<typeof both>>
  const own: readonly (readonly [string, 'guest' | 'ann', (given: Both) => unknown, all?: boolean])[] = [
    ['a job writes for its user', 'ann', async ({ app }) => void (await app.live.user('ann')).set('division', 5)],
    ['a browser value is first written', 'ann', ({ core, ann }) => merge(core, ann.name, 'theme', 'dark')],
    ['another process writes for its user', 'ann', ({ core, ann }) => merge(core, ann.subject, 'division', 5)],
    ['another process writes for its guest', 'guest', ({ core, guest }) => merge(core, guest.name, 'division', 5)],
    ['a ticket brings a key of another build', 'ann', ({ core, ann }) => brought(core, ann)],
    ['its user is revoked', 'ann', ({ app }) => app.live.revoke('ann')],
    ['its user is erased', 'ann', ({ app }) => app.live.erase('ann')],
    ['another process revokes its user', 'ann', ({ core, ann }) => core.ends.learn(ann.subject, end(core), 'node')],
    ['the store reports a revocation', 'ann', ({ core, ann }) => core.ends.learn(ann.subject, end(core), 'store')],
    ['a newer epoch arrives', 'ann', ({ core, ann }) => core.ends.adoptEpoch(ann.cookie.user as never, 7)],
    ['a newer generation arrives', 'ann', ({ core, ann }) => core.ends.startGeneration(ann.subject, 7)],
    ['its guest leaves', 'guest', ({ core, guest }) => core.ends.retire(guest.name, undefined)],
    ['its guest leaves at another node', 'guest', ({ core, guest }) => core.ends.learn(guest.name, end(core), 'node')],
    ['its user signs out in its browser', 'ann', ({ core, ann }) => core.ends.retire(ann.name, undefined)],
    ['memory evicts its user', 'ann', ({ core, ann }) => core.memory.evict(ann.subject), true],
    ['memory is emptied', 'guest', ({ app }) => emptyCache(app.live), true],
  ]

  it.each(own)('is invalidated for the visitor concerned when %s', async (_, which, act, all = false) => {
    const given = await both()
    const { guest, ann, bob } = given
    const others = [guest, ann, bob].filter((visitor) => visitor !== given[which])
    const before = others.map(({ cookie }) => cookie.memo)
    await act(given)
    expect(given[which].cookie.memo === undefined).toBe(true)
    const isKept = others.map(({ cookie }, i) => cookie.memo !== undefined && cookie.memo === before[i])
    expect(isKept).toEqual(others.map(() => !all))
  })

  it('is repeated when an eviction is due', async () => {
    const { app, core, guest } = await both()
    app.clock.advance(DAY - 1)
    const { memo } = guest.cookie
    await guest.read()
    expect(guest.cookie.memo === memo).toBe(true)
    const merging = jest.spyOn(core.values, 'merge')
    app.clock.advance(1)
    expect(await guest.read()).toBe('1')
    expect(guest.cookie.memo === memo).toBe(false)
    expect(merging).toHaveBeenCalledTimes(1)
  })

  it('is evicted with its cookie text', async () => {
    const { core, guest } = await both({ maxGuestBytes: 1_000_000 })
    come(core, newcomers(core, 2000))
    expect(guest.cookie.memo === undefined).toBe(true)
    expect(await guest.read()).toBe('1')
  })
})

type Core = ReturnType<typeof coreOf>

/** Returns the cookies of new guests. */
function newcomers(core: Core, count: number): readonly string[] {
  return Array.from({ length: count }, () =>
    core.cookie.header({ browser: newBrowserId(), user: undefined, epoch: 0, registers: [] }),
  )
}

function come({ cookie, identities }: Core, cookies: readonly string[]): void {
  for (const text of cookies)
    identities.adopt(identities.recognize(cookie.read({ headers: { cookie: text } }), undefined))
}

function merge(core: Core, subject: Subject, key: string, value: string | number): void {
  core.values.merge(subject, [{ key, stamp: nextStamp(core.settings.clock(), NEVER), value }], 'node')
}

async function brought(core: Core, { read, subject }: { read(): Promise<string>; subject: Subject }): Promise<void> {
  const register = { key: 'newer', stamp: nextStamp(core.settings.clock(), NEVER), value: 1 }
  core.values.merge(subject, [register], 'node')
  await read()
  core.values.merge(subject, [register], 'ticket')
}

function end(core: Core): Parameters<Core['ends']['learn']>[1] {
  return { revocation: { epoch: core.settings.clock(), rotatedTo: undefined }, generation: 0 }
}
