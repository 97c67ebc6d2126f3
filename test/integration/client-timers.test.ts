import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { createTimers } from '../../client/effects/page.js'
import { createPoster } from '../../client/effects/post.js'

afterEach(() => void jest.restoreAllMocks())

describe('the times of a page', () => {
  it('keep no process alive until the cookie is to be renewed, and do for what is soon', () => {
    const started = jest.spyOn(globalThis, 'setTimeout')
    const timers = createTimers(() => undefined)
    timers.start('renew', 300_000, 0)
    timers.start('greet', 1000, 500)
    expect(started.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false, true])
    timers.close()
  })
})

describe('the limit of a POST', () => {
  it('keeps no process alive: its connection does, as long as it has one', () => {
    jest.spyOn(globalThis, 'fetch').mockReturnValue(new Promise(() => undefined))
    const started = jest.spyOn(globalThis, 'setTimeout')
    const options = { endpoint: 'https://app.example/store_session', credentials: 'same-origin', headers: {} } as const
    createPoster(options, () => undefined).post({}, 10_000)
    expect(started.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false])
  })
})
