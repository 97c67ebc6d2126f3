import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { account, auth, identify } from '../support/app/auth.js'
import { present } from '../support/app/present.js'
import type { TestSocket } from '../support/app/socket.js'

const limited = { ok: false, code: 'rate_limited' }
const limits = { changesPerSocket: 5, changesPerSubject: 8, socketsPerSubject: 3 }

/** Sends so many changes, and says how many were refused. */
async function flood(socket: TestSocket, changes: number): Promise<number> {
  const answers = await Promise.all(Array.from({ length: changes }, (_, value) => socket.change('division', value)))
  const refused = answers.filter((answer) => 'code' in answer)
  for (const answer of refused) expect(answer).toEqual(limited)
  return refused.length
}

describe('threat 17: a flood of changes', () => {
  it('is refused on a socket past a burst of twice its rate, and let in again as time goes on', async () => {
    const app = await App.start({ options: { limits } })
    const socket = await app.visitor().connect()
    expect(await flood(socket, 30)).toBe(20)
    expect(await socket.change('division', 99)).toEqual(limited)
    app.clock.advance(1000)
    expect(await flood(socket, 6)).toBe(1)
  })

  it('changes nothing where it is refused, and no other visitor notices', async () => {
    const app = await App.start({ options: { limits } })
    const [greedy, other] = [await app.visitor().connect(), await app.visitor().connect()]
    await flood(greedy, 11)
    const { claims } = greedy.tickets.at(-1) ?? (await greedy.ticket())
    expect(claims.changes).toEqual([['division', app.clock.now() + 9, 9]])
    expect(await other.change('division', 1)).toHaveProperty('stamp')
  })

  it('is refused for a subject whichever of its sockets it comes by, and by POST, with the seconds to wait', async () => {
    const app = await App.start({ options: { limits } })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const [one, two] = [await visitor.connect(), await visitor.connect()]
    expect((await flood(one, 10)) + (await flood(two, 10))).toBe(4)
    const answer = await visitor.store({ set: [['division', -1, '', 1]] })
    expect(answer.status).toBe(429)
    expect(answer.headers.get('retry-after')).toBe('1')
    expect((await answer.json()).error).toMatchObject({ code: 'rate_limited' })
    expect((await visitor.store()).status).toBe(200)
    app.clock.advance(1000)
    expect((await visitor.store({ set: [['division', -1, '', 1]] })).status).toBe(200)
  })

  it('counts each change of a call, and what is refused for another reason too', async () => {
    const app = await App.start({ options: { limits } })
    const socket = await app.visitor().connect()
    for (let i = 0; i < 5; i += 1) {
      const answer = await socket.set(['division', -1, '', 1], ['nope', -1, '', 1])
      expect(answer).toMatchObject({ results: [{ stamp: expect.any(Number) }, { code: 'undeclared_key' }] })
    }
    expect(await socket.change('division', 1)).toEqual(limited)
  })

  it('does not count tickets as changes, however often they are brought', async () => {
    const app = await App.start({ options: { limits } })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    await flood(socket, 10)
    const { text } = socket.tickets.at(-1) ?? (await socket.ticket())
    for (let i = 0; i < 50; i += 1) expect((await visitor.store({ tickets: [text] })).status).toBe(200)
    for (let i = 0; i < 50; i += 1) expect(await socket.sendTickets(text)).toHaveProperty('results')
  })

  it('lets a call through that is larger than a burst, once there is all the room there can be', async () => {
    const app = await App.start({ options: { limits: { ...limits, changesPerSocket: 0.5 } } })
    const socket = await app.visitor().connect()
    expect(await socket.set(['division', -1, '', 1], ['cart', -1, '', []])).toHaveProperty('results')
    app.clock.advance(3999)
    expect(await socket.change('division', 1)).toEqual(limited)
    app.clock.advance(1)
    expect(await socket.change('division', 1)).toHaveProperty('stamp')
  })

  it('is not what the app itself does', async () => {
    const app = await App.start({
      options: { limits },
      routes: async (ctx) => {
        for (let value = 0; value < 100; value += 1) await ctx.liveSession.set('division', value)
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    expect(await app.visitor().text('/')).toBe('99')
  })

  it('does not keep a visitor from bringing tickets, however much they have set', async () => {
    const app = await App.start({ options: { limits: { ...limits, changesPerSubject: 0.5 } } })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const set = ['division', 'cart'].map((key) => [key, -1, ''])
    expect((await visitor.store({ set })).status).toBe(200)
    expect((await visitor.store()).status).toBe(200)
    expect((await visitor.store({ set })).status).toBe(429)
  })
})

describe('threat 45: changes by POSTs without a cookie', () => {
  const one = { set: [['division', -1, '', 1]] }

  it('are limited like those of any visitor: all of them share one bucket', async () => {
    const app = await App.start({ options: { limits } })
    const answers: Response[] = []
    for (let sent = 0; sent < 20; sent += 1) answers.push(await app.visitor().store(one))
    const statuses = answers.map(({ status }) => status)
    expect(statuses).toEqual([...Array(16).fill(200), ...Array(4).fill(429)])
    expect(answers[19]?.headers.get('retry-after')).toBe('1')
    expect(answers[19]?.headers.getSetCookie()).toEqual([])
    app.clock.advance(1000)
    const later: number[] = []
    for (let sent = 0; sent < 9; sent += 1) later.push((await app.visitor().store(one)).status)
    expect(later).toEqual([...Array(8).fill(200), 429])
  })

  it.each([
    ['garbage', 'live=garbage; live.sig=garbage', 200],
    ['one that was given up', '', 409],
  ])('are those with a cookie that is worth nothing, too: %s', async (_, garbage, status) => {
    const app = await App.start({ options: { limits }, routes: (ctx) => ctx.liveSession.leave() })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const worthless = garbage === '' ? visitor.cookie : garbage
    await visitor.fetch('/')
    const statuses: number[] = []
    for (let sent = 0; sent < 17; sent += 1)
      statuses.push((await app.visitor().store(one, { cookie: worthless })).status)
    expect(statuses).toEqual([...Array(16).fill(status), 429])
  })

  it('take nothing from visitors with a cookie, from users, nor from those who only ask for one', async () => {
    const app = await App.start({
      options: { limits, identify } as never,
      before: (koa) => [auth(koa)],
      routes: account,
    })
    const ann = app.visitor()
    await ann.fetch('/login/unused?user=ann')
    for (let sent = 0; sent < 17; sent += 1) await app.visitor().store(one)
    expect((await app.visitor().store(one)).status).toBe(429)
    const visitor = app.visitor()
    expect((await visitor.store()).status).toBe(200)
    expect([(await visitor.store(one)).status, (await ann.store(one)).status]).toEqual([200, 200])
  })
})

describe('threat 68: changes by sockets without a cookie', () => {
  /** Sends two changes over each of so many new sockets, and says how many changes were refused. */
  async function floodBySockets(app: App, sockets: number): Promise<number> {
    let refused = 0
    for (let opened = 0; opened < sockets; opened += 1) refused += await flood(await app.visitor().connect(), 2)
    return refused
  }

  it('are limited like those of any visitor: all of them share one bucket, with POSTs too', async () => {
    const app = await App.start({ options: { limits } })
    expect(await floodBySockets(app, 12)).toBe(8)
    expect((await app.visitor().store({ set: [['division', -1, '', 1]] })).status).toBe(429)
    app.clock.advance(1000)
    expect(await floodBySockets(app, 5)).toBe(2)
  })

  it('take nothing from those of visitors with a cookie, nor of users', async () => {
    const before: AppOptions<AppFields>['before'] = (koa) => [auth(koa)]
    const app = await App.start({ options: { limits, identify } as never, before, routes: account })
    const [guest, ann] = [app.visitor(cookieFor(app.live, {})), app.visitor()]
    await ann.fetch('/login/unused?user=ann')
    const sockets = [await guest.connect(), await ann.connect()]
    await floodBySockets(app, 12)
    for (const socket of sockets) expect(await socket.change('division', 1)).toHaveProperty('stamp')
  })
})

describe('threat 57: requests that only ask for a cookie', () => {
  it('are counted by themselves: those without a cookie together, and those of each visitor', async () => {
    const app = await App.start({ options: { limits } })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const statuses: number[] = []
    for (let sent = 0; sent < 17; sent += 1) statuses.push((await app.visitor().store()).status)
    expect(statuses).toEqual([...Array(16).fill(200), 429])
    expect((await app.visitor().store({ set: [['division', -1, '', 1]] })).status).toBe(200)
    for (let sent = 0; sent < 16; sent += 1) expect((await visitor.store()).status).toBe(200)
    expect((await visitor.store()).status).toBe(429)
    expect((await visitor.store({ set: [['division', -1, '', 1]] })).status).toBe(200)
  })
})

describe('threat 17: too many sockets', () => {
  it.each([
    ['an anonymous browser', undefined],
    ['a user', 'ann'],
  ])('of %s are refused with a code, and let in again when others have closed', async (_, user) => {
    const app = await App.start({
      options: { limits, identify } as never,
      before: (koa) => [auth(koa)],
      routes: account,
    })
    const visitor = app.visitor()
    await visitor.fetch(user === undefined ? '/set?values={"division":1}' : `/login/now?user=${user}`)
    const sockets = [await visitor.connect(), await visitor.connect(), await visitor.connect()]
    await expect(visitor.connect()).rejects.toMatchObject({ data: { code: 'rate_limited' } })
    await app.visitor().connect()
    const [first] = sockets
    const [server] = app.io.sockets.sockets.values()
    const gone = new Promise((resolve) => present(server).conn.once('close', resolve))
    present(first).io.disconnect()
    await gone
    await expect(visitor.connect()).resolves.toBeDefined()
  })

  it('are counted by namespace: a connection that is in two is as many', async () => {
    const app = await App.start({ options: { limits: { ...limits, socketsPerSubject: 2 } } })
    app.io.of('/admin')
    const visitor = app.visitor(cookieFor(app.live, {}))
    const page = await visitor.open()
    await page.connected()
    const admin = page.socket.io.socket('/admin')
    await new Promise((resolve) =>
      present(admin)
        .once('connect', () => resolve(undefined))
        .connect(),
    )
    await expect(visitor.connect()).rejects.toMatchObject({ data: { code: 'rate_limited' } })
    present(admin).disconnect()
  })
})
