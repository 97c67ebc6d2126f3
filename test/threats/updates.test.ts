import { describe, expect, it } from '@jest/globals'
import { memoryStore } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'
import type { TestSocket } from '../support/app/socket.js'

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
    'is refused as malformed if no page makes it: %s',
    async (id) => {
      const { page, other, update, cart } = await twoPages(options())
      await update(page, 'page-1', ['soup'])
      expect(await update(other, id, ['nothing'])).toMatchObject({ ok: false, code: 'malformed', index: 0 })
      expect(await update(page, 'page-2', ['soup', 'tea'])).toMatchObject({ stamp: expect.any(Number) })
      expect(await cart()).toEqual(['soup', 'tea'])
    },
  )

  it.each(['page--1', 'page-x', 'page'])('stands for no other update without a number: %s', async (id) => {
    const { page, other, update, cart } = await twoPages(options())
    await update(page, 'page-1', ['soup'])
    expect(await update(other, id, ['fish'])).toMatchObject({ stamp: expect.any(Number) })
    expect(await update(page, 'page-2', ['fish', 'tea'])).toMatchObject({ stamp: expect.any(Number) })
    expect(await cart()).toEqual(['fish', 'tea'])
  })

  it('is refused for now if far ahead of the newest id of its page', async () => {
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

  it('stands for no much earlier update of its page', async () => {
    const { page, other, update, cart } = await twoPages(options())
    await update(other, 'page-99999999', ['nothing'])
    expect(await update(page, 'page-1', ['soup'])).toMatchObject({ stamp: expect.any(Number) })
    expect(await cart()).toEqual(['soup'])
  })
})
