import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import type { LiveSessionErrorCode } from 'koa-live-session/client'
import { defineFields } from 'koa-live-session/fields'
import { type TestClient, testClient } from 'koa-live-session/testing'
import { z } from 'zod'
import { type AppFields, appFields } from '../support/app/app.js'

let live: TestClient<AppFields>
const ends: (() => void)[] = []
beforeEach(() => {
  live = testClient(appFields, { division: 3 })
})
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

describe('testClient', () => {
  it.each([
    ['rate_limit', ' Did you mean "rate_limited"?'],
    ['toString', ''],
    [undefined, ''],
  ])('refuseNext() refuses the unknown code %s', (code, meant) => {
    expect(() => live.refuseNext(code as never)).toThrow(
      new TypeError(`koa-live-session: refuseNext: expected a code of a LiveSessionError, received ${code}.${meant}`),
    )
  })

  it.each<[LiveSessionErrorCode, logged: number]>([
    ['invalid_value', 0],
    ['undeclared_key', 1],
    ['not_writable', 1],
    ['too_large', 0],
    ['malformed', 0],
    ['superseded', 0],
    ['conflict', 0],
  ])('rolls back a change refused as %s, but not the next', async (code, logged) => {
    const log = jest.spyOn(console, 'error').mockReturnValue()
    live.refuseNext(code)
    await expect(live.set('division', 4)).rejects.toMatchObject({ name: 'LiveSessionError', code, key: 'division' })
    expect([live.get('division'), live.status('division')]).toEqual([3, { status: 'rejected', reason: code }])
    await live.set('division', 4)
    expect([live.get('division'), live.status('division').status]).toEqual([4, 'saved'])
    expect(log.mock.calls).toHaveLength(logged)
  })

  it.each<LiveSessionErrorCode>(['rate_limited', 'closed', 'store_unavailable'])(
    'resends a change refused as %s',
    async (code) => {
      live.refuseNext(code)
      await live.set('division', 4)
      expect([live.get('division'), live.sent]).toEqual([
        4,
        [
          ['division', 4],
          ['division', 4],
        ],
      ])
    },
  )

  it('refuses a setMany as a whole, but not the next change', async () => {
    live.refuseNext('superseded')
    const outcomes = await Promise.allSettled([live.setMany({ division: 4, theme: 'dark' }), live.set('cart', ['a'])])
    expect(outcomes).toMatchObject([{ reason: { code: 'superseded' } }, { status: 'fulfilled' }])
    expect([live.get('division'), live.get('theme'), live.get('cart')]).toEqual([3, 'light', ['a']])
  })

  it('saves the next change after cookies_blocked', async () => {
    live.refuseNext('cookies_blocked')
    await expect(live.set('division', 4)).rejects.toMatchObject({ code: 'cookies_blocked' })
    expect(live.get('division')).toBe(4)
    live.set('division', 5).catch(() => undefined)
    await live.flush()
    expect(live.status('division').status).toBe('saved')
  })

  it('can go offline in the turn of its creation', async () => {
    live = testClient(appFields, { division: 3 })
    live.offline()
    const saved = live.set('division', 4)
    await live.flush()
    expect(live.status('division').status).toBe('offline')
    live.online()
    await saved
    expect([live.get('division'), live.status('division').status]).toEqual([4, 'saved'])
  })

  it('rebases an update onto a remote change', async () => {
    const seen: number[] = []
    const saved = live.update('division', (division) => {
      seen.push(division)
      return division + 1
    })
    live.receive({ division: 50 })
    await saved
    expect([seen, live.get('division'), live.sent]).toEqual([
      [3, 50],
      51,
      [
        ['division', 4],
        ['division', 51],
      ],
    ])
  })

  it.each(['online', 'offline'])('rejects only the updates beyond a limit, if made %s', async (line) => {
    const list = testClient({ list: { schema: z.array(z.string()).max(3), default: [], client: 'write' } })
    if (line === 'offline') list.offline()
    const changes = [...'abcdef'].map((item) => list.update('list', (items) => [...items, item]))
    list.online()
    const outcomes = await Promise.allSettled(changes)
    expect(outcomes.map(({ status }) => status)).toEqual([...Array(3).fill('fulfilled'), ...Array(3).fill('rejected')])
    expect(list.get('list')).toEqual(['a', 'b', 'c'])
  })

  it('keeps an earlier set if a later setMany is refused', async () => {
    const before = [live.set('division', 1), live.set('division', 4)]
    const group = live.setMany({ division: 5, cart: ['x'.repeat(5000)] })
    const outcomes = await Promise.allSettled([...before, group])
    expect(outcomes).toMatchObject([
      { status: 'fulfilled' },
      { status: 'fulfilled' },
      { reason: { code: 'too_large' } },
    ])
    expect([live.get('division'), live.get('cart')]).toEqual([4, []])
  })

  it('rejects invalid remote or first values as a whole', () => {
    expect(() => live.receive({ theme: 'dark', division: 1.5 })).toThrow('koa-live-session: set("division")')
    expect(() => live.receive({ theme: 'dark', nothing: 1 } as never)).toThrow('receive: "nothing" is not declared')
    expect(live.get('theme')).toBe('light')
    expect(() => testClient(appFields, { division: 1.5 })).toThrow('koa-live-session: set("division")')
    expect(() => testClient(appFields, { nothing: 1 } as never)).toThrow('testClient: "nothing" is not declared')
  })

  it('saves a field with cookie: false, like an app with a store', async () => {
    const notes = testClient({ notes: { ...appFields.role, client: 'write', cookie: false } })
    await notes.set('notes', 'x')
    expect(notes.status('notes').status).toBe('saved')
  })

  it('works with fake timers', async () => {
    jest.useFakeTimers()
    ends.push(() => jest.useRealTimers())
    await live.set('division', 4)
    live.receive({ division: 5 })
    await live.flush()
    expect(live.status('division').status).toBe('saved')
  })

  it('uses no network, storage, listeners or other clients', async () => {
    const fetch = jest.fn()
    Object.assign(globalThis, { fetch })
    const listened = jest.spyOn(globalThis, 'addEventListener')
    const other = testClient(appFields)
    live.offline()
    void live.set('division', 4)
    await live.flush()
    expect([localStorage.length, fetch.mock.calls, listened.mock.calls]).toEqual([0, [], []])
    expect(other.get('division')).toBe(-1)
  })
})

describe('fields that need a larger cookieBudget', () => {
  const note = { schema: z.string(), default: '', client: 'write' } as const

  it('accept values up to their maxBytes', async () => {
    const fields = defineFields({ note: { ...note, maxBytes: 2500 }, division: appFields.division })
    const large = testClient(fields)
    await large.set('note', 'x'.repeat(1800))
    await expect(large.set('note', 'x'.repeat(1900))).rejects.toMatchObject({ code: 'too_large' })
  })

  it('are rejected if no cookie has room', () => {
    expect(() => testClient(defineFields({ note: { ...note, maxBytes: 5000 } }))).toThrow('maxBytes add up to 5,000')
  })
})
