import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { coreOf } from '../../server/plugin.js'
import { browserSubject, subjectHash } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { AuthStore, auth, identify } from '../support/app/auth.js'
import { browserId } from '../support/app/browser-id.js'
import { liveOnly } from '../support/app/departures.js'
import { signedCookie } from '../support/app/signed-cookie.js'
import { stamp } from '../support/app/stamp.js'
import { set, signedInAs, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const PLANTED = browserId('planted-by-an-attacker')
const NOTHING = { division: -1, theme: 'light', cart: [], role: 'guest' }

describe('threat 8: a planted cookie of an attacker\u2019s account', () => {
  async function plantAccount(app: App): Promise<{ readonly victim: Visitor; readonly attacker: Visitor }> {
    const attacker = await signedInAs(app, 'mallory')
    await set(attacker, { division: 66, cart: ['x'] })
    return { victim: app.visitor(liveOnly(attacker.cookie)), attacker }
  }

  it.each(['/login?user=ann', '/'])('shares no values in either direction: %s', async (path) => {
    const app = await startWithUsers()
    const { victim, attacker } = await plantAccount(app)
    await victim.fetch(path)
    expect(await values(victim)).toEqual(NOTHING)
    await set(victim, { division: 8 })
    expect(await values(attacker)).toMatchObject({ division: 66 })
    expect((await app.live.user('mallory')).get('division')).toBe(66)
  })

  it('gives a thief no values of the account', async () => {
    const app = await startWithUsers()
    const { victim: thief, attacker: owner } = await plantAccount(app)
    expect(await values(thief)).toEqual(NOTHING)
    const other = app.visitor(liveOnly(owner.cookie))
    expect(await values(other, '/login/now?user=eve')).toEqual(NOTHING)
    expect(await values(owner)).toMatchObject({ division: 66, cart: ['x'] })
  })
})

describe('threat 8: a socket before the server knows of the sign-in', () => {
  /** Signs ann in with a planted cookie; no request uses the live session afterwards. */
  async function signIn(app: App): Promise<{ readonly victim: Visitor; readonly attacker: Visitor }> {
    const cookie = cookieFor(app.live, { browserId: PLANTED, values: { role: 'admin' } })
    const [victim, attacker] = [app.visitor(cookie), app.visitor(cookie)]
    await victim.fetch('/login?user=ann')
    return { victim, attacker }
  }

  it('does not show the attacker the user\u2019s changes', async () => {
    const app = await startWithUsers()
    const { victim, attacker } = await signIn(app)
    const socket = await victim.connect()
    await socket.change('theme', 'dark')
    expect(await values(attacker)).toMatchObject({ theme: 'light' })
  })

  it('does not show the user the planted values', async () => {
    const app = await startWithUsers()
    const { victim } = await signIn(app)
    const early = await victim.connect()
    await victim.store()
    const late = await victim.connect()
    for (const socket of [early, late]) {
      const claims = [(await socket.ticket()).claims, (await socket.ticket()).claims]
      expect(claims.map(({ changes }) => changes)).toEqual([[], []])
    }
    expect([(await early.greeted).hasCookie, (await late.greeted).hasCookie]).toEqual([undefined, true])
    expect(await values(victim)).toMatchObject({ role: 'guest' })
  })

  it('without a live cookie gets tickets that fail after the sign-in', async () => {
    const app = await startWithUsers({ store: new AuthStore() })
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.set(['division', -1, '', 1], ['theme', -1, '', 'dark'])
    const { text } = await socket.ticket()
    await visitor.fetch('/login?user=ann')
    const answer = await visitor.store({ tickets: [text] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'other_visitor', index: 0 } }])
    await socket.change('division', 2)
    expect(await values(visitor)).toMatchObject({ division: -1, theme: 'light' })
    expect((await app.live.user('ann')).has('division')).toBe(false)
  })
})

describe('threat 34: server-only values in a cookie planted before sign-in', () => {
  const SECRET = 'the secret that all of these apps are signed with'
  const text = z.string()
  const fields = defineFields({
    chosen: { schema: text, default: 'none', client: 'write' },
    theme: { schema: text, default: 'light', client: 'write', scope: 'browser' },
    role: { schema: text, default: 'guest' },
    newestRole: { schema: text, default: 'guest', onLogin: 'newest' },
    joinedRole: {
      schema: text,
      default: 'guest',
      onLogin: (account: string, browser: string) => `${account}+${browser}`,
    },
    trusted: { schema: text, default: 'no', scope: 'browser' },
    credit: { schema: z.number(), default: 0, client: 'hidden' },
  })
  const KEYS = ['chosen', 'theme', 'role', 'newestRole', 'joinedRole', 'trusted', 'credit'] as const
  const roles = (role: string) => ({ role, newestRole: role, joinedRole: role })
  const planted = { chosen: 'red', theme: 'dark', trusted: 'yes', ...roles('admin') }
  const expected = { chosen: 'red', theme: 'dark', trusted: 'no', credit: 0, ...roles('guest') }

  async function start() {
    const app = await App.start<typeof fields>({
      fields,
      keys: [SECRET],
      options: { identify } as never,
      before: (koa) => [auth(koa)],
      routes: async (ctx) => {
        if (ctx.path.startsWith('/login')) ctx['session'].user = ctx.query['user']
        if (ctx.path.endsWith('/now')) await ctx.liveSession.identify()
        ctx.body = Object.fromEntries(KEYS.map((key) => [key, ctx.liveSession.get(key)]))
      },
    })
    return { app, visitor: app.visitor(cookieFor(app.live, { browserId: PLANTED, values: planted })) }
  }

  it('are readable before the sign-in', async () => {
    const { visitor } = await start()
    expect(await values(visitor)).toMatchObject(planted)
  })

  it.each(['/login/now?user=ann', '/login?user=ann'])('do not reach the account: %s', async (path) => {
    const { app, visitor } = await start()
    await visitor.fetch(path)
    for (const _ of [1, 2]) expect(await values(visitor)).toEqual(expected)
    const ann = await app.live.user('ann')
    expect(['role', 'newestRole', 'joinedRole', 'credit'].filter((key) => ann.has(key as never))).toEqual([])
  })

  it('do not reach the account if hidden and signed', async () => {
    const { app } = await start()
    const exp = app.clock.now() + 1000
    const r = [['credit', app.clock.now(), 1_000_000]]
    const cookie = signedCookie(SECRET, { v: 1, browser: PLANTED, epoch: 0, exp, r })
    expect(await values(app.visitor(cookie), '/login/now?user=ann')).toMatchObject({ credit: 0 })
  })

  it('do not reach the account through tickets', async () => {
    const { app } = await start()
    const sub = subjectHash(browserSubject(PLANTED))
    const changes = Object.entries(planted).map(([key, value]) => [key, stamp(app.clock.now()), value] as const)
    const ticket = coreOf(app.live).tickets.sign({ sub, epoch: 0, changes }, app.clock.now())
    const visitor = app.visitor(cookieFor(app.live, { browserId: PLANTED }))
    await visitor.fetch('/login/now?user=ann')
    expect((await visitor.store({ tickets: [ticket] })).status).toBe(403)
    expect(await values(visitor)).toEqual({ ...expected, chosen: 'none', theme: 'light' })
  })

  it('do not overwrite the account\u2019s values', async () => {
    const { app, visitor } = await start()
    const owned = { chosen: 'blue', credit: 5, ...roles('owner') }
    await (await app.live.user('ann')).setMany(owned)
    app.clock.advance(1000)
    expect(await values(visitor, '/login/now?user=ann')).toMatchObject(owned)
  })
})
