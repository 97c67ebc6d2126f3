import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { createBrowserEnvironment } from '../../client/browser/environment.js'
import { createStorage } from '../../client/browser/outbox-storage.js'
import { createPoster } from '../../client/browser/post.js'
import type { Dispatch, TimerName } from '../../client/core/events.js'
import { readTicket } from '../../client/core/tickets.js'
import { fc } from '../support/app/property.js'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
  jest.restoreAllMocks()
  localStorage.clear()
})

describe('the outbox in localStorage', () => {
  const items = (): readonly (string | null)[] => Object.keys(localStorage).map((name) => localStorage.getItem(name))

  it('is drained once by the next page', () => {
    createStorage('a').save('3')
    const next = createStorage('a')
    expect([next.drain(), next.drain(), items()]).toEqual([['3'], [], []])
  })

  it('returns the other tabs’ entries, not its own', () => {
    const storage = createStorage('a')
    for (const text of ['3', '4']) createStorage('a').save(text)
    storage.save('5')
    expect([[...storage.drain()].sort(), items()]).toEqual([['3', '4'], ['5']])
  })

  it('leaves entries of other endpoints alone', () => {
    localStorage.setItem('app', 'x')
    createStorage('live-session:/store_session:b').save('3')
    createStorage('live-session:/store_session0.5').save('4')
    expect([createStorage('live-session:/store_session').drain(), [...items()].sort()]).toEqual([[], ['3', '4', 'x']])
  })

  it('writes each new text once', () => {
    const write = jest.spyOn(Storage.prototype, 'setItem')
    const storage = createStorage('a')
    for (const text of ['3', '4', '4', '4']) storage.save(text)
    expect([items(), write.mock.calls.length]).toEqual([['4'], 2])
    storage.save('')
    expect(items()).toEqual([])
  })

  it.each<[string, () => unknown]>([
    ['is full', () => jest.spyOn(Storage.prototype, 'setItem').mockImplementation(fail)],
    ['is blocked', () => jest.spyOn(globalThis, 'localStorage', 'get').mockImplementation(fail)],
  ])('stays empty if the storage %s', (_, spy) => {
    spy()
    const storage = createStorage('a')
    storage.save('3')
    expect(storage.drain()).toEqual([])
    storage.save('')
    jest.restoreAllMocks()
    expect(items()).toEqual([])
  })
})

describe('the proved visitor in localStorage', () => {
  it('is another page’s until removed, and no outbox', () => {
    const storage = createStorage('a')
    storage.who('ann')
    const other = createStorage('a')
    expect([other.who(), createStorage('b').who(), other.drain()]).toEqual(['ann', undefined, []])
    expect([other.who(''), storage.who()]).toEqual([undefined, undefined])
  })

  it('is unknown if the storage is blocked, or throws later', () => {
    createStorage('a').who('ann')
    const refusing = new Proxy({}, { get: fail })
    jest
      .spyOn(globalThis, 'localStorage', 'get')
      .mockReturnValueOnce(refusing as never)
      .mockImplementation(fail)
    expect([createStorage('a').who(), createStorage('a').who()]).toEqual([undefined, undefined])
  })
})

function fail(): never {
  throw new DOMException('full, or refused', 'QuotaExceededError')
}

describe('a POST', () => {
  const requests: RequestInit[] = []
  const options = { endpoint: '/store_session', credentials: 'same-origin', headers: () => ({}) } as const
  beforeEach(() => {
    requests.length = 0
    const fetch = (_: string, init: RequestInit): Promise<never> => {
      requests.push(init)
      return new Promise(() => undefined)
    }
    Object.assign(globalThis, { fetch })
  })

  it('has no keepalive, which in Chromium outlives an abort', () => {
    const { post, abort } = createPoster(options, jest.fn())
    post({}, 10_000)
    abort()
    expect(requests).toEqual([expect.objectContaining({ signal: expect.objectContaining({ aborted: true }) })])
    expect(requests[0]).not.toHaveProperty('keepalive')
  })

  it('has keepalive if it is the page’s last', () => {
    createPoster(options, jest.fn()).post({ who: 'g' })
    expect(requests).toMatchObject([{ keepalive: true }])
    expect(requests[0]).not.toHaveProperty('signal')
  })
})

