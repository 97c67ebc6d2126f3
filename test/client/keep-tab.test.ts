import { EventEmitter } from 'node:events'
import { afterEach, expect, it, jest } from '@jest/globals'
import { createLiveSession, keepTab } from 'koa-live-session/client'
import type { BareSnapshot } from '../support/page/bare-page.js'

const ITEM = 'live-session:/store_session'
const ANN: BareSnapshot = { who: 'ann', persisted: [], values: {}, defaults: { step: 1 }, stamps: {}, tab: ['step'] }

afterEach(() => {
  jest.restoreAllMocks()
})

it('a page answers another document’s write to sessionStorage with none', () => {
  Object.assign(globalThis, { fetch: () => new Promise(() => undefined) })
  const live = createLiveSession<never>({ initial: ANN as never })
  keepTab(live as never)
  void live.set('step' as never, 3 as never)
  expect(sessionStorage.getItem(ITEM)).toMatch(/"step"/)
  sessionStorage.setItem(ITEM, 'of another document')
  globalThis.dispatchEvent(new StorageEvent('storage', { key: ITEM, storageArea: sessionStorage }))
  expect(sessionStorage.getItem(ITEM)).toBe('of another document')
  live.close()
})

const SILENT = { timeout: () => ({ emit: () => undefined }) }

it.each<[string, (live: { close(): void }, unsubscribe: () => void) => void]>([
  ['close()', (live) => live.close()],
  ['its unsubscribe function', (_, unsubscribe) => unsubscribe()],
])('keepTab leaves nothing behind after %s', (_, end) => {
  const auth = { token: 'x' }
  const socket = Object.assign(new EventEmitter(), { ...SILENT, auth, connected: false })
  const added = jest.spyOn(globalThis, 'addEventListener')
  const removed = jest.spyOn(globalThis, 'removeEventListener')
  const live = createLiveSession<never>({ initial: ANN as never, socket: socket as never })
  added.mockClear()
  const unsubscribe = keepTab(live as never)
  const [kept] = added.mock.calls
  expect([socket.auth === auth, kept?.[0]]).toEqual([false, 'beforeunload'])
  end(live, unsubscribe)
  expect([socket.auth, removed.mock.calls.some(([, listener]) => listener === kept?.[1])]).toEqual([auth, true])
  sessionStorage.clear()
  void live.set('step' as never, 3 as never)
  expect(sessionStorage.length).toBe(0)
  live.close()
})

it('after close(), an auth of the app that wraps keepTab’s sends no tickets', () => {
  const socket = Object.assign(new EventEmitter(), { ...SILENT, auth: {} as unknown, connected: false })
  sessionStorage.setItem(ITEM, JSON.stringify(['ann', ['a.b.c'], []]))
  const live = createLiveSession<never>({ socket: socket as never })
  keepTab(live as never)
  const inner = socket.auth as (send: (auth: object) => void) => void
  const outer = (send: (auth: object) => void): void => inner((auth) => send({ ...auth, token: 'x' }))
  socket.auth = outer
  const sent: object[] = []
  outer((auth) => sent.push(auth))
  live.close()
  outer((auth) => sent.push(auth))
  expect([socket.auth, sent]).toEqual([
    outer,
    [
      { liveTab: ['a.b.c'], token: 'x' },
      { liveTab: [], token: 'x' },
    ],
  ])
})
