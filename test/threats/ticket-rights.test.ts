import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { AuthStore, account, auth, identify } from '../support/app/auth.js'
import { liveOnly } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import type { ReceivedTicket } from '../support/app/socket.js'
import { change, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

/** Signs in, sets a value over a socket, and has the ticket of that. */
async function signedIn(visitor: Visitor, user: string): Promise<ReceivedTicket> {
  await visitor.fetch(`/login/now?user=${user}`)
  const socket = await visitor.connect()
  for (let first = 0; first < 2; first += 1) await socket.ticket()
  await socket.change('division', 7)
  return socket.ticket()
}

describe('threat 3: the ticket of a user', () => {
  it('is good in each of their browsers, and brings back what a restart lost', async () => {
    const before = await startWithUsers()
    const ticket = await signedIn(before.visitor(), 'ann')
    await before.stop({ isCrash: true })
    const app = await startWithUsers({ clock: before.clock })
    const other = app.visitor()
    await other.fetch('/login/now?user=ann')
    expect((await other.store({ tickets: [ticket.text] })).status).toBe(200)
    expect(await values(other)).toMatchObject({ division: 7 })
    expect((await app.live.user('ann')).get('division')).toBe(7)
    expect((await app.live.user('ann')).inspect().get('division')).toMatchObject({ source: 'ticket' })
  })
})

describe('threat 9: the ticket of a browser id', () => {
  it('is worthless as soon as the id is given up, also before the answer is out', async () => {
    const gate = new Gate()
    const app = await startWithUsers({
      routes: async (ctx, next) => {
        await account(ctx, next)
        if (ctx.path.startsWith('/logout')) await gate.pass()
      },
    })
    const { visitor, socket, ticket } = await change(app)
    const late = app.visitor(visitor.cookie)
    const leaving = visitor.fetch('/logout/leave')
    await gate.entered
    await socket.closed
    const answers = [await late.store({ tickets: [ticket.text] })]
    gate.open()
    await leaving
    answers.push(await late.store({ tickets: [ticket.text] }))
    const codes = await Promise.all(answers.map(async (answer) => (await answer.json()).error.code))
    expect(codes).toEqual(['rate_limited', 'other_subject'])
  })

  it('gives a user who has that id what is the browser\u2019s own, and the account nothing', async () => {
    const text = { schema: z.string(), default: '', client: 'write' } as const
    const own = { ...text, scope: 'browser' } as const
    const former = defineFields({ theme: own, note: own })
    const fields = defineFields({ theme: own, note: text })
    const given = { options: { identify: () => 'ann' } as never, attach: { handshake: [] } }
    // To the build before, both were the browser's own.
    const before = await App.start<typeof former>({ ...given, fields: former })
    const visitor = before.visitor()
    await visitor.store()
    const socket = await visitor.connect()
    for (let first = 0; first < 2; first += 1) await socket.ticket()
    await socket.set(['theme', -1, '', 'dark'], ['note', -1, '', 'x'])
    const { text: ticket } = await socket.ticket()
    const app = await App.start<typeof fields>({
      ...given,
      fields,
      clock: before.clock,
      routes: (ctx) => {
        ctx.body = Object.fromEntries(ctx.liveSession.inspect())
      },
    })
    const same = app.visitor(visitor.cookie)
    expect((await same.store({ tickets: [ticket] })).status).toBe(200)
    expect(await values(same)).toEqual({ theme: expect.objectContaining({ value: 'dark', source: 'ticket' }) })
    expect((await app.live.user('ann')).has('note')).toBe(false)
  })
})

describe('threat 3: a ticket of a guest whose cookie is still brought after it was given up', () => {
  /** A guest's cookie, and a ticket that was never POSTed. */
  async function guest(app: App) {
    const visitor = app.visitor()
    await visitor.store()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.change('division', 7)
    return { visitor, old: liveOnly(visitor.cookie), ticket: (await socket.ticket()).text }
  }

  /** Signs in beside that cookie, as after an answer that was lost, and brings the ticket. */
  async function bring(app: App, user: string, old: string, ticket: string): Promise<number> {
    const session = app.visitor()
    await session.fetch(`/login/unused?user=${user}`)
    const visitor = app.visitor(`${old}; ${session.cookie}`)
    await visitor.store()
    return (await visitor.store({ tickets: [ticket] })).status
  }

  it.each([
    ['the guest has left', '/logout/leave'],
    ['ann has signed in', '/login/now?user=ann'],
    ['ann has signed in, and out', '/login/now?user=ann /logout/leave'],
  ])('goes to no user: %s', async (_, paths) => {
    const app = await startWithUsers({ store: new AuthStore() })
    const { visitor, old, ticket } = await guest(app)
    for (const path of paths.split(' ')) await visitor.fetch(path)
    expect([await bring(app, 'ann', old, ticket), await bring(app, 'bob', old, ticket)]).toEqual([403, 403])
    expect((await app.live.user('bob')).has('division')).toBe(false)
  })
})

const note = { schema: z.string(), default: '', client: 'write', guests: 'read' } as const

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  theme: { ...note, scope: 'browser' },
  cart: { ...note, url: 'note', onLogin: 'newest' },
  role: { schema: z.string(), default: 'guest' },
})

