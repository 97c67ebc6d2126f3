import { afterEach, expect, it, jest } from '@jest/globals'
import { createLiveSession } from 'koa-live-session/client'
import { GreetingSocket } from '../support/page/greeting-socket.js'

afterEach(() => {
  localStorage.clear()
  jest.useRealTimers()
})

it('a page whose socket is connected already asks over it at once, and is told', () => {
  jest.useFakeTimers()
  const fetch = jest.fn<typeof globalThis.fetch>(() => new Promise(() => undefined))
  Object.assign(globalThis, { fetch })
  const socket = new GreetingSocket('ann', { defaults: { division: 3 } })
  const live = createLiveSession<never>({ socket: socket as never })
  expect(live.get('division' as never)).toBe(3)
  live.close()
  expect(fetch).not.toHaveBeenCalled()
})

it('a page whose socket has not connected yet tells its listeners at once of what is set', () => {
  const socket = Object.assign(new GreetingSocket('ann'), { connected: false })
  const initial = { who: 'ann', held: [], values: { division: 1 }, defaults: { division: 1 }, stamps: {} }
  const live = createLiveSession<never>({ socket: socket as never, initial: initial as never })
  const heard: unknown[] = []
  live.subscribe('division' as never, ((division: unknown) => heard.push(division)) as never)
  void live.set('division' as never, 2 as never)
  expect(heard).toEqual([1, 2])
  live.close()
})

it('a page that hears that it is offline connects anew', () => {
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