it('a page reports its use only if a renewal is due', () => {
  const timers = new Set<TimerName>(['renew'])
  const events: unknown[] = []
  const dispatch: Dispatch = (...event) => void events.push(event)
  const options = { endpoint: '/', credentials: 'omit', headers: {} } as const
  const page = createBrowserEnvironment(undefined, options, createPoster, dispatch, { timers })
  ends.push(page.close)
  page.open()
  const use = (): void => {
    for (const event of ['keydown', 'pointerdown']) document.dispatchEvent(new Event(event, { bubbles: true }))
  }
  use()
  expect(events).toEqual([])
  timers.clear()
  use()
  expect(events).toEqual([['use'], ['use']])
})

describe('a `storage` event', () => {
  const NAME = 'live-session:/store_session'
  const looks = (event: () => StorageEventInit, spy?: () => unknown): readonly unknown[] => {
    const events: unknown[] = []
    const options = { endpoint: '/store_session', credentials: 'omit', headers: {} } as const
    const dispatch: Dispatch = (...one) => void events.push(one)
    const page = createBrowserEnvironment(undefined, options, createPoster, dispatch, { timers: new Set() })
    ends.push(page.close)
    page.open()
    localStorage.setItem(NAME, 'ann')
    const told = new StorageEvent('storage', event())
    spy?.()
    globalThis.dispatchEvent(told)
    return events
  }

  it.each<[string, () => StorageEventInit]>([
    ['its item has changed', () => ({ key: NAME, storageArea: localStorage })],
    ['localStorage was cleared', () => ({ key: null, storageArea: localStorage })],
  ])('makes a page look at the stored visitor: %s', (_, event) => {
    expect(looks(event)).toEqual([['look', 'ann']])
  })

  it.each<[string, () => StorageEventInit]>([
    ['another item', () => ({ key: `${NAME} 0.5`, storageArea: localStorage })],
    ['sessionStorage', () => ({ key: NAME, storageArea: sessionStorage })],
    ['a cleared sessionStorage', () => ({ key: null, storageArea: sessionStorage })],
  ])('is no news of %s', (_, event) => {
    expect(looks(event)).toEqual([])
  })

  it('throws nothing if localStorage is blocked', () => {
    const fails = jest.fn()
    globalThis.addEventListener('error', fails)
    const block = (): unknown => jest.spyOn(globalThis, 'localStorage', 'get').mockImplementation(fail)
    expect(looks(() => ({ key: NAME, storageArea: localStorage }), block)).toEqual([])
    expect(fails).not.toHaveBeenCalled()
    globalThis.removeEventListener('error', fails)
  })
})

it('a refused socket passes on its code, and whether socket.io retries', () => {
  const events: unknown[] = []
  const socket = Object.assign(new EventEmitter(), { active: false })
  const options = { endpoint: '/', credentials: 'omit', headers: {} } as const
  const dispatch: Dispatch = (...event) => void events.push(event)
  const page = createBrowserEnvironment(socket as never, options, createPoster, dispatch, { timers: new Set() })
  ends.push(page.close)
  page.open()
  for (const code of ['rate_limited', 'quota_exceeded', undefined]) socket.emit('connect_error', { data: { code } })
  socket.active = true
  socket.emit('connect_error', new Error('websocket error'))
  expect(events).toEqual([
    ['refused', 'rate_limited', false],
    ['refused', 'quota_exceeded', false],
    ['refused', undefined, false],
    ['refused', undefined, true],
  ])
})

it('readTicket() decodes text of any script', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'grapheme' }), (json) => {
      const ticket = `head.${Buffer.from(json).toString('base64url')}.signature`
      expect(readTicket(ticket)).toEqual(JSON.parse(json))
    }),
    { examples: [['"% %25 \u00e9 \u65e5 \u{1f600}"']] },
  )
})
