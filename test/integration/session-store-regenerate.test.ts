import { describe, expect, it } from '@jest/globals'
import type { AppSession } from 'koa-live-session'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { Gate } from '../support/gate.js'
import { type Deed, SessionApp } from '../support/sessions.js'
import type { Visitor } from '../support/visitor.js'

const signOut: Deed = (ctx) => void Object.assign(ctx, { session: null })
const rotate: Deed = ({ session }) => session.regenerate()

/** Signs a user in, as routes do. */
function signIn(user: string): Deed {
  return ({ session }) => Object.assign(session, { user }).regenerate()
}

/** A request of a visitor that does something with the session it was given once other things have happened. */
async function later(
  sessions: SessionApp,
  visitor: Visitor,
  meanwhile: () => Promise<unknown>,
  deed: Deed,
): Promise<Response> {
  const gate = new Gate()
  const response = sessions.fetch(visitor, async (ctx) => {
    await gate.pass()
    await deed(ctx)
  })
  await gate.entered
  await meanwhile()
  gate.open()
  return response
}

/** Processes that share a store and nothing else. */
async function two(): Promise<readonly [SessionApp, SessionApp]> {
  const given = { clock: testClock(), options: { store: memoryStore(), storeTimeout: 5000 } as never }
  return [await SessionApp.start(given), await SessionApp.start(given)]
}

describe('a session that is regenerated', () => {
  const writes: readonly (readonly [string, (own: AppSession, other: () => Promise<void>) => Promise<unknown>])[] = [
    ['a socket', (own) => own.put('cart', ['a', 'b'])],
    ['another request', (_, other) => other()],
  ]

  it.each(writes)('has what %s has written while the request was under way', async (_, write) => {
    const sessions = await SessionApp.start()
    const visitor = await sessions.withSession({ cart: ['a'], flash: 'hello' })
    const [own, other] = [await sessions.session(visitor), sessions.visitor(visitor.cookie)]
    const meanwhile = () => write(own, () => sessions.write(other, { cart: ['a', 'b'] }))
    await later(sessions, visitor, meanwhile, (ctx) => {
      delete ctx['session'].flash
      return signIn('ann')(ctx)
    })
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['a', 'b'] })
  })

  it('has what another process has written meanwhile, which only the store tells of', async () => {
    const [near, far] = await two()
    const visitor = await near.withSession({ cart: ['a'] })
    const meanwhile = () => far.write(far.visitor(visitor.cookie), { cart: ['a', 'b'] })
    await later(near, visitor, meanwhile, signIn('ann'))
    expect(await near.read(visitor)).toEqual({ user: 'ann', cart: ['a', 'b'] })
  })

  it('has the maxAge that another request has given it meanwhile', async () => {
    const sessions = await SessionApp.start({ session: { maxAge: 1000 } })
    const visitor = await sessions.withSession({ cart: [] })
    const stay: Deed = ({ session }) => Object.assign(session, { maxAge: 100_000 })
    await later(sessions, visitor, () => sessions.ask(sessions.visitor(visitor.cookie), stay), signIn('ann'))
    sessions.app.clock.advance(50_000)
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: [] })
  })

  it('has its values where memory has forgotten it meanwhile', async () => {
    const sessions = await SessionApp.start({ options: { cache: { maxSubjects: 10 } } as never })
    const visitor = await sessions.withSession({ cart: ['a'] })
    const flood = async (): Promise<void> => {
      for (let at = 0; at < 50; at += 1) await sessions.app.live.sessionStore().set(`stranger-${at}`, { csrf: at })
    }
    await later(sessions, visitor, flood, signIn('ann'))
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['a'] })
  })

  it('is regenerated twice by one request', async () => {
    const sessions = await SessionApp.start()
    const visitor = await sessions.withSession({ cart: ['a'] })
    await sessions.ask(visitor, async ({ session }) => {
      await session.regenerate()
      session.user = 'ann'
      await session.regenerate()
    })
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['a'] })
  })

  it.each<[string, Deed]>([
    ['a double click at the sign-in', signIn('ann')],
    ['two requests that both rotate the id', rotate],
  ])('is there after %s, under the id of either answer', async (_, deed) => {
    const sessions = await SessionApp.start()
    const visitor = await sessions.withSession({ user: 'ann', cart: ['a'] })
    const again = sessions.visitor(visitor.cookie)
    const response = await later(sessions, again, () => sessions.ask(visitor, deed), deed)
    expect(response.status).toBe(200)
    for (const each of [visitor, again]) expect(await sessions.read(each)).toEqual({ user: 'ann', cart: ['a'] })
  })

  it('gives a request that regenerates it, too, nothing of what it has under its new id', async () => {
    const sessions = await SessionApp.start()
    const visitor = await sessions.withSession({ cart: ['a'] })
    const planted = sessions.visitor(visitor.cookie)
    const meanwhile = async (): Promise<void> => {
      await sessions.ask(visitor, signIn('ann'))
      await sessions.write(visitor, { card: '4111' })
    }
    await later(sessions, planted, meanwhile, rotate)
    expect(await sessions.read(planted)).toEqual({ cart: ['a'] })
  })

  it('is none for a request that brings the former id before the answer is out, and has its own where that writes', async () => {
    const sessions = await SessionApp.start()
    const visitor = await sessions.withSession({ cart: ['a'] })
    const early = sessions.visitor(visitor.cookie)
    const regenerated = new Gate()
    const signingIn = sessions.ask(visitor, async (ctx) => {
      await signIn('ann')(ctx)
      await regenerated.pass()
    })
    await regenerated.entered
    await sessions.write(early, { theme: 'dark' })
    regenerated.open()
    await signingIn
    expect(await sessions.read(early)).toEqual({ theme: 'dark' })
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['a'] })
  })

  it('signs out while the store does not answer, also where memory has forgotten the session', async () => {
    const store = memoryStore()
    const sessions = await SessionApp.start({
      options: { store, storeTimeout: 50, cache: { maxSubjects: 10 }, onError: () => undefined } as never,
    })
    const visitor = await sessions.withSession({ user: 'ann' })
    const before = visitor.cookie
    const fail = async (): Promise<void> => {
      for (let at = 0; at < 50; at += 1) await sessions.withSession({ csrf: at })
      store.fail(Number.POSITIVE_INFINITY)
    }
    expect((await later(sessions, visitor, fail, signOut)).status).toBe(200)
    store.fail(0)
    await sessions.app.live.settled()
    expect(await sessions.read(sessions.visitor(before))).toEqual({})
  })
})
