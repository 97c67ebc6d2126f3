import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { account, auth, identify } from '../support/app/auth.js'
import { signedInAs, values } from '../support/app/users.js'

const note = { schema: z.string(), default: '', client: 'write', guests: 'read' } as const

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  theme: { ...note, scope: 'browser' },
  cart: { ...note, url: 'note', onLogin: 'newest' },
  role: { schema: z.string(), default: 'guest' },
})

const start = () =>
  App.start<typeof fields>({
    fields,
    before: (koa) => [auth(koa)],
    options: { identify } as never,
    routes: account as never,
  })

const KEYS = ['cart', 'theme'] as const

describe('threat 81: a field that guests may only read', () => {
  it.each(KEYS)('rejects changes of guests\u2019 pages: %s', async (key) => {
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

  it('accepts changes of users\u2019 pages', async () => {
    const app = await start()
    const visitor = await signedInAs(app)
    const page = await visitor.connect()
    for (const key of KEYS) expect(await page.change(key, 'chosen')).toMatchObject({ level: 'memory' })
    expect(await values(visitor)).toMatchObject({ cart: 'chosen', theme: 'chosen' })
  })

  it('follows the links of users, not of guests', async () => {
    const app = await start()
    const visitor = app.visitor()
    const follow = async () =>
      (await visitor.fetch('/?note=linked', { headers: { 'sec-fetch-dest': 'document' } })).json()
    expect(await follow()).toMatchObject({ cart: '' })
    expect(app.warnings).toEqual(expect.not.arrayContaining([expect.stringContaining('an address')]))
    await visitor.fetch('/login/now?user=ann')
    expect(await follow()).toMatchObject({ cart: 'linked' })
  })

  it('does not move to the account at sign-in, unlike other fields', async () => {
    const app = await start()
    const cookie = cookieFor(app.live, { values: { cart: 'planted', theme: 'planted', division: 4 } } as never)
    const visitor = app.visitor(cookie)
    expect(await values(visitor)).toMatchObject({ cart: 'planted', theme: 'planted', division: 4 })
    expect(await values(visitor, '/login/now?user=ann')).toMatchObject({ cart: '', theme: '', division: 4 })
    expect((await app.live.user('ann')).get('cart')).toBe('')
  })

  it('accepts the app\u2019s own changes for guests', async () => {
    const app = await start()
    const visitor = app.visitor()
    expect(await values(visitor, `/set?values=${encodeURIComponent('{"cart":"welcome"}')}`)).toMatchObject({
      cart: 'welcome',
    })
  })
})
