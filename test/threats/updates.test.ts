import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import type { PageAnswer } from '../../shared/protocol.js'
import { App } from '../support/app/app.js'
import { readClaims, type TestSocket } from '../support/app/socket.js'
import { turn } from '../support/app/within.js'

/** Two pages of a user: one hears the other's ids in tickets. */
async function twoPages(options: object) {
  const app = await App.start({ options: { identify: () => 'ann', ...options } })
  const connect = async (): Promise<TestSocket> => {
    const visitor = app.visitor()
    await visitor.store()
    return visitor.connect()
  }
  const [page, other] = [await connect(), await connect()]
  const update = async (socket: TestSocket, id: string, value: readonly string[]): Promise<unknown> => {
    const { stamp = 0 } = (await app.live.user('ann')).inspect().get('cart') ?? {}
    const answer = await socket.set(['cart', stamp, id, value])
    return 'results' in answer ? answer.results[0] : answer
  }
  const cart = async (): Promise<unknown> => (await app.live.user('ann')).get('cart')
  return { app, page, other, update, cart }
}

describe.each([
  ['without a store', () => ({})],
  ['with a store', () => ({ store: memoryStore() })],
])('threat 118: the id of an update, %s', (_, options) => {
  it.each(['page-Infinity', 'page-1e9', 'page-0x99', 'page-123456789', 'page-'])(
    'is refused as malformed if no page makes such an id: %s',
    async (id) => {
      const { page, other, update, cart } = await twoPages(options())
      await update(page, 'page-1', ['soup'])
      expect(await update(other, id, ['nothing'])).toMatchObject({ ok: false, code: 'malformed', index: 0 })
      expect(await update(page, 'page-2', ['soup', 'tea'])).toMatchObject({ stamp: expect.any(Number) })
      expect(await cart()).toEqual(['soup', 'tea'])
    },
  )

  it.each(['page--1', 'page-x', 'page'])('identifies no other update if it has no number: %s', async (id) => {
    const { page, other, update, cart } = await twoPages(options())
    await update(page, 'page-1', ['soup'])
    expect(await update(other, id, ['fish'])).toMatchObject({ stamp: expect.any(Number) })
    expect(await update(page, 'page-2', ['fish', 'tea'])).toMatchObject({ stamp: expect.any(Number) })
    expect(await cart()).toEqual(['fish', 'tea'])
  })

  it('is refused temporarily if far ahead of the newest id of its page', async () => {
    const { app, page, other, update, cart } = await twoPages(options())
    await update(page, 'page-1', ['soup'])
    expect(await update(other, 'page-99999999', ['nothing'])).toMatchObject({ code: 'rate_limited' })
    expect(await update(page, 'page-2', ['soup', 'tea'])).toMatchObject({ stamp: expect.any(Number) })
    expect(await update(page, 'page-10002', ['soup', 'tea', 'fish'])).toMatchObject({ stamp: expect.any(Number) })
    expect(await update(page, 'page-30000', ['late'])).toMatchObject({ code: 'rate_limited' })
    app.clock.advance(121_000)
    expect(await update(page, 'page-30000', ['late'])).toMatchObject({ stamp: expect.any(Number) })
    expect(await cart()).toEqual(['late'])
  })

  it('does not identify a much earlier update of its page', async () => {
    const { page, other, update, cart } = await twoPages(options())
    await update(other, 'page-99999999', ['nothing'])
    expect(await update(page, 'page-1', ['soup'])).toMatchObject({ stamp: expect.any(Number) })
    expect(await cart()).toEqual(['soup'])
  })
})

describe('threat 113: countless updates in a message of a new guest', () => {
  const KEYS = 40
  const fields = defineFields(
    Object.fromEntries(
      Array.from({ length: KEYS }, (_, at) => [`n${at}`, { schema: z.number(), default: 0, client: 'write' }]),
    ),
  )
  type Update = readonly [key: string, base: number, id: string, value: number, group?: string]

  /** Posts these changes as a new guest. Returns the results, the calls of the store, and the most under way at once. */
  async function post(set: readonly Update[]) {
    const store = memoryStore()
    const calls: string[] = []
    let [underWay, most] = [0, 0]
    for (const name of ['load', 'merge', 'compareAndSet'] as const) {
      const own = store[name].bind(store) as (...given: unknown[]) => Promise<unknown>
      Object.assign(store, {
        [name]: async (...given: unknown[]) => {
          calls.push(name)
          underWay += 1
          most = Math.max(most, underWay)
          const answer = await own(...given)
          await turn()
          underWay -= 1
          return answer
        },
      })
    }
    const app = await App.start({ fields: fields as never, options: { store } })
    const visitor = app.visitor()
    await visitor.store()
    await app.live.settled()
    calls.length = 0
    const answer = await visitor.store({ set })
    const { results, error } = (await answer.json()) as { results?: readonly { code?: string }[]; error?: object }
    const codes = new Set(results?.map(({ code = 'accepted' }) => code))
    const values = (await (await visitor.store()).json()) as PageAnswer
    const { defaults: _, changes = [] } = readClaims(values.greeting?.[0] ?? '')
    return {
      status: answer.status,
      error,
      codes: [...codes],
      calls,
      most,
      changes: changes.map(([key, , value]) => [key, value]),
    }
  }

  const many = (change: (index: number) => Update): readonly Update[] =>
    Array.from({ length: 1000 }, (_, at) => change(at))

  it.each<readonly [string, (index: number) => Update, number]>([
    ['of one page and key', (at) => ['n0', 0, `page-${at + 1}`, at], 1],
    ['of many pages and one key', (at) => ['n0', 0, `page${at}-1`, at], 1],
    ['of many keys', (at) => [`n${at % KEYS}`, 0, `page-${at + 1}`, at], KEYS],
  ])('take a call for each key: %s', async (_, change, keys) => {
    const { status, codes, calls, most, changes } = await post(many(change))
    expect([status, codes]).toEqual([200, ['accepted']])
    expect(calls.filter((name) => name === 'compareAndSet')).toHaveLength(keys)
    expect(calls.length).toBeLessThanOrEqual(keys + 2)
    expect(most).toBeLessThanOrEqual(32)
    const last = many(change).slice(-keys)
    expect(new Map(changes as never)).toEqual(new Map(last.map(([key, , , value]) => [key, value])))
  })

  it.each<readonly [string, (index: number) => Update]>([
    ['sets', (at) => ['n0', at % 2 ? 0 : -1, at % 2 ? `page-${at}` : '', at]],
    ['groups', (at) => (at % 2 ? ['n0', 0, `page-${at}`, at] : ['n0', -1, '', at, `group${at}`])],
    ['invalid values', (at) => ['n0', 0, `page-${at + 1}`, (at % 2 ? 'text' : at) as number]],
  ])('take one call, and the later are retried, between %s', async (_, change) => {
    const { codes, calls } = await post(many(change))
    expect(codes).toEqual(expect.arrayContaining(['accepted', 'rate_limited']))
    expect(calls.filter((name) => name === 'compareAndSet').length).toBeLessThanOrEqual(1)
    expect(calls.length).toBeLessThanOrEqual(5)
  })
})
