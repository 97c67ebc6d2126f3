import { EventEmitter } from 'node:events'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { createLiveSession } from 'koa-live-session/client'
import type { Sync } from '../../shared/protocol.js'
import { type BareClient, bareClient } from '../support/page/bare-client.js'
import { GUEST } from '../support/page/bare-page.js'
import { bareTicket } from '../support/page/bare-ticket.js'

/** A page of an app whose fields are not typed here. */
interface Untyped {
  set(key: string, value: number): Promise<void>
  update(key: string, next: (value: number) => number): Promise<void>
  onChange(listener: (change: { readonly key: string; readonly source: string }) => void): void
}

afterEach(() => {
  jest.restoreAllMocks()
  jest.useRealTimers()
  localStorage.clear()
})

describe('a listener of a page that sets a value', () => {
  it('has the others hear of its change after the one that it answers', () => {
    const { live } = bareClient()
    const heard: unknown[] = []
    live.onChange(({ value }) => void (value === 3 && live.set('division', 6)))
    live.onChange(({ value, previous }) => heard.push([previous, value]))
    live.subscribe('division', (value) => heard.push(value))
    void live.set('division', 3)
    expect(heard).toEqual([1, [1, 3], 3, [3, 6], 6])
  })

  it.each([
    ['a', 'b'],
    ['b', 'a'],
  ])('is told as the source of that alone: %s was set, %s came from the server', (own, other) => {
    const events = new EventEmitter()
    const emit = (_: string, { set }: Sync, ack: (lost: null, answer: object) => void): void => {
      if (!set)
        ack(null, { who: 'ann', kept: true, results: [], held: [], greeting: [bareTicket({ defaults: values })] })
    }
    const socket = Object.assign(events, { connected: false, timeout: () => ({ emit }) })
    const values = { a: 0, b: 0 }
    const initial = { who: 'ann', held: [], values, defaults: values, stamps: {} }
    const live = createLiveSession<never>({ socket: socket as never, initial: initial as never })
    const { onChange, set } = live as unknown as Untyped
    const heard: unknown[] = []
    onChange(({ key }) => void (key === other && set(own, 1)))
    onChange(({ key, source }) => heard.push([key, source]))
    events.emit('connect')
    events.emit('store_session', bareTicket({ changes: [[other, 9, 5]] }))
    live.close()
    expect(heard).toEqual([
      [other, 'ticket'],
      [own, 'request'],
    ])
  })

  it('and never stops leaves the page time for others', () => {
    jest.useFakeTimers()
    const { live } = bareClient()
    let count = 0
    live.onChange(({ value }) => void (count++ < 500 && live.set('division', Number(value) + 1)))
    void live.set('division', 0)
    expect(count).toBeLessThan(500)
    jest.runAllTimers()
    expect([count, live.get('division')]).toEqual([501, 500])
  })
})

describe('a mistake in a program', () => {
  it.each([
    ['a subscriber', (live: BareClient['live'], mistake: () => never) => live.subscribe('division', mistake)],
    ['a listener', (live: BareClient['live'], mistake: () => never) => live.onChange(mistake)],
  ])('that is made by %s each time silences no other', (_, listen) => {
    const logged = jest.spyOn(console, 'error').mockReturnValue()
    const { live } = bareClient()
    const error = new Error('of the app')
    const heard: unknown[] = []
    const end = listen(live, () => {
      throw error
    })
    live.subscribe('division', (value) => heard.push(value))
    for (const division of [2, 3]) void live.set('division', division)
    end()
    void live.set('division', 4)
    expect([heard, new Set(logged.mock.calls.flat())]).toEqual([[1, 2, 3, 4], new Set([error])])
  })

  it('that is made once by its listener of what goes over the socket silences nothing', () => {
    const logged = jest.spyOn(console, 'error').mockReturnValue()
    const error = new Error('of the app')
    let count = 0
    const emit = (_: string, { set }: Sync, ack: (lost: null, answer: object) => void): void => {
      if (set) count += 1
      else ack(null, { who: 'g', kept: true, results: [], held: [], greeting: [] })
      if (set && count === 1) throw error
    }
    const events = Object.assign(new EventEmitter(), { connected: false, timeout: () => ({ emit }) })
    const live = createLiveSession<never>({ socket: events as never, initial: GUEST as never })
    events.emit('connect')
    const untyped = live as unknown as Untyped
    const heard: unknown[] = []
    untyped.onChange(({ key }) => heard.push(key))
    for (const key of ['division', 'cart']) void untyped.set(key, 3)
    live.close()
    expect([count, heard, logged.mock.calls]).toEqual([2, ['division', 'cart'], [[error]]])
  })
})

describe('a page that is shown', () => {
  it.each([
    ['after its loading, as on the way back to it', false],
    ['as the browser has kept it', true],
  ])('%s has its subscribers told once more: the browser may have put back what a form had', (_, persisted) => {
    const { live } = bareClient()
    const heard: unknown[] = []
    const end = live.subscribe('division', (value) => heard.push(value))
    live.onChange(() => heard.push('a change'))
    dispatchEvent(Object.assign(new Event('pageshow'), { persisted }))
    end()
    dispatchEvent(Object.assign(new Event('pageshow'), { persisted }))
    expect(heard).toEqual([1, 1])
  })

  it('for the first time POSTs nothing for that, without a socket: what it computes goes out at once', async () => {
    jest.useFakeTimers()
    const bodies: unknown[] = []
    const fetch = jest.fn(async (_: string, { body }: RequestInit) => {
      bodies.push(JSON.parse(String(body)))
      return new Promise<Response>(() => undefined)
    })
    Object.assign(globalThis, { fetch })
    const live = createLiveSession<never>({
      initial: { ...GUEST, values: { division: 1 }, stamps: { division: 7 } } as never,
    })
    dispatchEvent(Object.assign(new Event('pageshow'), { persisted: false }))
    void (live as unknown as Untyped).update('division', (division) => division + 1)
    await jest.advanceTimersByTimeAsync(1000)
    live.close()
    expect(bodies).toEqual([{ who: 'g', set: [['division', 7, expect.stringMatching(/^[\w-]{1,32}$/), 2]] }])
  })
})

describe('a page that was closed', () => {
  it('tells no subscriber any more, not even when it is shown again', () => {
    const { live } = bareClient()
    const heard: unknown[] = []
    live.subscribe('division', (value) => heard.push(value))
    live.close()
    dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))
    expect(heard).toEqual([1])
  })

  it('takes no more changes', async () => {
    const { live } = bareClient()
    live.close()
    for (const change of [live.set('division', 2), live.delete('division'), live.update('division', () => 3)])
      await expect(change).rejects.toMatchObject({ code: 'closed' })
    expect(live.get('division')).toBe(1)
  })

  it.each([
    ['before', true],
    ['after', false],
  ])('has nothing to wait for, where it was %s the wait began', async (_, isBefore) => {
    const { live } = bareClient()
    void live.set('division', 2)
    if (isBefore) live.close()
    const flushed = live.flush()
    if (!isBefore) live.close()
    await flushed
    expect(live.status('division')).toEqual({ status: 'offline' })
  })
})
