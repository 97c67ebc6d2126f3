import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { createStorage } from '../../client/effects/storage.js'

const texts = (...entries: [string, string][]): ReadonlyMap<string, string> => new Map(entries)

/** What the browser has, of all tabs. */
const items = (): Record<string, string | null> => {
  return Object.fromEntries(Object.keys(localStorage).map((name) => [name, localStorage.getItem(name)]))
}

afterEach(() => {
  jest.restoreAllMocks()
  localStorage.clear()
})

describe('what outlives a page', () => {
  it('is there for the next page of the same subject, once', () => {
    createStorage('a:').keep('ann', texts(['division', '3'], ['cart', '[]']))
    const next = createStorage('a:')
    expect(next.take('ann')).toEqual(texts(['division', '3'], ['cart', '[]']))
    expect(next.take('ann')).toEqual(texts())
  })

  it('is dropped when another subject comes, and never handed over', () => {
    createStorage('a:').keep('ann', texts(['division', '3']))
    expect(createStorage('a:').take('bob')).toEqual(texts())
    expect(items()).toEqual({})
  })

  it('is of one endpoint: what others have stored stays', () => {
    localStorage.setItem('app', 'x')
    createStorage('b:').keep('ann', texts(['division', '3']))
    createStorage('a:').take('bob')
    expect(items()).toEqual({ app: 'x', 'b:division': 'ann3' })
  })

  it('goes once it is not wanted any more', () => {
    const storage = createStorage('a:')
    storage.keep('ann', texts(['division', '3'], ['cart', '[]']))
    storage.keep('ann', texts(['cart', '[]']))
    expect(items()).toEqual({ 'a:cart': 'ann[]' })
  })

  it('stays where another tab has put something newer there', () => {
    const [one, two] = [createStorage('a:'), createStorage('a:')]
    one.keep('ann', texts(['division', '3']))
    two.keep('ann', texts(['division', '4']))
    one.keep('ann', texts())
    expect(items()).toEqual({ 'a:division': 'ann4' })
  })

  it('is written once for as long as it is the same', () => {
    const write = jest.spyOn(Storage.prototype, 'setItem')
    const storage = createStorage('a:')
    for (let i = 0; i < 3; i += 1) storage.keep('ann', texts(['division', '3']))
    expect(write).toHaveBeenCalledTimes(1)
    storage.keep('bob', texts(['division', '3']))
    expect(items()).toEqual({ 'a:division': 'bob3' })
  })

  it('is written again where another tab has taken it over, and it is still unsaved', () => {
    const storage = createStorage('a:')
    storage.keep('ann', texts(['division', '3']))
    storage.take('ann')
    storage.keep('ann', texts(['division', '3']))
    expect(items()).toEqual({ 'a:division': 'ann3' })
  })

  it('is nothing where the storage is full, without a word to the app', () => {
    jest.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError')
    })
    const storage = createStorage('a:')
    storage.keep('ann', texts(['division', '3']))
    storage.keep('ann', texts())
    expect(items()).toEqual({})
  })

  it('is nothing where the browser refuses its storage', () => {
    jest.spyOn(globalThis, 'localStorage', 'get').mockImplementation(() => {
      throw new DOMException('refused', 'SecurityError')
    })
    const storage = createStorage('a:')
    storage.keep('ann', texts(['division', '3']))
    expect(storage.take('ann')).toEqual(texts())
  })
})
