import { describe, expect, it } from '@jest/globals'
import type { SessionStore, Store } from 'koa-live-session'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { appSessionsOf } from '../support/app/app-sessions.js'
import { identify } from '../support/app/auth.js'
import { Bus } from '../support/app/bus.js'
import { Gate } from '../support/app/gate.js'
import {
  type Action,
  all,
  identifyNow,
  leave,
  rotate,
  SessionApp,
  seen,
  sessionId,
  setUser,
  signOut,
} from '../support/app/sessions.js'
import type { Visitor } from '../support/app/visitor.js'
import { turns } from '../support/app/within.js'

const clock = testClock()

const start = (given: object = {}): Promise<SessionApp> =>
  SessionApp.start({ clock, options: { identify, ...given } as never })

const signIn: Action = all(({ session }) => void Object.assign(session, { user: 'ann' }), rotate, identifyNow)
const keepCart: Action = all(({ session }) => void delete session.user, rotate, leave)

const exceptSelf =
  ({ app }: SessionApp): Action =>
  (ctx) =>
    app.live.revoke('ann', { except: ctx }).then(() => null)

const ANN = ['ann', 1]
const CART = [null, 1]
const NOTHING = [null, null]

const sessionCookies = ({ headers }: Response): readonly string[] =>
  headers.getSetCookie().filter((line) => line.startsWith('app=') && !line.startsWith('app=;'))

async function signedIn(node: SessionApp): Promise<{ visitor: Visitor; thief: Visitor }> {
  const visitor = await node.withSession({ cart: 1 })
  await node.ask(visitor, signIn)
  return { visitor, thief: node.visitor(visitor.cookie) }
}

/** Signs in by a double click: the slower request begins before the quicker one ends. */
async function doubleClicked(node: SessionApp): Promise<{ visitor: Visitor; second: Visitor }> {
  const visitor = await node.withSession({ cart: 1 })
  const second = node.visitor(visitor.cookie)
  await node.during(
    second,
    () => undefined,
    () => node.ask(visitor, signIn),
    signIn,
  )
  return { visitor, second }
}

/** Starts two nodes with one store, and with an adapter if wanted. */
async function startTwo(
  hasAdapter: boolean,
  store: Store = memoryStore(),
): Promise<readonly [one: SessionApp, two: SessionApp]> {
  const nodes = [await start({ store }), await start({ store })] as const
  const bus = new Bus()
  if (hasAdapter) for (const { app } of nodes) bus.join(app.io)
  return nodes
}

