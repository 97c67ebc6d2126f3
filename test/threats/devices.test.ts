import { describe, expect, it } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { isWellFormed } from '../../shared/json.js'
import { identify } from '../support/app/auth.js'
import { Bus } from '../support/app/bus.js'
import { present } from '../support/app/present.js'
import { type Action, SessionApp } from '../support/app/sessions.js'
import type { Visitor } from '../support/app/visitor.js'

const HOUR = 60 * 60 * 1000

async function start(given: object = {}, clock = testClock()): Promise<SessionApp> {
  return SessionApp.start({ clock, options: { identify, ...given } as never })
}

async function signIn(node: SessionApp, user: string): Promise<Visitor> {
  const visitor = await node.withSession({ user })
  await node.read(visitor)
  return visitor
}

const userOf = async (node: SessionApp, visitor: Visitor): Promise<unknown> => (await node.read(visitor))['user']

describe('threat 76: the devices of a user', () => {
  it('end only if both user and name are right', async () => {
    const node = await start()
    const [ann] = [await signIn(node, 'ann'), await signIn(node, 'bob')]
    const { live } = node.app
    const [device] = await live.devices('ann')
    expect(JSON.stringify(device)).not.toContain('session:')
    expect(JSON.stringify(device)).not.toContain(present(/[\w-]{36}/.exec(ann.cookie)?.[0]))
    const names = [present(device).name, '', '__proto__', 'd'.repeat(1000)]
    for (const name of names) expect(await live.endDevice('bob', name)).toBe(false)
    expect(await userOf(node, ann)).toBe('ann')
    expect(await live.endDevice('ann', names[0] ?? '')).toBe(true)
  })

  it('end in this process even while the store is down', async () => {
    const store = memoryStore()
    const node = await start({ store, storeTimeout: 20 })
    const ann = await signIn(node, 'ann')
    await node.app.live.settled()
    const { load, merge, remove } = store
    const silent = (): Promise<never> => Promise.reject(new Error('down'))
    Object.assign(store, { load: silent, merge: silent, remove: silent })
    await node.app.live.revoke('ann')
    const found = await node.fetch(ann, (ctx) => ctx['session'].user ?? null)
    expect(await found.json().catch(() => null)).toBeNull()
    Object.assign(store, { load, merge, remove })
  })
})

/** Signs a visitor in by a route that regenerates the session; no request follows. */
async function signInOnly(node: SessionApp, then: Action = () => undefined): Promise<Visitor> {
  const visitor = await node.withSession({ cart: 1 })
  await node.ask(visitor, async (ctx) => {
    await ctx['session'].regenerate()
    ctx['session'].user = 'ann'
    await ctx.liveSession.identify()
    await then(ctx)
  })
  return visitor
}

describe('threat 76: a session without a request since its sign-in', () => {
  it('ends with a revocation', async () => {
    const node = await start()
    const thief = await signInOnly(node)
    expect(await node.app.live.devices('ann')).toHaveLength(1)
    await node.app.live.revoke('ann')
    expect(await userOf(node, thief)).toBe(undefined)
  })

  it('survives a revocation only if its own request is the exception', async () => {
    const node = await start()
    const thief = await signInOnly(node)
    const ann = await signInOnly(node, (ctx) => node.app.live.revoke('ann', { except: ctx }))
    expect([await userOf(node, thief), await userOf(node, ann)]).toEqual([undefined, 'ann'])
  })

  it('is not listed after a sign-out in the same request', async () => {
    const node = await start()
    const visitor = await node.withSession({ cart: 1 })
    await node.ask(visitor, async (ctx) => {
      ctx['session'].user = 'ann'
      await ctx.liveSession.identify()
      delete ctx['session'].user
      await ctx.liveSession.leave()
    })
    expect(await node.app.live.devices('ann')).toEqual([])
  })
})

describe('threat 77: a device label', () => {
  it('has 200 characters at most; onError gets errors of deviceLabel', async () => {
    let label = (): unknown => `<script>alert(1)</script>${'\ud83d\ude00'.repeat(200)}`
    const node = await start({ deviceLabel: () => label() })
    await signIn(node, 'ann')
    const [device] = await node.app.live.devices('ann')
    expect(device?.label).toMatch(/^<script>alert\(1\)<\/script>/)
    expect(device?.label?.length).toBeLessThanOrEqual(200)
    expect(isWellFormed(present(device?.label))).toBe(true)
    label = () => {
      throw new Error('of the app')
    }
    await signIn(node, 'bob')
    expect(await node.app.live.devices('bob')).toMatchObject([{ label: undefined }])
    expect(node.app.errors).toMatchObject([{ message: 'of the app' }])
  })
})

describe('threat 78: maxLifetime of a session', () => {
  it('ends session and socket at all nodes, and restarts with regenerate()', async () => {
    const [bus, clock, store] = [new Bus(), testClock(), memoryStore()]
    const node = async (): Promise<SessionApp> => {
      const one = await SessionApp.start({
        clock,
        session: (_) => ({ maxAge: 2 * HOUR, rolling: true }),
        lifetime: 8 * HOUR,
        options: { identify, store } as never,
      })
      bus.join(one.app.io)
      return one
    }
    const [one, two] = [await node(), await node()]
    const visitor = await signIn(one, 'ann')
    const other = await signIn(one, 'ann')
    const page = await two.visitor(visitor.cookie).connect()
    for (let hour = 1; hour < 8; hour += 1) {
      clock.advance(HOUR)
      expect([await userOf(one, visitor), await userOf(one, other)]).toEqual(['ann', 'ann'])
    }
    await one.ask(other, (ctx) => ctx['session'].regenerate())
    clock.advance(HOUR)
    expect(await userOf(one, visitor)).toBe(undefined)
    expect(await userOf(one, other)).toBe('ann')
    await page.closed
  })

  it.each([0, -1, 1.5, '8 h', Number.NaN])('cannot be %s', async (maxLifetime) => {
    const { live } = (await start()).app
    expect(() => live.sessionStore({ maxLifetime } as never)).toThrow('sessionStore({ maxLifetime }): expected')
    expect(() => live.sessionStore({ maxLifetime: HOUR })).toThrow('expected Infinity as before, received')
    expect(live.sessionStore()).toBe(live.sessionStore())
  })
})
