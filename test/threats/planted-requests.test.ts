import { request } from 'node:http'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { browserSubject, subjectHash } from '../../server/kernel/names/subject.js'
import { coreOf } from '../../server/plugin.js'
import { App } from '../support/app.js'
import { account, auth, identify } from '../support/auth.js'
import { browserId } from '../support/browser-id.js'
import { written } from '../support/departures.js'
import { Gate } from '../support/gate.js'
import { signedCookie } from '../support/signed-cookie.js'
import { stamp } from '../support/stamp.js'
import { values } from '../support/users.js'

const PLANTED = browserId('planted-by-an-attacker')

const NOTHING = { division: -1, theme: 'light', cart: [], role: 'guest' }

const THEIRS = { division: 8, theme: 'dark', cart: ['own'] }

const SIGN_INS = ['/login/now?user=ann', '/login?user=ann']

type Handle = Koa.Context['liveSession']

type Set = (session: Handle) => Promise<unknown>

const SETS: readonly (readonly [string, Set])[] = [
  ['set', (session) => session.set('division', 66)],
  ['setMany', (session) => session.setMany({ division: 66, theme: 'light', cart: ['evil'] })],
  ['update', (session) => session.update('cart', () => ['evil'])],
  ['delete', (session) => session.delete('cart')],
]

const cases = SIGN_INS.flatMap((path) => SETS.map(([name, set]) => [name, path, set] as const))

/** An app with a slow route that uses the session at its beginning, and sets something when it is let go on. */
async function start(late: (session: Handle) => unknown) {
  const gate = new Gate()
  const posted = new Gate()
  const app = await App.start({
    before: (koa) => [
      auth(koa),
      (ctx, next) => {
        if (ctx.method === 'POST') void posted.pass()
        return next()
      },
    ],
    options: { identify } as never,
    routes: async (ctx, next) => {
      if (ctx.path !== '/slow') return account(ctx, next)
      const { liveSession } = ctx
      liveSession.get('division')
      await gate.pass()
      await late(liveSession)
      ctx.body = 'done'
    },
  })
  const cookie = cookieFor(app.live, { browserId: PLANTED, values: { division: 1 } })
  return { app, gate, posted, victim: app.visitor(cookie), attacker: app.visitor(cookie) }
}

type Started = Awaited<ReturnType<typeof start>>

/** The victim signs in, and sets something, while a request of the attacker's under the planted id is under way. */
async function signIn({ gate, victim, attacker }: Started, path: string): Promise<Response> {
  const slow = attacker.fetch('/slow')
  await gate.entered
  await victim.fetch(path)
  await victim.fetch(`/set?values=${encodeURIComponent(JSON.stringify(THEIRS))}`)
  gate.open()
  return slow
}

/** Nothing of it has reached the account, nor the browser of the victim, nor is it anywhere else to be read. */
async function expectUntouched({ app, victim, attacker }: Started): Promise<void> {
  expect(await values(victim)).toMatchObject(THEIRS)
  const ann = await app.live.user('ann')
  expect([ann.get('division'), ann.get('cart')]).toEqual([8, ['own']])
  expect(await values(attacker)).toEqual(NOTHING)
}

describe('threat 42: a request that began under a planted id, and sets something after the sign-in', () => {
  it.each(cases)('is refused, and answered with 409: %s, %s', async (_name, path, set) => {
    const started = await start(set)
    const answer = await signIn(started, path)
    expect([answer.status, written(answer)]).toEqual([409, []])
    expect(await answer.text()).not.toMatch(/ann|division|cart/)
    await expectUntouched(started)
  })

  it.each(cases)('is refused, and told to onError where no code awaits it: %s, %s', async (_name, path, set) => {
    const started = await start((session) => void set(session))
    const answer = await signIn(started, path)
    expect([answer.status, written(answer)]).toEqual([200, []])
    expect(started.app.errors).toEqual([expect.objectContaining({ code: 'superseded', status: 409 })])
    await expectUntouched(started)
  })

  it('is refused as often as it tries', async () => {
    const codes: string[] = []
    const started = await start(async (session) => {
      for (const [, set] of [...SETS, ...SETS]) await set(session).catch(({ code }) => void codes.push(code))
    })
    await signIn(started, '/login/now?user=ann')
    expect(codes).toEqual(Array(8).fill('superseded'))
    await expectUntouched(started)
  })

  it('does not read what the victim has', async () => {
    const read: unknown[] = []
    const started = await start((session) => void read.push(session.get('division'), session.get('cart')))
    await signIn(started, '/login/now?user=ann')
    expect(read).not.toContainEqual(8)
    expect(read).not.toContainEqual(['own'])
  })
})

describe('threat 42: a POST of set under a planted id', () => {
  /** All but the last byte of its body has arrived. */
  async function post({ app, posted, attacker: { cookie } }: Started, body: string) {
    const headers = { 'content-type': 'application/json', 'content-length': body.length, cookie, origin: app.url }
    const req = request(`${app.url}/store_session`, { method: 'POST', headers })
    const answer = new Promise<readonly [number, string, unknown]>((resolve) => {
      req.once('response', async (res) => {
        let text = ''
        for await (const chunk of res) text += chunk
        resolve([res.statusCode ?? 0, text, res.headers['set-cookie']])
      })
    })
    req.write(body.slice(0, -1))
    await posted.entered
    return { answer, finish: () => req.end(body.slice(-1)) }
  }

  it.each(SIGN_INS)('is refused where its body takes its time, while the victim signs in: %s', async (path) => {
    const started = await start(() => undefined)
    const { victim } = started
    const held = await post(started, '{"set":[["division",-1,"",66],["cart",-1,"",["evil"]]]}')
    await victim.fetch(path)
    await victim.fetch(`/set?values=${encodeURIComponent(JSON.stringify(THEIRS))}`)
    held.finish()
    const [status, text, cookies] = await held.answer
    expect([status, JSON.parse(text).error?.code, cookies]).toEqual([409, 'superseded', undefined])
    await expectUntouched(started)
  })
})

describe('threat 42: a socket under a planted id', () => {
  it('is closed at the sign-in: what it sends at that moment and later reaches no account', async () => {
    const started = await start(() => undefined)
    const { victim, attacker } = started
    const socket = await attacker.connect()
    await socket.ticket()
    const signingIn = victim.fetch('/login/now?user=ann')
    await socket.closed
    socket.io.volatile.emit('live_session:sync', { set: [['division', -1, '', 66]] }, () => undefined)
    await signingIn
    await victim.fetch(`/set?values=${encodeURIComponent(JSON.stringify(THEIRS))}`)
    await expect(attacker.connect()).rejects.toMatchObject({ data: { code: 'other_subject' } })
    await expectUntouched(started)
  })

  it.each(SETS)('whose handler goes on after the sign-in is refused what it sets: %s', async (_, set) => {
    const started = await start(() => undefined)
    const { app, victim, attacker } = started
    const gate = new Gate()
    const refused = new Promise((resolve) => {
      app.io.on('connection', (socket) => {
        socket.on('slow', async () => {
          await gate.pass()
          await set(socket.liveSession as never).then(
            () => resolve('set'),
            ({ code }) => resolve(code),
          )
        })
      })
    })
    const socket = await attacker.connect()
    socket.io.emit('slow')
    await gate.entered
    await victim.fetch('/login/now?user=ann')
    await victim.fetch(`/set?values=${encodeURIComponent(JSON.stringify(THEIRS))}`)
    gate.open()
    expect(await refused).toBe('superseded')
    await expectUntouched(started)
  })
})

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
