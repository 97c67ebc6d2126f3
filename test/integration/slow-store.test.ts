import { expect, it, jest } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { identify } from '../support/app/auth.js'
import { type Action, all, identifyNow, leave, rotate, SessionApp, setUser, signOut } from '../support/app/sessions.js'
import { MINUTE } from '../support/app/times.js'
import type { Visitor } from '../support/app/visitor.js'
import { turns } from '../support/app/within.js'
import { withoutTime } from '../support/app/without-time.js'

const TIMEOUT = 3000
/** ms between two looks: short, as a wait that ends at once takes one. */
const STEP = 100

const signIn = (user: string): Action => all(setUser(user), rotate, identifyNow)
const read: Action = ({ liveSession }) => liveSession.get('division')

async function guest(node: SessionApp): Promise<Visitor> {
  const visitor = await node.withSession({ cart: 1 })
  await node.ask(visitor, ({ liveSession }) => liveSession.set('division', 1))
  return visitor
}

async function user(node: SessionApp): Promise<Visitor> {
  const visitor = await guest(node)
  await node.ask(visitor, signIn('ann'))
  return visitor
}

/** Returns the ms until an answer, in a time that moves only here. */
async function waitOf(asked: Promise<unknown>): Promise<number> {
  let ms = 0
  let isOver = false
  void asked.finally(() => {
    isOver = true
  })
  for (; !isOver; ms += STEP) {
    await jest.advanceTimersByTimeAsync(STEP)
    await turns(5)
  }
  return ms
}

const ask =
  (action: Action) =>
  (node: SessionApp, visitor: Visitor): Promise<Response> =>
    node.fetch(visitor, action)

it.each<[string, number, typeof guest, (node: SessionApp, visitor: Visitor) => Promise<Response>]>([
  ['a guest', 1, guest, ask(read)],
  ['a user', 1, user, ask(read)],
  ['a sign-in', 2, guest, ask(signIn('ann'))],
  ['a switch of accounts', 2, user, ask(signIn('bob'))],
  ['a sign-out', 2, user, ask(all(signOut, leave))],
  ['a POST of a page', 1, user, (_, visitor) => visitor.ask()],
])('%s waits for a slow store for %i deadline(s) at most', async (_, most, visit, request) => {
  const clock = testClock()
  const store = memoryStore(clock.now)
  const node = await SessionApp.start({ clock, options: { identify, store, storeTimeout: TIMEOUT } as never })
  const visitors = [await visit(node), await visit(node)]
  await withoutTime(async () => {
    store.delay(3 * TIMEOUT)
    for (const visitor of visitors) {
      clock.advance(MINUTE)
      expect(Math.floor((await waitOf(request(node, visitor))) / TIMEOUT)).toBeLessThanOrEqual(most)
      await jest.advanceTimersByTimeAsync(3 * TIMEOUT)
    }
    store.delay(0)
    await waitOf(node.app.live.settled())
  })
})