const start = (given: object = {}) =>
  App.start<typeof fields>({
    fields,
    before: (koa) => [auth(koa)],
    options: { identify } as never,
    routes: account as never,
    ...given,
  })

const KEYS = ['cart', 'theme'] as const

describe('threat 81: a field that guests only read', () => {
  it.each(KEYS)('is set by no guest\u2019s page, over a socket or by a POST, also by an old one: %s', async (key) => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.store()
    const page = await visitor.connect()
    expect(await page.change(key, 'planted')).toMatchObject({ code: 'users_only' })
    expect(await page.set([key, 0, 'id-of-an-update', 'planted'])).toMatchObject({ results: [{ code: 'users_only' }] })
    const posted = await visitor.store({
      set: [
        [key, -1, '', 'planted'],
        [key, -1, ''],
      ],
    })
    expect(await posted.json()).toMatchObject({ results: [{ code: 'users_only' }, { code: 'users_only' }] })
    expect(await values(visitor)).toMatchObject({ [key]: '' })
  })

  it('is set by a user\u2019s page', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const page = await visitor.connect()
    for (const key of KEYS) expect(await page.change(key, 'chosen')).toMatchObject({ level: 'memory' })
    expect(await values(visitor)).toMatchObject({ cart: 'chosen', theme: 'chosen' })
  })

  it('is set by no link that a guest follows, and by one that a user follows', async () => {
    const app = await start()
    const visitor = app.visitor()
    const follow = async () =>
      (await visitor.fetch('/?note=linked', { headers: { 'sec-fetch-dest': 'document' } })).json()
    expect(await follow()).toMatchObject({ cart: '' })
    expect(app.warnings).toEqual(expect.not.arrayContaining([expect.stringContaining('an address')]))
    await visitor.fetch('/login/now?user=ann')
    expect(await follow()).toMatchObject({ cart: 'linked' })
  })

  it('does not cross at a sign-in, whatever a planted cookie says; another field does', async () => {
    const app = await start()
    const cookie = cookieFor(app.live, { values: { cart: 'planted', theme: 'planted', division: 4 } } as never)
    const visitor = app.visitor(cookie)
    expect(await values(visitor)).toMatchObject({ cart: 'planted', theme: 'planted', division: 4 })
    expect(await values(visitor, '/login/now?user=ann')).toMatchObject({ cart: '', theme: '', division: 4 })
    expect((await app.live.user('ann')).get('cart')).toBe('')
  })

  it('is for the app\u2019s own code to set, also for a guest', async () => {
    const app = await start()
    const visitor = app.visitor()
    expect(await values(visitor, `/set?values=${encodeURIComponent('{"cart":"welcome"}')}`)).toMatchObject({
      cart: 'welcome',
    })
  })
})
