import { describe, expect, it } from '@jest/globals'
import type { AppSession } from 'koa-live-session'
import { memoryStore, testClock } from 'koa-live-session/testing'
import type { Store } from '../../server/types/store.js'
import { Gate } from '../support/app/gate.js'
import { type Action, begin, SessionApp, sessionId, signOut } from '../support/app/sessions.js'
import type { Visitor } from '../support/app/visitor.js'
import { turn } from '../support/app/within.js'

const wait: Action = () => undefined
const rotate: Action = ({ session }) => session.regenerate()

function signIn(user: string): Action {
  return ({ session }) => Object.assign(session, { user }).regenerate()
}

/** Makes concurrent requests with the same cookie; returns the status and the later visitor of each request. */
async function atOnce(
  sessions: SessionApp,
  { cookie }: Visitor,
  actions: readonly Action[],
  meanwhile?: () => Promise<unknown>,
): Promise<readonly { readonly status: number; readonly visitor: Visitor }[]> {
  const both = actions.map((action) => ({ action, gate: new Gate(), visitor: sessions.visitor(cookie) }))
  const answers = both.map(async ({ action, gate, visitor }) => {
    const { status } = await sessions.fetch(visitor, async (ctx) => {
      await gate.pass()
      await action(ctx)
    })
    return { status, visitor }
  })
  await Promise.all(both.map(({ gate }) => gate.entered))
  for (const { gate } of both) gate.open()
  await meanwhile?.()
  return Promise.all(answers)
}

describe('a regenerated session', () => {
  const writes: readonly (readonly [string, (own: AppSession, other: () => Promise<void>) => Promise<unknown>])[] = [
    ['a socket', (own) => own.set('cart', ['a', 'b'])],
    ['another request', (_, other) => other()],
  ]

  it.each(writes)('includes concurrent writes by %s', async (_, write) => {
    const { sessions, visitor } = await begin({ cart: ['a'], flash: 'hello' })
    const [own, other] = [await sessions.session(visitor), sessions.visitor(visitor.cookie)]
    const meanwhile = () => write(own, () => sessions.write(other, { cart: ['a', 'b'] }))
    await sessions.during(visitor, wait, meanwhile, (ctx) => {
      delete ctx['session'].flash
      return signIn('ann')(ctx)
    })
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['a', 'b'] })
  })

  it("includes another process's writes from the store", async () => {
    const given = { clock: testClock(), options: { store: memoryStore() } as never }
    const [near, far] = [await SessionApp.start(given), await SessionApp.start(given)]
    const visitor = await near.withSession({ cart: ['a'] })
    const meanwhile = () => far.write(far.visitor(visitor.cookie), { cart: ['a', 'b'] })
    await near.during(visitor, wait, meanwhile, signIn('ann'))
    expect(await near.read(visitor)).toEqual({ user: 'ann', cart: ['a', 'b'] })
  })

  it('keeps a maxAge set by a concurrent request', async () => {
    const { sessions, visitor } = await begin({ cart: [] }, { session: { maxAge: 600_000 } })
    const stay: Action = ({ session }) => Object.assign(session, { maxAge: 6_000_000 })
    await sessions.during(visitor, wait, () => sessions.ask(sessions.visitor(visitor.cookie), stay), signIn('ann'))
    sessions.app.clock.advance(3_000_000)
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: [] })
  })

  it('keeps its values if evicted during the request', async () => {
    const { sessions, visitor } = await begin({ cart: ['a'] }, { options: { cache: { maxVisitors: 10 } } as never })
    await sessions.during(visitor, wait, () => sessions.flood(), signIn('ann'))
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['a'] })
  })

  it('keeps its values if regenerated again in the same request', async () => {
    const { sessions, visitor } = await begin({ cart: ['a'] })
    await sessions.ask(visitor, async ({ session }) => {
      await session.regenerate()
      session.user = 'ann'
      await session.regenerate()
    })
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['a'] })
  })

  it.each<[string, Action]>([
    ['a double sign-in', signIn('ann')],
    ['two rotations at once', rotate],
  ])('survives %s, under both new ids', async (_, action) => {
    const { sessions, visitor } = await begin({ user: 'ann', cart: ['a'] })
    const again = sessions.visitor(visitor.cookie)
    const response = await sessions.during(again, wait, () => sessions.ask(visitor, action), action)
    expect(response.status).toBe(200)
    for (const each of [visitor, again]) expect(await sessions.read(each)).toEqual({ user: 'ann', cart: ['a'] })
  })

  it('keeps its values if two concurrent sign-ins wait for the store', async () => {
    const [store, gate] = [memoryStore(), new Gate()]
    let isHeld = false
    const merge: Store['merge'] = async (...given) => {
      if (isHeld) await gate.pass()
      return store.merge(...given)
    }
    const sessions = await SessionApp.start({ options: { store: { ...store, merge } } as never })
    const before = await sessions.withSession({ cart: ['a'] })
    const own = await sessions.session(before)
    isHeld = true
    const written = own.set('cart', ['a', 'b'])
    await gate.entered
    const answer = async (): Promise<void> => {
      await turn()
      isHeld = false
      gate.open()
    }
    for (const { status, visitor } of await atOnce(sessions, before, [signIn('ann'), signIn('ann')], answer))
      expect([status, await sessions.read(visitor)]).toEqual([200, { user: 'ann', cart: ['a', 'b'] }])
    await written
  })

  it('rejects a sign-in if a concurrent request has destroyed the session', async () => {
    const sessions = await SessionApp.start()
    const before = await sessions.withSession({ cart: ['a'] })
    const end: Action = async (ctx) => {
      signOut(ctx)
      await sessions.app.live.sessionStore().destroy(sessionId(before), { ctx })
    }
    const answers = await atOnce(sessions, before, [end, signIn('ann')])
    expect(answers.map(({ status }) => status)).toEqual([200, 409])
  })

  it('hides later values from another request that regenerates the former id', async () => {
    const { sessions, visitor } = await begin({ cart: ['a'] })
    const planted = sessions.visitor(visitor.cookie)
    const meanwhile = async (): Promise<void> => {
      await sessions.ask(visitor, signIn('ann'))
      await sessions.write(visitor, { card: '4111' })
    }
    await sessions.during(planted, wait, meanwhile, rotate)
    expect(await sessions.read(planted)).toEqual({ cart: ['a'] })
  })

  it('gives a later request with the former id an empty session', async () => {
    const { sessions, visitor } = await begin({ cart: ['a'] })
    const early = sessions.visitor(visitor.cookie)
    const signedIn = await sessions.during(visitor, signIn('ann'), () => sessions.write(early, { theme: 'dark' }))
    expect(signedIn.status).toBe(200)
    expect(await sessions.read(early)).toEqual({ theme: 'dark' })
    expect(await sessions.read(visitor)).toEqual({ user: 'ann', cart: ['a'] })
  })
})
