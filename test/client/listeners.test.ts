import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { bareClient } from '../support/bare-client.js'

afterEach(() => {
  jest.restoreAllMocks()
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

  it('and never stops leaves the page time for others', () => {
    jest.useFakeTimers()
    const told = jest.spyOn(console, 'error').mockReturnValue()
    const { live } = bareClient()
    let count = 0
    live.onChange(({ value }) => void (count++ < 500 && live.set('division', Number(value) + 1)))
    void live.set('division', 0)
    expect([count < 500, told.mock.calls]).toEqual([true, [[expect.stringContaining('listener')]]])
    jest.runAllTimers()
    expect([count, live.get('division')]).toEqual([501, 500])
  })
})
