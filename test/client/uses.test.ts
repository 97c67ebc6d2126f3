import { afterEach, describe, expect, it } from '@jest/globals'
import { BRIEF } from '../../client/advice.js'
import type { TimerName } from '../../client/core/messages.js'
import { createPage } from '../../client/effects/page.js'
import type { Dispatch } from '../../client/surroundings.js'

let end = (): void => undefined
afterEach(() => end())

describe('a page whose visitor types and clicks', () => {
  it('looks for nothing to do until a POST may be due', () => {
    const timers = new Set<TimerName>(['renew'])
    const told: unknown[] = []
    const dispatch: Dispatch = (...event) => void told.push(event)
    const page = createPage(undefined, { endpoint: '/', credentials: 'omit', headers: {} }, BRIEF, dispatch, timers)
    end = page.close
    page.open()
    const use = (): void => {
      for (const event of ['keydown', 'pointerdown']) document.dispatchEvent(new Event(event, { bubbles: true }))
    }
    use()
    expect(told).toEqual([])
    timers.clear()
    use()
    expect(told).toEqual([['use'], ['use']])
  })
})
