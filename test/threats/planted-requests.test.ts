import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { browserSubject, subjectHash } from '../../server/kernel/names/subject.js'
import { coreOf } from '../../server/plugin.js'
import { App } from '../support/app/app.js'
import { auth, identify } from '../support/app/auth.js'
import { browserId } from '../support/app/browser-id.js'
import { signedCookie } from '../support/app/signed-cookie.js'
import { stamp } from '../support/app/stamp.js'

describe('threat 34: a cookie planted before sign-in', () => {
  const SECRET = 'the secret that all of these apps are signed with'

  const ATTACKER = browserId('planted-by-an-attacker')

  const text = z.string()

  const fields = defineFields({
    chosen: { schema: text, default: 'none', client: 'write' },
    role: { schema: text, default: 'guest' },
    newestRole: { schema: text, default: 'guest', onLogin: 'newest' },
    joinedRole: {
      schema: text,
      default: 'guest',
      onLogin: (account: string, browser: string) => `${account}+${browser}`,
    },
    credit: { schema: z.number(), default: 0, client: 'hidden' },
  })

  const KEYS = ['chosen', 'role', 'newestRole', 'joinedRole', 'credit'] as const

  const planted = { chosen: 'red', role: 'admin', newestRole: 'admin', joinedRole: 'admin' }

  const expected = { chosen: 'red', role: 'guest', newestRole: 'guest', joinedRole: 'guest', credit: 0 }

  function start(): Promise<App<typeof fields>> {
    return App.start<typeof fields>({
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
  }

  const values = async (app: App<typeof fields>, cookie: string, path: string): Promise<unknown> => {
    return (await app.visitor(cookie).fetch(path)).json()
  }

  it('has the values until then, so that it is worth the planting', async () => {
    const app = await start()
    expect(await values(app, cookieFor(app.live, { values: planted }), '/')).toMatchObject(planted)
  })

  it.each(['/login/now?user=ann', '/login?user=ann'])(
    'brings nothing into the account that only the server may write: %s',
    async (path) => {
      const app = await start()
      const visitor = app.visitor(cookieFor(app.live, { browserId: ATTACKER, values: planted }))
      await visitor.fetch(path)
      for (const reader of [visitor, visitor]) expect(await (await reader.fetch('/')).json()).toEqual(expected)
      const ann = await app.live.user('ann')
      expect([ann.has('role'), ann.has('newestRole'), ann.has('joinedRole'), ann.has('credit')]).toEqual(
        Array(4).fill(false),
      )
    },
  )

  it('brings no hidden value, though one is signed into it', async () => {
    const app = await start()
    const exp = app.clock.now() + 1000
    const r = [['credit', app.clock.now(), 1_000_000]]
    const cookie = signedCookie(SECRET, { v: 1, browser: ATTACKER, epoch: 0, exp, r })
    expect(await values(app, cookie, '/login/now?user=ann')).toMatchObject({ credit: 0 })
  })

  it('brings no more by the tickets of its id', async () => {
    const app = await start()
    const { tickets } = coreOf(app.live)
    const sub = subjectHash(browserSubject(ATTACKER))
    const changes = Object.entries(planted).map(([key, value]) => [key, stamp(app.clock.now()), value] as const)
    const ticket = tickets.sign({ sub, epoch: 0, changes }, app.clock.now())
    const visitor = app.visitor(cookieFor(app.live, { browserId: ATTACKER }))
    await visitor.fetch('/login/now?user=ann')
    expect((await visitor.store({ tickets: [ticket] })).status).toBe(403)
    expect(await (await visitor.fetch('/')).json()).toEqual({ ...expected, chosen: 'none' })
  })

  it('does not overwrite what the account has', async () => {
    const app = await start()
    const ann = await app.live.user('ann')
    await ann.setMany({ chosen: 'blue', role: 'owner', newestRole: 'owner', joinedRole: 'owner', credit: 5 })
    app.clock.advance(1000)
    const cookie = cookieFor(app.live, { browserId: ATTACKER, values: planted })
    const owned = { chosen: 'blue', role: 'owner', newestRole: 'owner', joinedRole: 'owner', credit: 5 }
    expect(await values(app, cookie, '/login/now?user=ann')).toEqual(owned)
  })
})
