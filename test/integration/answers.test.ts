import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app.js'
import { pages } from '../support/auth.js'
import { signedCookie } from '../support/signed-cookie.js'
import { readClaims } from '../support/socket.js'
import { startWithUsers, values } from '../support/users.js'

const SECRET = 'the secret that this server signs with'
const BROWSER = 'a-browser-of-another-build'

describe('the answer of the endpoint', () => {
  it('does not say what else the cookie held than what browsers may read', async () => {
    const app = await App.start({ keys: [SECRET] })
    const now = app.clock.now()
    const r = [
      ['division', now, 3],
      ['secret', now, 'readable once'],
      ['filter', now, 'of another build'],
    ]
    const visitor = app.visitor(signedCookie(SECRET, { v: 1, browser: BROWSER, epoch: 0, exp: now + 1000, r }))
    expect((await (await visitor.store()).json()).held).toEqual([['division', now]])
  })

  it('has a ticket of one subject, also where another build had put the other\u2019s keys there', async () => {
    const note = { schema: z.string(), default: '', client: 'write' } as const
    const division = { schema: z.number(), default: -1, client: 'write' } as const
    const older = defineFields({ division, note })
    const newer = defineFields({ division, note: { ...note, scope: 'browser' } })
    const given = { options: { identify: () => 'ann' } as never, attach: { handshake: [] } }
    const former = await App.start<typeof older>({ ...given, fields: older })
    const visitor = former.visitor()
    const set = [
      ['division', -1, '', 1],
      ['note', -1, '', 'x'],
    ]
    const { ticket } = await (await visitor.store({ set })).json()
    const app = await App.start<typeof newer>({ ...given, fields: newer, clock: former.clock })
    const same = app.visitor(visitor.cookie)
    await same.store({ tickets: [ticket] })
    const answer = await (await same.store({ set })).json()
    expect(readClaims(answer.ticket).changes).toEqual([['division', answer.results[0].stamp, 1]])
  })

  it('tells a user that the page is another\u2019s only where there is a cookie: without one, nothing is known of the browser', async () => {
    const app = await startWithUsers({ routes: pages })
    const [ann, other] = [app.visitor(), app.visitor()]
    await ann.fetch('/login?user=ann')
    await other.fetch('/login?user=bob')
    const { who: bob } = await (await other.connect()).greeted
    const { who } = await values(ann, '/page')
    const told = async (page: unknown): Promise<object> => (await ann.store({ who: page })).json()
    expect(await told(bob)).toMatchObject({ dropped: true, who, greeting: expect.anything() })
    expect(await told(who)).toMatchObject({ who, kept: true })
    ann.forget()
    for (const page of [bob, who]) expect(await told(page)).toEqual({ dropped: true, results: [], held: [] })
  })

  it('says that it takes nothing but a POST', async () => {
    const app = await App.start()
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await app.visitor().fetch('/store_session', { method })
      expect([answer.status, answer.headers.get('allow'), (await answer.json()).error.code]).toEqual([
        405,
        'POST',
        'malformed',
      ])
    }
  })

  it('does not repeat a key that cannot be one', async () => {
    const app = await App.start()
    const set = [['<no key>', -1, '', 1]]
    const answer = await (await app.visitor().store({ set })).text()
    expect(JSON.parse(answer).results).toEqual([{ code: 'undeclared_key' }])
    expect(answer).not.toMatch('<no key>')
  })

  it('is no refusal where the app itself has failed: that is the app\u2019s to hear of, and to answer', async () => {
    const failure = new Error('the user database is away')
    const app = await App.start({
      options: {
        identify: () => {
          throw failure
        },
      } as never,
      attach: { handshake: [] },
    })
    const answer = await app.visitor().store()
    expect([answer.status, await answer.text()]).toEqual([500, 'Internal Server Error'])
    expect(app.errors).toEqual([failure])
  })
})
