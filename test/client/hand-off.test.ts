import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { followHandOff } from '../../client/effects/hand-off.js'

interface Sent {
  readonly action: string
  readonly method: string
  readonly enctype: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly isShown: boolean
}

const sent: Sent[] = []

beforeEach(() => {
  // jsdom goes nowhere.
  jest.spyOn(HTMLFormElement.prototype, 'submit').mockImplementation(function (this: HTMLFormElement) {
    const { action, method, enctype, hidden, isConnected } = this
    const fields = Object.fromEntries(new FormData(this))
    sent.push({ action, method, enctype, fields, isShown: !hidden || !isConnected })
  })
})
afterEach(() => {
  jest.restoreAllMocks()
  sent.length = 0
})

describe('a page that is handed something', () => {
  it.each([
    ['/store_session', 'http://localhost/sign-in?next=/'],
    ['/tools/store_session', 'http://localhost/sign-in?next=/'],
    ['https://api.example.com/store_session', 'https://api.example.com/sign-in?next=/'],
  ])('POSTs it by a form that is not shown, at the origin of its endpoint %s', (endpoint, action) => {
    followHandOff(endpoint, '/sign-in?next=/', 'a.b')
    const form = { method: 'post', enctype: 'application/x-www-form-urlencoded', isShown: false }
    expect(sent).toEqual([{ ...form, action, fields: { live_session_hand_off: 'a.b' } }])
  })
})
