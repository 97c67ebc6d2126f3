import { request } from 'node:http'
import { describe, expect, it } from '@jest/globals'
import { App } from '../support/app.js'
import { AuthStore, account, auth, identify } from '../support/auth.js'
import { ENDS, written } from '../support/departures.js'
import { Gate } from '../support/gate.js'
import { set, startWithUsers, values } from '../support/users.js'

describe('threat 43: a POST that is held back', () => {
  /** A POST of ann's, without a live cookie, of which all but the last byte has arrived. */
  async function held(page = {}) {
    const reached = new Gate()
    const app = await App.start({
      before: (koa) => [
        auth(koa, { store: new AuthStore() }),
        (ctx, next) => {
          if (ctx.method === 'POST') void reached.pass()
          return next()
        },
      ],
      options: { identify } as never,
      routes: account,
    })
    const ann = app.visitor()
    await ann.fetch('/login/unused?user=ann')
    const body = JSON.stringify({ ...page, set: [['division', -1, '', 5]] })
    const headers = { 'content-type': 'application/json', 'content-length': body.length, cookie: ann.cookie }
    const req = request(`${app.url}/store_session`, { method: 'POST', headers })
    const cookies = new Promise((resolve) => req.once('response', (res) => resolve(res.headers['set-cookie'])))
    req.write(body.slice(0, -1))
    await reached.entered
    return { app, ann, cookies, finish: () => req.end(body.slice(-1)) }
  }

  it.each(ENDS)('by its own body, over %s, writes no cookie of the former user', async (_, end) => {
    const { app, ann, cookies, finish } = await held()
    await end(app, ann)
    finish()
    expect(await cookies).toBeUndefined()
  })

  it('and arrives after all brings the cookie where nothing has ended meanwhile', async () => {
    const { cookies, finish } = await held()
    finish()
    expect(await cookies).toHaveLength(2)
  })

  it('brings none where it says whose page it is', async () => {
    const { cookies, finish } = await held({ who: 'of another' })
    finish()
    expect(await cookies).toBeUndefined()
  })

  it('of a user, whose session is still good, replaces no cookie of who came after', async () => {
    const app = await App.start({
      before: (koa) => [auth(koa)],
      options: { identify } as never,
      routes: account,
    })
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const held = app.visitor(visitor.cookie)
    const { who } = await (await visitor.store()).json()
    await visitor.fetch('/logout/leave')
    for (const body of [{ who }, { who, set: [['division', -1, '', 5]] }]) {
      const answer = await held.store(body)
      expect([answer.status, written(answer)]).toEqual([200, []])
      expect(await answer.json()).toEqual({ dropped: true, results: [], held: [] })
    }
    expect((await app.live.user('ann')).has('division')).toBe(false)
  })

  it('and says whose page it is gives no id up that it brings no other for', async () => {
    const app = await startWithUsers({ store: new AuthStore() })
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    await set(ann, { theme: 'dark' })
    const { who } = await (await ann.store()).json()
    await ann.fetch('/logout/unused')
    const answer = await ann.store({ who, set: [['division', -1, '', 5]] })
    expect([answer.status, written(answer)]).toEqual([200, []])
    expect(await answer.json()).toEqual({ dropped: true, results: [], held: [] })
    expect(await values(ann)).toMatchObject({ division: -1, theme: 'dark' })
  })
})