it('threat 104: a sign-out ends the successor of an evicted session', async () => {
  const node = await start()
  const { visitor, thief } = await signedIn(node)
  const sessions = appSessionsOf(node.app.live)
  await node.ask(thief, async ({ session }) => {
    for (const entry of [...sessions.all()]) sessions.drop(entry)
    await session.regenerate()
  })
  expect(await seen(node, thief)).toEqual(ANN)
  await node.ask(visitor, all(signOut, leave))
  expect(await seen(node, thief)).toEqual(NOTHING)
})

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])('threat 104: %s, a sign-out', (_, options) => {
  it.each<[string, Action, unknown]>([
    ['ctx.session = null and leave()', all(signOut, leave), NOTHING],
    ['ctx.session = null', signOut, NOTHING],
    ['leave(), with the cart', keepCart, CART],
    ['leave() before regenerate(), with the cart', all(leave, ({ session }) => void delete session.user, rotate), CART],
    ['leave() alone, with the cart', all(({ session }) => void delete session.user, leave), CART],
    ['regenerate() without leave()', all(({ session }) => void delete session.user, rotate), CART],
  ])('is not undone by a held regenerate(): %s', async (_name, end, after) => {
    const node = await start(options())
    const { visitor, thief } = await signedIn(node)
    const response = await node.during(
      thief,
      () => undefined,
      () => node.ask(visitor, end),
      rotate,
    )
    expect(await seen(node, visitor)).toEqual(after)
    const [user] = (await seen(node, thief)) as unknown[]
    expect(user).toBe(null)
    if (response.status !== 200) expect([response.status, sessionCookies(response)]).toEqual([409, []])
  })

  it.each<[string, Action]>([
    ['ctx.session = null', signOut],
    ['leave()', keepCart],
    ['identify() as another user', all(setUser('bob'), rotate, identifyNow)],
  ])('ends the sessions of a double click on "sign in": %s', async (_name, end) => {
    const node = await start(options())
    const { visitor, second } = await doubleClicked(node)
    expect([await seen(node, visitor), await seen(node, second)]).toEqual([ANN, ANN])
    await node.ask(visitor, end)
    expect((await seen(node, second)) as unknown[]).toEqual(NOTHING)
  })

  it('keeps the id of a session that stays, with koa-session before 6.4', async () => {
    const node = await start(options())
    const { visitor } = await signedIn(node)
    const id = sessionId(visitor)
    const withoutRenewal: Action = ({ session }) => Object.defineProperty(session, 'regenerate', { value: undefined })
    await node.ask(
      visitor,
      all(({ session }) => void delete session.user, withoutRenewal, leave),
    )
    expect([sessionId(visitor), await seen(node, visitor)]).toEqual([id, CART])
  })

  it('threat 181: keeps its cart although a second click comes before its answer', async () => {
    const node = await start(options())
    const { visitor, thief } = await signedIn(node)
    await node.during(
      visitor,
      all(({ session }) => void delete session.user, leave),
      () => node.ask(thief, leave),
    )
    expect([await seen(node, visitor), await seen(node, thief)]).toEqual([CART, NOTHING])
  })

  it('is not undone by the slower answer of a double click', async () => {
    const node = await start(options())
    const visitor = await node.withSession({ cart: 1 })
    const second = node.visitor(visitor.cookie)
    const quick = async (): Promise<void> => {
      await node.ask(visitor, signIn)
      await node.ask(visitor, keepCart)
    }
    const [late, both] = [new Gate(), new Gate()]
    const slow = node.fetch(
      second,
      all(
        () => late.pass(),
        signIn,
        () => both.pass(),
      ),
    )
    await late.entered
    await node.ask(visitor, signIn)
    late.open()
    await both.entered
    await node.ask(visitor, keepCart)
    both.open()
    expect(sessionCookies(await slow)).toEqual([])
    expect(await seen(node, visitor)).toEqual(CART)
    await quick()
    expect(await seen(node, visitor)).toEqual(CART)
  })

  it('with leave() ends a session that was regenerated with a copied cookie', async () => {
    const node = await start(options())
    const { visitor, thief } = await signedIn(node)
    await node.ask(thief, rotate)
    await node.ask(thief, rotate)
    expect(await seen(node, thief)).toEqual(ANN)
    await node.ask(visitor, leave)
    expect(await seen(node, thief)).toEqual(NOTHING)
  })

  it('ends the session of another request that has just regenerated the id', async () => {
    const node = await start(options())
    const { visitor, thief } = await signedIn(node)
    await node.during(
      visitor,
      () => undefined,
      () => node.ask(thief, rotate),
      signOut,
    )
    expect(await seen(node, thief)).toEqual(NOTHING)
  })

  it('lets the session with the cart sign in and out again', async () => {
    const node = await start(options())
    const { visitor } = await signedIn(node)
    for (let round = 0; round < 2; round += 1) {
      await node.ask(visitor, keepCart)
      expect(await seen(node, visitor)).toEqual(CART)
      await node.ask(visitor, signIn)
      await node.ask(visitor, rotate)
      expect(await seen(node, visitor)).toEqual(ANN)
    }
  })

  it('does not end the session that a revocation has excepted', async () => {
    const node = await start(options())
    const { visitor, thief } = await signedIn(node)
    await node.during(
      thief,
      () => undefined,
      () => node.ask(visitor, rotate),
      rotate,
    )
    await node.ask(visitor, exceptSelf(node))
    await node.ask(thief, leave)
    expect([await seen(node, visitor), await seen(node, thief)]).toEqual([ANN, NOTHING])
  })

  it('under way during a revocation does not end the excepted session', async () => {
    const node = await start(options())
    const { visitor, thief } = await signedIn(node)
    await node.during(
      thief,
      () => undefined,
      () => node.ask(visitor, all(rotate, exceptSelf(node))),
      all(signOut, leave),
    )
    expect([await seen(node, visitor), await seen(node, thief)]).toEqual([ANN, NOTHING])
  })
})

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])("threat 104: %s, with a guest's session in between, a login", (_, options) => {
  const csrf: Action = ({ session }) => void Object.assign(session, { csrf: 1 })

  it.each<[string, Action]>([
    ['a sign-out', all(signOut, leave)],
    ['a sign-out without leave()', signOut],
    ['the sign-in of another user', all(setUser('bob'), rotate, identifyNow)],
  ])('ends with %s, whose late answer brings no cookie', async (_name, end) => {
    const node = await start(options())
    const { visitor, thief: late } = await signedIn(node)
    const response = await node.during(late, rotate, async () => {
      await node.ask(visitor, csrf)
      await node.ask(visitor, end)
    })
    expect(sessionCookies(response)).toEqual([])
    expect(await seen(node, late)).toEqual(NOTHING)
  })

  it('ends in the copy that a thief has regenerated', async () => {
    const node = await start(options())
    const { visitor, thief } = await signedIn(node)
    await node.ask(thief, rotate)
    await node.ask(visitor, csrf)
    expect(await seen(node, thief)).toEqual(ANN)
    await node.ask(visitor, all(signOut, leave))
    expect(await seen(node, thief)).toEqual(NOTHING)
  })

  it("ends in a thief's copy when the same user signs in again", async () => {
    const node = await start(options())
    const { visitor, thief } = await signedIn(node)
    await node.ask(thief, rotate)
    await node.ask(visitor, signIn)
    expect([await seen(node, visitor), await seen(node, thief)]).toEqual([['ann', null], NOTHING])
  })
})

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])('threat 104: %s, a login goes on', (_, options) => {
  it.each<[string, Action]>([
    ['first', () => undefined],
    ['regenerated', rotate],
    ['signed-out', leave],
  ])("after a sign-out with the id of a guest's %s session", async (_name, act) => {
    const node = await start(options())
    const visitor = await node.withSession({ cart: 1 })
    await node.ask(visitor, act)
    const planted = node.visitor(visitor.cookie)
    await node.ask(visitor, signIn)
    await node.ask(planted, all(signOut, leave))
    expect(await seen(node, visitor)).toEqual(ANN)
  })

  it('after ctx.session = null, without leave(), under an ended id', async () => {
    const node = await start(options())
    const { visitor, thief } = await signedIn(node)
    await node.ask(visitor, rotate)
    await node.ask(thief, signOut)
    expect(await seen(node, visitor)).toEqual(ANN)
  })
})

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])('threat 131: %s, without identify, a sign-out', (_, options) => {
  const unnamed = (): Promise<SessionApp> => start({ identify: undefined, ...options() })
  const unnamedSignIn = all(setUser('ann'), rotate)
  const ends: readonly (readonly [string, Action])[] = [
    ['with leave()', all(signOut, leave)],
    ['with the cart', keepCart],
    ['without leave()', signOut],
  ]

  it.each(ends.slice(0, 2))('ends the copy that a thief has regenerated: %s', async (_name, end) => {
    const node = await unnamed()
    const visitor = await node.withSession({ cart: 1 })
    await node.ask(visitor, unnamedSignIn)
    const thief = node.visitor(visitor.cookie)
    await node.ask(thief, rotate)
    expect(await seen(node, thief)).toEqual(ANN)
    await node.ask(visitor, end)
    expect(await seen(node, thief)).toEqual(NOTHING)
  })

  it.each(ends)('is not undone by a late answer: %s', async (_name, end) => {
    const node = await unnamed()
    const visitor = await node.withSession({ cart: 1 })
    await node.ask(visitor, unnamedSignIn)
    const late = node.visitor(visitor.cookie)
    const response = await node.during(
      late,
      () => undefined,
      () => node.ask(visitor, end),
      rotate,
    )
    expect([response.status, sessionCookies(response)]).toEqual([409, []])
    expect(await seen(node, late)).toEqual(NOTHING)
  })
})

