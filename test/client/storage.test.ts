import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { createStorage } from '../../client/effects/storage.js'

/** What the browser has, of all tabs. */
const items = (): readonly (string | null)[] => Object.keys(localStorage).map((name) => localStorage.getItem(name))

afterEach(() => {
  jest.restoreAllMocks()
  localStorage.clear()
})

describe('what outlives a page', () => {
  it('is there for the next page, once', () => {
    createStorage('a:').keep('3')
    const next = createStorage('a:')
    expect([next.take(), next.take(), items()]).toEqual([['3'], [], []])
  })

  it('is that of each tab', () => {
    for (const text of ['3', '4']) createStorage('a:').keep(text)
    expect([...createStorage('a:').take()].sort()).toEqual(['3', '4'])
  })

  it('is not its own', () => {
    const storage = createStorage('a:')
    storage.keep('3')
    expect([storage.take(), items()]).toEqual([[], ['3']])
  })

  it('is of one endpoint: what others have stored stays', () => {
    localStorage.setItem('app', 'x')
    createStorage('b:').keep('3')
    expect([createStorage('a:').take(), items()]).toEqual([[], ['x', '3']])
  })

  it('stays where another endpoint begins with the same name', () => {
    createStorage('live-session:/store_session:b ').keep('3')
    createStorage('live-session:/store_session0.5 ').keep('4')
    expect([createStorage('live-session:/store_session ').take(), [...items()].sort()]).toEqual([[], ['3', '4']])
  })

  it('is the newest text, and goes once there is none', () => {
    const storage = createStorage('a:')
    storage.keep('3')
    storage.keep('4')
    expect(items()).toEqual(['4'])
    storage.keep('')
    expect(items()).toEqual([])
  })

  it('is written once for as long as it is the same', () => {
    const write = jest.spyOn(Storage.prototype, 'setItem')
    const storage = createStorage('a:')
    for (let i = 0; i < 3; i += 1) storage.keep('3')
    expect(write).toHaveBeenCalledTimes(1)
  })

  it('is nothing where the storage is full, without a word to the app', () => {
    jest.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError')
    })
    const storage = createStorage('a:')
    storage.keep('3')
    storage.keep('')
    expect(items()).toEqual([])
  })

  it('is nothing where the browser refuses its storage', () => {
    jest.spyOn(globalThis, 'localStorage', 'get').mockImplementation(() => {
      throw new DOMException('refused', 'SecurityError')
    })
    const storage = createStorage('a:')
    storage.keep('3')
    expect(storage.take()).toEqual([])
  })
})
