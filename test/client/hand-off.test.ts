import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { createGuide } from '../../client/effects/hand-off.js'

interface Sent {
  readonly action: string
  readonly method: string
  readonly enctype: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly isShown: boolean
  readonly target: string
}

const sent: Sent[] = []

beforeEach(() => {
  // jsdom goes nowhere.
  jest.spyOn(HTMLFormElement.prototype, 'submit').mockImplementation(function (this: HTMLFormElement) {
    const { action, method, enctype, hidden, isConnected, target } = this
    const fields = Object.fromEntries(new FormData(this))
    sent.push({ action, method, enctype, fields, isShown: !hidden || !isConnected, target })
  })
})
afterEach(() => {
  jest.restoreAllMocks()
  jest.useRealTimers()
  sent.length = 0
})

describe('a page that is handed something', () => {
  it.each([
    ['/store_session', 'http://localhost/store_session'],
    ['/tools/store_session', 'http://localhost/tools/store_session'],
    ['https://api.example.com/store_session', 'https://api.example.com/store_session'],
  ])('POSTs it by a form that is not shown, to its endpoint %s', (endpoint, action) => {
    createGuide(endpoint)('a.b')
    const form = { method: 'post', enctype: 'application/x-www-form-urlencoded', isShown: false, target: '_self' }
    expect(sent).toEqual([{ ...form, action, fields: { live_session_hand_off: 'a.b' } }])
  })

  // A button that is clicked twice: the browser would drop the first answer, with its cookies, for the second, which finds nothing to take.
  it('is on its way for 2 s, and is not led elsewhere meanwhile', () => {
    jest.useFakeTimers()
    const guide = createGuide('/store_session')
    const tokens = (): unknown[] => sent.map(({ fields }) => fields['live_session_hand_off'])
    guide('first')
    jest.advanceTimersByTime(1999)
    guide('second')
    expect(tokens()).toEqual(['first'])
    jest.advanceTimersByTime(1)
    guide('third')
    expect(tokens()).toEqual(['first', 'third'])
  })
})
