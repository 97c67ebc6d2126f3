import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { createLiveSession, type LiveSessionClient, onFlash } from 'koa-live-session/client'
import { pages } from '../../client/live-session.js'
import { bareClient } from '../support/page/bare-client.js'
import { GUEST } from '../support/page/bare-page.js'
import { bareTicket } from '../support/page/bare-ticket.js'
import { GreetingSocket } from '../support/page/greeting-socket.js'

/** A page of an app with untyped fields. */
interface Untyped {
  set(key: string, value: number): Promise<void>
  onChange(listener: (change: { readonly key: string; readonly value: unknown; readonly source: string }) => void): void
}
type Listen = (live: LiveSessionClient, listener: () => void) => () => void

const show = (persisted: boolean): boolean => dispatchEvent(Object.assign(new Event('pageshow'), { persisted }))

let fetched: jest.Mock<typeof fetch>
let logged: jest.SpiedFunction<typeof console.error>
beforeEach(() => {
  fetched = jest.fn(() => new Promise(() => undefined))
  Object.assign(globalThis, { fetch: fetched })
  logged = jest.spyOn(console, 'error').mockReturnValue()
})
afterEach(() => {
  jest.useRealTimers()
  localStorage.clear()
  pages.clear()
})

it('equal statuses of a client are the same frozen object', () => {
  const { live } = bareClient()
  const told: unknown[] = []
  live.onStatus((_, status) => told.push(status))
  const before = live.status()
  void live.set('division', 3)
  void live.set('theme', 'dark')
  const { division, overall } = { division: live.status('division'), overall: live.status() }
  expect([before, division].every(Object.isFrozen)).toBe(true)
  for (const one of [live.status('theme'), overall, ...told]) expect(one).toBe(division)
  expect([told.length, live.status('cart')]).toEqual([2, before])
  expect(live.status('cart')).toBe(before)
})

