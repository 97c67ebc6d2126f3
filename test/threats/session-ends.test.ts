import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { testClock } from 'koa-live-session/testing'
import type { CreateSessionOptions } from 'koa-session'
import { identify } from '../support/app/auth.js'
import { Gate } from '../support/app/gate.js'
import { type Action, rotate, SessionApp, signOut } from '../support/app/sessions.js'
import { MINUTE } from '../support/app/times.js'
import { whoIn } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { turns } from '../support/app/within.js'

const clock = testClock()
const maxAge = 20 * MINUTE

interface Given {
  readonly session?: CreateSessionOptions
  readonly options?: object
}

async function start({ session, options }: Given = {}): Promise<SessionApp> {
  return SessionApp.start({
    clock,
    session: { rolling: true, maxAge, ...session },
    options: { identify, ...options } as never,
  })
}

const signIn: Action = async ({ liveSession, session }) => {
  session.user = 'ann'
  await session.regenerate()
  await liveSession.identify()
}

/** A signed-in visitor, and a POST of a page of hers. */
async function signedIn(app: SessionApp): Promise<{ ann: Visitor; post: (extend: boolean) => Promise<Response> }> {
  const ann = app.visitor()
  await app.ask(ann, signIn)
  const who = whoIn(ann, 'ann')
  return { ann, post: (extend) => ann.store({ who, extend }) }
}

const isSignedIn = (app: SessionApp, visitor: Visitor): Promise<boolean> =>
  app.ask(visitor, ({ liveSession }) => liveSession.userId === 'ann')

const leftIn = async (response: Response): Promise<unknown> => {
  const { end } = (await response.json()) as { end?: readonly unknown[] }
  return end && Math.round(Number(end[0]) / MINUTE)
}

describe('a page that asks when the session ends', () => {
  it.each([
    ['rolling', {}],
    ['renewed', { rolling: false, renew: true }],
  ])('does not keep it alive: %s', async (_, session) => {
    const app = await start({ session })
    const { ann, post } = await signedIn(app)
    for (const left of [15, 10, 5]) {
      clock.advance(5 * MINUTE)
      const response = await post(false)
      expect([response.status, response.headers.getSetCookie(), await leftIn(response)]).toEqual([200, [], left])
    }
    clock.advance(5 * MINUTE + 1000)
    expect(await (await post(false)).json()).toMatchObject({ otherVisitor: true })
    expect(await isSignedIn(app, ann)).toBe(false)
  })

  it('learns of no other visitor’s session', async () => {
    const app = await start()
    const { ann } = await signedIn(app)
    const stranger = await signedIn(app)
    for (const extend of [false, true]) {
      const response = await app.visitor(stranger.ann.cookie).store({ who: whoIn(ann, 'ann'), extend })
      const answer = await response.json()
      expect(answer).toMatchObject({ otherVisitor: true })
      expect(answer).not.toHaveProperty('end')
    }
  })

  it('is limited like a page without changes', async () => {
    const app = await start({ options: { limits: { changesPerVisitor: 3 } } })
    const { post } = await signedIn(app)
    const statuses: number[] = []
    for (let count = 0; count < 10; count += 1) statuses.push((await post(false)).status)
    expect(new Set(statuses)).toEqual(new Set([200, 429]))
  })

  it('is refused over a socket', async () => {
    const app = await start()
    const { ann } = await signedIn(app)
    const socket = await ann.connect()
    for (const extend of [false, true])
      expect(await socket.exchange({ who: whoIn(ann, 'ann'), extend })).toEqual({ ok: false, code: 'malformed' })
  })

  it.each([true, false])('is refused from another origin: %p', async (extend) => {
    const app = await start()
    const { ann } = await signedIn(app)
    const response = await ann.store({ who: whoIn(ann, 'ann'), extend }, { origin: 'https://evil.example' })
    expect([response.status, await response.json()]).toMatchObject([403, { error: { code: 'bad_origin' } }])
  })
})

describe('a session', () => {
  it.each<[string, (app: SessionApp, ann: Visitor) => unknown]>([
    ['by maxAge', () => clock.advance(maxAge + 1000)],
    ['by a sign-out', (app, ann) => app.ask(app.visitor(ann.cookie), signOut)],
    ['by a revocation', (app) => app.app.live.revoke('ann')],
  ])('is extended by no page once it has ended: %s', async (_, end) => {
    const app = await start()
    const { ann, post } = await signedIn(app)
    const { cookie } = ann
    await end(app, ann)
    const response = await post(true)
    expect(response.headers.getSetCookie().filter((line) => line.startsWith('app'))).toEqual([])
    expect(await response.json()).toMatchObject({ otherVisitor: true })
    expect(await isSignedIn(app, app.visitor(cookie))).toBe(false)
  })

  it('is not revived by an extension that began before its end', async () => {
    const gate = new Gate()
    let isHeld = false
    const slowly = async (ctx: Koa.Context): Promise<unknown> => {
      if (isHeld && ctx.path === '/store_session') await gate.pass()
      return ctx['session'].user
    }
    const app = await start({ options: { identify: slowly } })
    const { ann, post } = await signedIn(app)
    isHeld = true
    const answer = post(true)
    await gate.entered
    await app.app.live.revoke('ann')
    gate.open()
    expect(await (await answer).json()).toMatchObject({ otherVisitor: true })
    expect(await isSignedIn(app, ann)).toBe(false)
  })

  it('without rolling is not extended by a page', async () => {
    const app = await start({ session: { rolling: false } })
    const { ann, post } = await signedIn(app)
    clock.advance(maxAge - MINUTE)
    const response = await post(true)
    expect([response.status, await leftIn(await post(false))]).toEqual([200, 1])
    clock.advance(MINUTE + 1000)
    expect(await isSignedIn(app, ann)).toBe(false)
  })
})

const become =
  (user: string): Action =>
  async ({ liveSession, session }) => {
    session.user = user
    await liveSession.identify()
  }

it.each<[string, readonly Action[], (app: SessionApp) => Promise<unknown>]>([
  [
    'endDevice',
    [signIn, rotate],
    async ({ app: { live } }) => live.endDevice('ann', (await live.devices('ann'))[0]?.name ?? ''),
  ],
  ['the revocation of a former user', [become('ben'), become('ann')], ({ app: { live } }) => live.revoke('ben')],
])('a socket closes in a second after %s, beside 3,000 sessions', async (_, actions, end) => {
  const app = await start()
  const store = app.app.live.sessionStore()
  const visitor = app.visitor()
  for (const action of actions) await app.ask(visitor, action)
  // The first connections are rechecked in these seconds, which would end the session, too.
  for (let at = 0; at < 5; at += 1) await app.visitor().connect()
  await visitor.connect()
  const socket = [...app.app.io.of('/').sockets.values()].at(-1)
  for (let id = 0; id < 3000; id += 1) await store.set(`filler ${id}`, { id }, maxAge)
  // The next look at the sessions begins behind this one.
  clock.advance(1000)
  await turns(20)
  expect(socket?.conn.readyState).toBe('open')
  await end(app)
  clock.advance(1000)
  await turns(20)
  expect(socket?.conn.readyState).not.toBe('open')
})
