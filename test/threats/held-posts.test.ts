import { request } from 'node:http'
import { describe, expect, it } from '@jest/globals'
import { App } from '../support/app.js'
import { AuthStore, account, auth, identify } from '../support/auth.js'
import { ENDS } from '../support/departures.js'
import { Gate } from '../support/gate.js'

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
})