describe('a listener that sets a value', () => {
  it('lets all listeners hear the first change before its own change', () => {
    const { live } = bareClient()
    const heard: unknown[] = []
    live.onChange(({ value }) => void (value === 3 && live.set('division', 6)))
    live.onChange(({ value, previous }) => heard.push([previous, value]))
    live.subscribe('division', (value) => heard.push(value))
    void live.set('division', 3)
    expect(heard).toEqual([1, [1, 3], 3, [3, 6], 6])
  })

  it('tells a subscriber that it adds no value twice', () => {
    const { live } = bareClient()
    const heard: unknown[] = []
    const end = live.onChange(() => {
      end()
      live.subscribe('division', (value) => heard.push(value))
      live.subscribe('theme', (value) => heard.push(value))
    })
    void live.setMany({ division: 2, theme: 'dark' })
    void live.set('division', 1)
    expect(heard).toEqual([2, 'dark', 1])
  })

  it.each([
    ['a', 'b'],
    ['b', 'a'],
  ])('changes %s with source request, after a ticket changed %s', (own, other) => {
    const socket = new GreetingSocket('ann', { defaults: { a: 0, b: 0 } })
    const live = createLiveSession<never>({ socket: socket as never })
    const { onChange, set } = live as unknown as Untyped
    const heard: unknown[] = []
    onChange(({ key }) => void (key === other && set(own, 1)))
    onChange(({ key, source }) => heard.push([key, source]))
    socket.emit('store_session', bareTicket({ changes: [[other, 9, 5]] }))
    live.close()
    expect(heard).toEqual([
      [other, 'ticket'],
      [own, 'request'],
    ])
  })

  it('lets other work run if it never stops', () => {
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

describe('a throwing listener', () => {
  const error = new Error('of the app')

  it.each<[string, Listen]>([
    ['subscribe', (live, listener) => live.subscribe('division' as never, listener as never)],
    ['onChange', (live, listener) => live.onChange(listener)],
    ['onStatus', (live, listener) => live.onStatus(listener)],
    ['onVisitor', (live, listener) => live.onVisitor(listener)],
    ['onFlash', onFlash],
  ])('of %s is logged, and stops no other', (_, listen) => {
    const defaults = { division: 1 }
    const socket = new GreetingSocket('ann', { defaults })
    const live = createLiveSession({ socket: socket as never })
    const heard = new Set<string>()
    listen(live, () => {
      throw error
    })
    live.onChange(() => heard.add('onChange'))
    live.onStatus(() => heard.add('onStatus'))
    live.onVisitor(() => heard.add('onVisitor'))
    onFlash(live, () => heard.add('onFlash'))
    live.subscribe('division' as never, () => heard.add('subscribe'))
    socket.flash('Saved.')
    void live.set('division' as never, 2 as never)
    socket.comeBack('bob', { defaults })
    live.close()
    expect(heard).toEqual(new Set(['subscribe', 'onFlash', 'onChange', 'onStatus', 'onVisitor']))
    expect(new Set(logged.mock.calls.flat())).toEqual(new Set([error]))
  })

  it('of outgoing socket messages is logged, and stops no change', () => {
    const socket = new GreetingSocket('g')
    const { timeout } = socket
    let count = 0
    socket.timeout = () => ({
      emit: (event, message, answer) => {
        if (message.set) count += 1
        if (count === 1) throw error
        timeout.call(socket).emit(event, message, answer)
      },
    })
    const live = createLiveSession<never>({ socket: socket as never, initial: GUEST as never })
    const heard: unknown[] = []
    const untyped = live as unknown as Untyped
    untyped.onChange(({ key }) => heard.push(key))
    for (const key of ['division', 'cart']) void untyped.set(key, 3)
    live.close()
    expect([count, heard, logged.mock.calls]).toEqual([2, ['division', 'cart'], [[error]]])
  })
})

describe('a page that is shown', () => {
  it.each([false, true])('calls its subscribers again (restored from the cache: %s)', (persisted) => {
    const { live } = bareClient()
    const heard: unknown[] = []
    const end = live.subscribe('division', (value) => heard.push(value))
    live.onChange(() => heard.push('a change'))
    show(persisted)
    end()
    show(persisted)
    expect(heard).toEqual([1, 1])
  })
})

describe('a closed page', () => {
  it('calls no subscriber, even when shown again', () => {
    const { live } = bareClient()
    const heard: unknown[] = []
    live.subscribe('division', (value) => heard.push(value))
    live.close()
    show(true)
    expect(heard).toEqual([1])
  })

  it.each(['onChange', 'onStatus'] as const)('calls no listener after close() in a listener of %s', async (where) => {
    const { live } = bareClient()
    const heard: unknown[] = []
    let isClosed = false
    const hear = (what: string) => (): void => void (isClosed && heard.push(what))
    live[where](() => {
      live.close()
      isClosed = true
    })
    live.onChange(hear('onChange'))
    live.onStatus(hear('onStatus'))
    live.subscribe('division', hear('subscribe'))
    live.subscribe('theme', hear('subscribe'))
    void live.setMany({ division: 2, theme: 'dark' })
    await live.flush()
    expect([heard, live.status('division')]).toEqual([[], { status: 'offline' }])
  })

  it('ends a listener that answers each change with another', () => {
    jest.useFakeTimers()
    const { live } = bareClient()
    let count = 0
    live.onChange(({ value }) => void live.set('division', Number(value) + 1))
    live.onChange(() => {
      count += 1
    })
    void live.set('division', 0)
    live.close()
    const before = count
    jest.runAllTimers()
    expect(count).toBe(before)
  })

  it('rejects changes', async () => {
    const { live } = bareClient()
    live.close()
    for (const change of [live.set('division', 2), live.delete('division'), live.update('division', () => 3)])
      await expect(change).rejects.toMatchObject({ code: 'closed' })
    expect(live.get('division')).toBe(1)
  })

  it('rejects pending changes, which persist for the next page', async () => {
    const { live } = bareClient()
    const changes = [live.set('division', 2), live.setMany({ theme: 'dark', cart: [] })]
    live.close()
    for (const change of changes) await expect(change).rejects.toMatchObject({ code: 'closed' })
    expect([live.get('division'), live.status('division')]).toEqual([2, { status: 'offline' }])
  })

  it.each([true, false])('resolves flush() (closed before the call: %s)', async (isBefore) => {
    const { live } = bareClient()
    void live.set('division', 2)
    if (isBefore) live.close()
    const flushed = live.flush()
    if (!isBefore) live.close()
    await flushed
    expect(live.status('division')).toEqual({ status: 'offline' })
  })
})

describe('a page with a socket', () => {
  it('asks over a connected socket, not by POST', () => {
    jest.useFakeTimers()
    const socket = new GreetingSocket('ann', { defaults: { division: 3 } })
    const live = createLiveSession<never>({ socket: socket as never })
    expect(live.get('division' as never)).toBe(3)
    live.close()
    expect(fetched).not.toHaveBeenCalled()
  })

  it('calls its listeners before the socket connects', () => {
    const socket = Object.assign(new GreetingSocket('ann'), { connected: false })
    const initial = { who: 'ann', persisted: [], values: { division: 1 }, defaults: { division: 1 }, stamps: {} }
    const live = createLiveSession<never>({ socket: socket as never, initial: initial as never })
    const heard: unknown[] = []
    live.subscribe('division' as never, ((division: unknown) => heard.push(division)) as never)
    void live.set('division' as never, 2 as never)
    expect(heard).toEqual([1, 2])
    live.close()
  })

  it('reconnects after an offline event, until close()', () => {
    jest.useFakeTimers()
    const connect = jest.fn()
    const socket = Object.assign(new GreetingSocket('ann'), { disconnect: () => ({ connect }) })
    const live = createLiveSession<never>({ socket: socket as never })
    dispatchEvent(new Event('offline'))
    expect(connect).toHaveBeenCalledTimes(1)
    live.close()
    dispatchEvent(new Event('offline'))
    expect(connect).toHaveBeenCalledTimes(1)
  })
})

describe('a text that is being typed', () => {
  /** Sets a value as the listener of an event in a text field does. */
  const type = (set: () => unknown): void => {
    const input = document.body.appendChild(document.createElement('input'))
    input.addEventListener('input', set)
    input.dispatchEvent(new InputEvent('input', { inputType: 'insertText' }))
    input.remove()
  }
  const typingPage = (): { socket: GreetingSocket; live: Untyped & LiveSessionClient<never>; heard: unknown[] } => {
    jest.useFakeTimers()
    const socket = new GreetingSocket('ann', { defaults: { name: 1, other: 1 } })
    const live = createLiveSession<never>({ socket: socket as never }) as never
    const heard: unknown[] = []
    ;(live as Untyped).onChange(({ key, value }) => heard.push([key, value]))
    return { socket, live, heard }
  }

  it('goes back after a refusal only in a pause', () => {
    const { socket, live, heard } = typingPage()
    type(() => live.set('name', 2))
    socket.refuse()
    type(() => live.set('name', 3))
    socket.refuse()
    expect(live.status('name' as never)).toEqual({ status: 'rejected', reason: 'invalid_value' })
    jest.advanceTimersByTime(1999)
    const before = [
      ['name', 2],
      ['name', 3],
    ]
    expect(heard).toEqual(before)
    jest.advanceTimersByTime(1)
    expect(heard).toEqual([...before, ['name', 1]])
    live.close()
  })

  it('is kept while the page changes another key', () => {
    const { socket, live, heard } = typingPage()
    type(() => live.set('name', 2))
    socket.refuse()
    void live.set('other', 5)
    expect(heard).toEqual([
      ['name', 2],
      ['other', 5],
    ])
    live.close()
  })

  it('holds back no other change', () => {
    const { socket, live, heard } = typingPage()
    type(() => live.set('name', 2))
    socket.emit('store_session', bareTicket({ changes: [['other', 9, 5]] }))
    expect(heard).toEqual([
      ['name', 2],
      ['other', 5],
    ])
    live.close()
  })

  it('is told at once if code sets it outside an input event', () => {
    const { socket, live, heard } = typingPage()
    void live.set('name', 2)
    socket.refuse()
    expect(heard).toEqual([
      ['name', 2],
      ['name', 1],
    ])
    live.close()
  })
})
