import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { memoryStore } from 'koa-live-session/testing'
import type { SyncResult } from '../../shared/protocol.js'
import { App } from '../support/app/app.js'
import { Gate } from '../support/app/gate.js'

type Result = Partial<{
  readonly code: string
  readonly stamp: number
  readonly level: string
  readonly value: unknown
}>

/** An app, and a visitor whose page sends its changes this way. */
async function begin(way: string, options: object = {}) {
  const app = await App.start({
    routes: (ctx) => {
      ctx.body = { values: ctx.liveSession.snapshot().values, stamps: ctx.liveSession.snapshot().stamps }
    },
    options,
  })
  const visitor = app.visitor()
  await visitor.store()
  const socket = await visitor.connect()
  const set = async (...changes: readonly (readonly unknown[])[]): Promise<readonly Result[]> => {
    const answer =
      way === 'socket'
        ? await socket.set(...(changes as never[]))
        : await (await visitor.store({ set: changes })).json()
    return (answer as { readonly results: readonly SyncResult[] }).results as readonly Result[]
  }
  const read = async () => (await visitor.fetch('/')).json()
  return { app, visitor, socket, set, read }
}

describe.each([
  ['over a socket', 'socket'],
  ['in a POST', 'post'],
])('values set together, %s', (_, way) => {
  it('get one stamp, for both scopes', async () => {
    const { app, set, read } = await begin(way)
    // Newer than the clock, so the group's stamp must exceed it.
    const [former] = await set(['cart', -1, '', []])
    const stamp = Number(former?.stamp) + 1
    const results = await set(
      ['division', -1, '', 2, 'g'],
      ['theme', -1, '', 'dark', 'g'],
      ['cart', -1, '', ['a'], 'g'],
    )
    expect(results).toEqual(Array(3).fill({ stamp, level: 'memory' }))
    expect(app.clock.now()).toBe(former?.stamp)
    expect(await read()).toMatchObject({
      values: { division: 2, theme: 'dark', cart: ['a'] },
      stamps: { division: stamp, theme: stamp, cart: stamp },
    })
  })

  it.each([
    ['invalid', ['division', -1, '', 1.5, 'g'], 'invalid_value'],
    ['too large', ['cart', -1, '', ['x'.repeat(9000)], 'g'], 'too_large'],
    ['read-only for pages', ['role', -1, '', 'admin', 'g'], 'not_writable'],
    ['hidden', ['secret', -1, '', 'x', 'g'], 'undeclared_key'],
  ])('are refused as a whole if one is %s', async (_, bad, code) => {
    const { app, set, read } = await begin(way)
    const before = await read()
    const results = await set(['division', -1, '', 2, 'other'], ['theme', -1, '', 'dark', 'g'], bad)
    expect(results).toEqual([{ stamp: app.clock.now(), level: 'memory' }, { code }, { code }])
    expect((await read()).values).toEqual({ ...before.values, division: 2 })
  })

  it('keep the stamps of resent changes, and write the rest', async () => {
    const { app, set, read } = await begin(way)
    const [first] = await set(['division', 0, '', 2, 'g'])
    app.clock.advance(1000)
    const results = await set(['division', 0, '', 2, 'g'], ['theme', 0, '', 'dark', 'g'])
    expect(results).toEqual([first, { stamp: app.clock.now(), level: 'memory' }])
    expect((await read()).values).toMatchObject({ division: 2, theme: 'dark' })
  })

  it('are superseded key by key', async () => {
    const { app, set, read } = await begin(way)
    const [newer] = await set(['division', -1, '', 7])
    const results = await set(['division', 0, '', 2, 'g'], ['theme', 0, '', 'dark', 'g'])
    expect(results).toEqual([
      { code: 'superseded', stamp: newer?.stamp, value: 7 },
      { stamp: app.clock.now(), level: 'memory' },
    ])
    expect((await read()).values).toMatchObject({ division: 7, theme: 'dark' })
  })

  it('apply after earlier changes of any of their keys', async () => {
    const { set, read } = await begin(way)
    const results = await set(
      ['division', 0, '', 2, 'g'],
      ['cart', 0, '7', ['a']],
      ['division', 0, '8', 3],
      ['cart', 0, '', [], 'g'],
      ['cart', 0, '9', ['c']],
    )
    expect(results.map(({ code }) => code)).toEqual(Array(5).fill(undefined))
    expect((await read()).values).toMatchObject({ cart: ['c'], division: 3 })
  })

  it('are answered even if two groups interleave', async () => {
    const { set } = await begin(way)
    const results = await set(
      ['division', 0, '', 1, 'g'],
      ['cart', 0, '', ['a'], 'h'],
      ['cart', 0, '', ['b'], 'g'],
      ['division', 0, '', 2, 'h'],
    )
    expect(results).toHaveLength(4)
  })

  it('are stored as one write', async () => {
    const { app, set } = await begin(way, { identify: () => 'ann', store: memoryStore() })
    const results = await set(['division', -1, '', 2, 'g'], ['cart', -1, '', ['a'], 'g'])
    expect(results).toEqual(Array(2).fill({ stamp: app.clock.now(), level: 'store' }))
  })
})

describe('setMany of a page', () => {
  const routes: Koa.Middleware = (ctx) => {
    ctx.body = ctx.liveSession.snapshot()
  }

  it.each([
    ['with a socket', true],
    ['without one', false],
  ])('%s saves under one stamp', async (_, hasSocket) => {
    const app = await App.start({ routes })
    const visitor = app.visitor()
    const page = await visitor.open({ path: '/', hasSocket })
    await page.live.setMany({ division: 2, cart: ['a'] })
    const { stamps } = (await (await visitor.fetch('/')).json()) as {
      readonly stamps: Readonly<Record<string, number>>
    }
    expect(stamps).toEqual({ division: stamps['cart'], cart: expect.any(Number) })
  })
})

describe('values set together', () => {
  it("send one ticket to the visitor's sockets", async () => {
    const { visitor, set } = await begin('post')
    const other = await visitor.connect()
    await other.greeted
    await other.ticket()
    await set(['division', -1, '', 2, 'g'], ['cart', -1, '', ['a'], 'g'])
    expect((await other.ticket()).claims.changes.map(([key]) => key)).toEqual(['division', 'cart'])
  })

  it('are discarded if the user is revoked during an earlier change', async () => {
    const store = memoryStore()
    const { app, socket } = await begin('socket', { identify: () => 'ann', store })
    const gate = new Gate()
    const compareAndSet = store.compareAndSet.bind(store)
    store.compareAndSet = async (...args) => {
      await gate.pass()
      return compareAndSet(...args)
    }
    void socket
      .set(['cart', 0, '7', ['a']], ['cart', 0, '', ['b'], 'g'], ['division', 0, '', 2, 'g'])
      .catch(() => undefined)
    await gate.entered
    await app.live.revoke('ann')
    gate.open()
    await app.live.settled()
    using ann = await app.live.user('ann')
    expect(ann.get('division')).toBe(-1)
  })
})
