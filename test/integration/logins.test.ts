import { describe, expect, it } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { identify } from '../support/app/auth.js'
import { appOnly } from '../support/app/departures.js'
import { type Action, all, leave, SessionApp, signOut } from '../support/app/sessions.js'
import { HOUR } from '../support/app/times.js'
import type { Visitor } from '../support/app/visitor.js'

const clock = testClock(500_000 * HOUR)
const start = (given: object = {}): Promise<SessionApp> =>
  SessionApp.start({ clock, options: { identify, ...given } as never })

const signIn =
  (user: string): Action =>
  async ({ session, liveSession }) => {
    session.user = user
    await session.regenerate()
    await liveSession.identify()
  }
const become =
  (user: string): Action =>
  async ({ session, liveSession }) => {
    session.user = user
    await liveSession.identify()
  }
const leaveCart: Action = async ({ session, liveSession }) => {
  delete session.user
  await session.regenerate()
  await liveSession.leave()
}
const signOutAll = all(signOut, leave)

/** Returns the user that a request and the app's own session name. */
const seen = (node: SessionApp, visitor: Visitor): Promise<unknown> =>
  node.ask(visitor, ({ liveSession, session }) => [liveSession.userId ?? null, session.user ?? null])
const ANN = ['ann', 'ann']
const GUEST = [null, null]

const devicesOf = async ({ app }: SessionApp, user: string): Promise<number> => (await app.live.devices(user)).length

describe.each<[string, () => object]>([
  ['in memory', () => ({})],
  ['in a store', () => ({ store: memoryStore() })],
  ['without consent', () => ({ consent: () => false })],
])('%s', (_, options) => {
  it('a kiosk keeps the cart of 150 people, and ends with a guest', async () => {
    const node = await start(options())
    const kiosk = node.visitor()
    for (let at = 0; at < 150; at += 1) {
      await node.ask(kiosk, signIn(`p${at}`))
      await node.write(kiosk, { cart: at })
      await node.ask(kiosk, leaveCart)
    }
    expect(await seen(node, kiosk)).toEqual(GUEST)
    await node.app.live.revoke('p0')
    await node.app.live.revoke('p149')
    expect(await node.read(kiosk)).toMatchObject({ cart: 149 })
    for (const user of ['p0', 'p75', 'p149']) expect(await devicesOf(node, user)).toBe(0)
  })

  it('staff who act as 40 customers leave with their own revocation', async () => {
    const node = await start(options())
    const desk = node.visitor()
    await node.ask(desk, signIn('staff'))
    for (let at = 0; at < 40; at += 1) await node.ask(desk, become(`c${at}`))
    await node.ask(desk, become('ann'))
    expect(await seen(node, desk)).toEqual(ANN)
    expect([await devicesOf(node, 'ann'), await devicesOf(node, 'staff')]).toEqual([1, 0])
    await node.app.live.revoke('staff')
    expect(await seen(node, desk)).toEqual(GUEST)
  })

  it('two accounts in a session: the list names who is there', async () => {
    const node = await start(options())
    const browser = node.visitor()
    await node.ask(browser, signIn('bob'))
    await node.ask(browser, become('ann'))
    expect(await seen(node, browser)).toEqual(ANN)
    expect([await devicesOf(node, 'ann'), await devicesOf(node, 'bob')]).toEqual([1, 0])
    await node.ask(browser, become('bob'))
    await node.ask(browser, become('ann'))
    expect(await seen(node, browser)).toEqual(ANN)
    await node.app.live.revoke('bob')
    expect(await seen(node, browser)).toEqual(GUEST)
  })

  it('a new password signs out all others, and copies of the own cookie', async () => {
    const node = await start(options())
    const [own, other] = [node.visitor(), node.visitor()]
    for (const each of [own, other]) await node.ask(each, signIn('ann'))
    const copy = node.visitor(own.cookie)
    await node.ask(own, async (ctx) => {
      await ctx['session'].regenerate()
      await node.app.live.revoke('ann', { except: ctx })
    })
    expect([await seen(node, own), await seen(node, other), await seen(node, copy)]).toEqual([ANN, GUEST, GUEST])
    const devices = await node.ask(own, (ctx) => node.app.live.devices('ann', { current: ctx }))
    expect(devices.map(({ current }) => current)).toEqual([true])
  })

  it('a client that keeps only the session’s cookie signs in and out', async () => {
    const node = await start(options())
    const full = node.visitor()
    await node.ask(full, signIn('ann'))
    const own = appOnly(full.cookie).join('; ')
    const ask = async <T>(action: (...given: Parameters<Action>) => T) => node.ask(node.visitor(own), action)
    const asks = [await seen(node, node.visitor(own)), await seen(node, node.visitor(own))]
    expect([asks, await devicesOf(node, 'ann')]).toEqual([[ANN, ANN], 1])
    await ask(signOutAll)
    expect([await seen(node, node.visitor(own)), await devicesOf(node, 'ann')]).toEqual([GUEST, 0])
  })
})

it('requests with a token and no session answer, and leave() ends nothing', async () => {
  const node = await start({ identify: (ctx: { get(name: string): string }) => ctx.get('x-user') || undefined })
  const headers = { 'x-user': 'ann' }
  const userOf: Action = ({ liveSession }) => liveSession.userId
  for (const action of [userOf, leave, userOf]) {
    const response = await node.fetch(node.visitor(), action, { headers })
    expect(response.status).toBe(200)
  }
  expect(await (await node.fetch(node.visitor(), userOf, { headers })).json()).toBe('ann')
})
