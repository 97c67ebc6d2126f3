import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import type { SyncAnswer } from '../../shared/protocol.js'
import { App } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { signedCookie } from '../support/app/signed-cookie.js'
import { readClaims } from '../support/app/socket.js'
import { startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

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

const SET = { set: [['division', -1, '', 7]] }

async function post(visitor: Visitor, body: object): Promise<SyncAnswer> {
  const answer = await visitor.store(body)
  expect(answer.status).toBe(200)
  return answer.json()
}

/** A visitor whose page was told whose it is, by a POST that made the cookie. */
async function greeted(app: App) {
  const visitor = app.visitor()
  const answer = await post(visitor, {})
  return { visitor, answer, who: answer.who ?? '' }
}

describe('the one exchange', () => {
  it('makes a browser id for a question, and says with the next one that the browser kept it', async () => {
    const app = await App.start()
    const { visitor, answer, who } = await greeted(app)
    expect(who).toMatch(/^[\w-]{22}$/)
    expect(answer).toEqual({ who, greeting: [expect.any(String)], results: [], held: [] })
    expect(readClaims(answer.greeting?.[0] ?? '')).toMatchObject({
      guest: true,
      changes: [],
      defaults: { division: -1 },
    })
    expect(await post(visitor, {})).toMatchObject({ who, kept: true })
  })

  it('answers a page that says whose it is without a greeting', async () => {
    const app = await App.start()
    const { visitor, who } = await greeted(app)
    expect(await post(visitor, { who })).toEqual({ who, kept: true, results: [], held: [] })
  })

  it('answers over a socket as to a POST, and greets once', async () => {
    const app = await App.start()
    const { visitor, who } = await greeted(app)
    const socket = await visitor.connect()
    expect(await socket.greeted).toMatchObject({ who, kept: true, greeting: [expect.any(String)], held: [] })
    const answer = await socket.sync({ who, set: [['division', -1, '', 7]] })
    const result = { stamp: expect.any(Number), level: 'memory' }
    expect(answer).toEqual({ who, kept: true, results: [result], ticket: expect.any(String), held: [] })
    expect(await socket.sync({})).not.toHaveProperty('greeting')
  })

  it('greets a page that says whose it is in the first answer over a socket', async () => {
    const app = await App.start()
    const { visitor, who } = await greeted(app)
    const socket = await RawSocket.open(app.url, { cookie: visitor.cookie, origin: app.url })
    socket.send('40')
    await socket.next('40')
    const ask = (): Promise<unknown> => socket.ask('live_session:sync', JSON.stringify({ who }))
    expect(await ask()).toEqual({ who, kept: true, greeting: [expect.any(String)], results: [], held: [] })
    expect(await ask()).toEqual({ who, kept: true, results: [], held: [] })
  })

  it.each(['POST', 'socket'])('takes nothing of the page of another visitor, and greets it: %s', async (way) => {
    const app = await App.start()
    const { visitor, who } = await greeted(app)
    const socket = await visitor.connect()
    await socket.greeted
    const sync = { who: 'another', tickets: ['garbage'], set: [['division', -1, '', 7]] } as const
    const answer = way === 'POST' ? await post(visitor, sync) : await socket.sync(sync)
    const { cookie } = visitor
    expect(answer).toEqual({ who, dropped: true, kept: true, greeting: [expect.any(String)], results: [], held: [] })
    expect(visitor.cookie).toBe(cookie)
    expect((await post(visitor, {})).greeting?.map((text) => readClaims(text).changes)).toEqual([[]])
  })

  it('makes no cookie for a page that says whose it is, and names nothing', async () => {
    const app = await App.start()
    const visitor = app.visitor()
    expect(await post(visitor, { who: 'lost', ...SET })).toEqual({ dropped: true, results: [], held: [] })
    expect(visitor.cookie).toBe('')
  })

  it('answers each change by itself', async () => {
    const app = await App.start()
    const { visitor, who } = await greeted(app)
    const set = [
      ['nope', -1, '', 1],
      ['role', -1, '', 'admin'],
      ['division', -1, '', 'x'],
      ['cart', -1, '', ['a']],
    ]
    const { results, ticket } = await post(visitor, { who, set })
    const refused = ['undeclared_key', 'not_writable', 'invalid_value'].map((code) => ({ code }))
    expect(results).toEqual([...refused, { stamp: expect.any(Number), level: 'memory' }])
    expect(readClaims(ticket ?? '').changes).toEqual([['cart', expect.any(Number), ['a']]])
  })

  it('refuses what was made over an older value, and says what stands', async () => {
    const app = await App.start()
    const { visitor } = await greeted(app)
    const [first] = (await post(visitor, SET)).results
    const stamp = first?.stamp ?? 0
    const stands = { stamp, value: 7 }
    const change = async (...wire: unknown[]): Promise<unknown> => (await post(visitor, { set: [wire] })).results[0]
    expect(await change('division', 0, '', 8)).toEqual({ code: 'superseded', ...stands })
    expect(await change('division', 0, 'one', 8)).toEqual({ code: 'conflict', ...stands })
    const { ticket } = await post(visitor, { set: [['division', 0, '', 8]] })
    expect(readClaims(ticket ?? '').changes).toEqual([['division', stamp, 7]])
    expect(await change('division', 0, '', 7)).toEqual({ stamp, level: 'memory' })
    const taken = { stamp: stamp + 1, level: 'memory' }
    expect(await change('division', stamp, 'one', 8)).toEqual(taken)
    expect(await change('division', stamp, 'one', 8)).toEqual(taken)
    expect(await change('division', stamp + 1, '')).toEqual({ stamp: stamp + 2, level: 'memory' })
    expect(await change('division', stamp, 'two', 9)).toEqual({ code: 'conflict', stamp: stamp + 2 })
    // A retry is known for what it was, also where others have written since.
    expect(await change('division', stamp, 'one', 8)).toEqual(taken)
  })

  it('says of each change how far that one has got: what is the connection\u2019s alone is in no store', async () => {
    const app = await App.start({
      options: { identify: () => 'ann', store: memoryStore() },
      attach: { handshake: [] },
    })
    const socket = await app.visitor().connect()
    await socket.greeted
    const answer = await socket.sync({
      set: [
        ['theme', -1, '', 'dark'],
        ['division', -1, '', 7],
      ],
    })
    expect(answer).toMatchObject({ results: [{ level: 'memory' }, { level: 'store' }] })
  })

  it('pushes to a new connection what its cookie lacks, and nothing else', async () => {
    const app = await App.start({ routes: async (ctx) => void ctx.liveSession.set('theme', 'dark') })
    const visitor = app.visitor()
    await visitor.fetch('/')
    const { cookie } = visitor
    const pushes: string[] = []
    const open = async (brought?: string): Promise<readonly unknown[]> => {
      const socket = await app.visitor(brought).connect()
      socket.io.on('store_session', (text) => pushes.push(text))
      await socket.greeted
      return pushes.splice(0).map((text) => readClaims(text).changes)
    }
    expect(await open(cookie)).toEqual([])
    await post(visitor, SET)
    expect(await open(cookie)).toEqual([[['division', expect.any(Number), 7]]])
    expect(await open(visitor.cookie)).toEqual([])
    expect(await open()).toEqual([])
  })

  it('is told what the cookie held', async () => {
    const app = await App.start()
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 1, role: 'admin' } }))
    const held = ['division', 'role'].map((key) => [key, expect.any(Number)])
    expect(await post(visitor, {})).toMatchObject({ kept: true, held })
    expect(await (await visitor.connect()).greeted).toMatchObject({ kept: true, held })
  })
})
