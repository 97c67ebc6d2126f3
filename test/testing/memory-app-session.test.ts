import { describe, expect, it } from '@jest/globals'
import type { AppSession } from 'koa-live-session'
import { memoryAppSession } from 'koa-live-session/testing'

interface Shop {
  userId?: string
  cart?: readonly string[]
}

/** A socket handler of an app. */
async function add(socket: { readonly session: AppSession<Shop> }, item: string): Promise<void> {
  await socket.session.update('cart', (cart = []) => [...cart, item])
}

describe('memoryAppSession()', () => {
  it('runs a socket handler without a server', async () => {
    const session = memoryAppSession<Shop>({ userId: 'ann' })
    const seen: unknown[] = []
    session.subscribe('cart', (cart) => void seen.push(cart))
    await add({ session }, 'tea')
    await add({ session }, 'milk')
    expect(session.values()).toEqual({ userId: 'ann', cart: ['tea', 'milk'] })
    expect(seen).toEqual([undefined, ['tea'], ['tea', 'milk']])
  })

  it('shows changes of a request to listeners', () => {
    const session = memoryAppSession<Shop>({ cart: ['tea'] })
    const changes: unknown[] = []
    session.onChange((change) => void changes.push(change))
    session.change('cart', undefined)
    expect(changes).toEqual([{ key: 'cart', value: undefined, previous: ['tea'], source: 'request' }])
    expect(session.get('cart')).toBeUndefined()
  })

  it('ends as after a sign-out', async () => {
    const session = memoryAppSession<Shop>({ userId: 'ann' })
    const ends: unknown[] = []
    session.onEnd((end) => void ends.push(end))
    session.end()
    expect([session.ended, session.values(), ends]).toEqual(['destroyed', {}, ['destroyed']])
    await expect(session.set('userId', 'bob')).rejects.toMatchObject({ code: 'superseded' })
  })

  it.each([
    ['a bigint', { cart: 1n }, 'invalid_value'],
    ['300 keys', Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key ${i}`, i])), 'too_large'],
  ])('refuses %s, as a socket does', (_, given, code) => {
    expect(() => memoryAppSession(given as never)).toThrow(expect.objectContaining({ code }))
    const session = memoryAppSession<Record<string, unknown>>()
    expect(() => {
      for (const [key, value] of Object.entries(given)) session.change(key, value as never)
    }).toThrow(expect.objectContaining({ code }))
  })
})
