import { EventEmitter } from 'node:events'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { createLiveSession } from 'koa-live-session/client'
import { bareClient } from '../support/bare-client.js'
import { type BareClaims, bareTicket } from '../support/bare-ticket.js'

/** A page of an app whose fields are not typed here. */
interface Untyped {
  set(key: string, value: number): Promise<void>
  onChange(listener: (change: { readonly key: string; readonly source: string }) => void): void
}

afterEach(() => {
  jest.restoreAllMocks()
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
    const socket = Object.assign(events, { connected: false, timeout: () => ({ emit: () => undefined }) })
    const values = { a: 0, b: 0 }
    const initial = { subject: 'ann', browser: 'c', epoch: 0, values, defaults: values, stamps: {} }
    const live = createLiveSession<never>({ socket: socket as never, initial: initial as never })
    const { onChange, set } = live as unknown as Untyped
    const heard: unknown[] = []
    onChange(({ key }) => void (key === other && set(own, 1)))
    onChange(({ key, source }) => heard.push([key, source]))
    events.emit('connect')
    const hear = (claims: BareClaims): unknown =>
      events.emit('store_session', bareTicket({ sub: 'ann', browser: 'c', ...claims }))
    hear({ defaults: values })
    hear({ changes: [[other, 9, 5]] })
    live.close()
    expect(heard).toEqual([
      [other, 'ticket'],
      [own, 'request'],
    ])
  })

  it('and never stops leaves the page time for others', () => {
    jest.useFakeTimers()
    const told = jest.spyOn(console, 'error').mockReturnValue()
    const { live } = bareClient()
    let count = 0
    live.onChange(({ value }) => void (count++ < 500 && live.set('division', Number(value) + 1)))
    void live.set('division', 0)
    expect([count < 500, told.mock.calls]).toEqual([
      true,
      [[expect.stringContaining('listeners answer each change with another one')]],
    ])
    jest.runAllTimers()
    expect([count, live.get('division')]).toEqual([501, 500])
  })
})