describe('threat 142: a ContextStore that waits after destroy', () => {
  /** Returns a ContextStore of koa-session whose `destroy` resolves some turns late. */
  const waiting = (store: SessionStore) =>
    class {
      get(...given: Parameters<SessionStore['get']>): Promise<unknown> {
        return store.get(...given)
      }
      set(...given: Parameters<SessionStore['set']>): Promise<void> {
        return store.set(...given)
      }
      async destroy(...given: Parameters<SessionStore['destroy']>): Promise<void> {
        await store.destroy(...given)
        await turns(5)
      }
    }

  it.each([
    ['without a store', undefined],
    ['with a store', memoryStore()],
  ])('signs nobody out at regenerate(): %s', async (_, store) => {
    const session = (own: SessionStore) => ({ ContextStore: waiting(own) as never })
    const node = await SessionApp.start({ clock, session, options: { identify, store } as never })
    const { visitor, thief } = await signedIn(node)
    await node.ask(visitor, rotate)
    expect([await seen(node, visitor), await seen(node, thief)]).toEqual([ANN, NOTHING])
    await node.ask(visitor, signOut)
    expect(await seen(node, visitor)).toEqual(NOTHING)
  })
})

describe.each([true, false])('threat 104: two nodes (adapter: %s)', (hasAdapter) => {
  it('that regenerate a session at once lose both at the sign-out', async () => {
    const [one, two] = await startTwo(hasAdapter)
    const { visitor } = await signedIn(one)
    const there = two.visitor(visitor.cookie)
    expect(await seen(two, there)).toEqual(ANN)
    await Promise.all([one.ask(visitor, rotate), two.fetch(there, rotate)])
    const users = [await seen(one, visitor), await seen(two, there)]
    expect(users).toContainEqual(ANN)
    await one.ask(visitor, all(signOut, leave))
    if (!hasAdapter) clock.advance(60_000)
    expect([await seen(one, visitor), await seen(two, there)]).toEqual([NOTHING, NOTHING])
  })

  it('end the sessions of a double click by destroy(id) at the other node', async () => {
    const [one, two] = await startTwo(hasAdapter)
    const { visitor, second } = await doubleClicked(one)
    expect([await seen(one, visitor), await seen(one, second)]).toEqual([ANN, ANN])
    await two.app.live.sessionStore().destroy(sessionId(visitor))
    await two.app.live.settled()
    if (!hasAdapter) clock.advance(60_000)
    expect([await seen(one, visitor), await seen(one, second)]).toEqual([NOTHING, NOTHING])
  })

  it('end a session that was regenerated at the other node', async () => {
    const [one, two] = await startTwo(hasAdapter)
    const { visitor } = await signedIn(one)
    const thief = two.visitor(visitor.cookie)
    await two.ask(thief, rotate)
    expect(await seen(two, thief)).toEqual(ANN)
    await one.ask(visitor, leave)
    await one.app.live.settled()
    if (!hasAdapter) clock.advance(60_000)
    expect(await seen(two, thief)).toEqual(NOTHING)
  })

  it('end a session while the other node deletes its values', async () => {
    const { store, state, deleted } = heldAfterRemoval()
    const [one, two] = await startTwo(hasAdapter, store)
    const { visitor: thief } = await signedIn(two)
    const visitor = one.visitor(thief.cookie)
    Object.assign(state, { next: 'a removal' })
    const rotated = two.fetch(thief, rotate)
    await deleted.entered
    await one.ask(visitor, all(signOut, leave))
    deleted.open()
    await rotated
    if (!hasAdapter) clock.advance(60_000)
    expect(await seen(two, thief)).toEqual(NOTHING)
  })
})

/** A store that holds the first write after the next removal of a session's values. */
function heldAfterRemoval() {
  const content = memoryStore()
  const deleted = new Gate()
  const state: { next?: 'a removal' | 'the write' | undefined } = {}
  const watched =
    (remove: Store['remove']): Store['remove'] =>
    async (name) => {
      await remove(name)
      if (state.next === 'a removal' && name.startsWith('session:')) state.next = 'the write'
    }
  const merge: Store['merge'] = async (...given) => {
    if (state.next === 'the write') {
      state.next = undefined
      await deleted.pass()
    }
    return content.merge(...given)
  }
  const { remove, removeValues = remove } = content
  return { deleted, state, store: { ...content, merge, remove: watched(remove), removeValues: watched(removeValues) } }
}
