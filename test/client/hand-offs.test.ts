import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { followHandOffs } from '../../client/hand-offs.js'
import { bareInside } from '../support/page/bare-part.js'

interface Sent {
  readonly action: string
  readonly method: string
  readonly enctype: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly isShown: boolean
  readonly target: string
}

const sent: Sent[] = []
const tokens = (): unknown[] => sent.map(({ fields }) => fields['live_session_hand_off'])

/** ms since the page was opened. */
let now = 0
beforeEach(() => {
  // What a test before has sent is not on its way any more.
  now += 10_000
  jest.spyOn(performance, 'now').mockImplementation(() => now)
  // jsdom goes nowhere.
  jest.spyOn(HTMLFormElement.prototype, 'submit').mockImplementation(function (this: HTMLFormElement) {
    const { action, method, enctype, hidden, isConnected, target } = this
    const fields = Object.fromEntries(new FormData(this))
    sent.push({ action, method, enctype, fields, isShown: !hidden || !isConnected, target })
  })
})
afterEach(() => {
  jest.restoreAllMocks()
  sent.length = 0
})

/** A client of this page, whose server hands it something by `hear`. */
function open(endpoint = '/store_session') {
  const socket = new EventEmitter()
  const { live, close } = bareInside({ socket: socket as never, endpoint })
  const end = followHandOffs(live)
  return { hear: (token: string) => socket.emit('live_session:hand_off', token), end, close }
}

describe('a page that is handed something', () => {
  it.each([
    ['/store_session', 'http://localhost/store_session'],
    ['/tools/store_session', 'http://localhost/tools/store_session'],
    ['https://api.example.com/store_session', 'https://api.example.com/store_session'],
  ])('POSTs it by a form that is not shown, to its endpoint %s', (endpoint, action) => {
    open(endpoint).hear('a.b')
    const form = { method: 'post', enctype: 'application/x-www-form-urlencoded', isShown: false, target: '_self' }
    expect(sent).toEqual([{ ...form, action, fields: { live_session_hand_off: 'a.b' } }])
  })

  // A button that is clicked twice: the browser would drop the first answer, with its cookies, for the second, which finds nothing to take.
  it('is on its way for 2 s, and is not led elsewhere meanwhile, by another client either', () => {
    const [page, other] = [open(), open()]
    page.hear('first')
    now += 1999
    page.hear('second')
    other.hear('third')
    expect(tokens()).toEqual(['first'])
    now += 1
    other.hear('fourth')
    expect(tokens()).toEqual(['first', 'fourth'])
  })

  it.each(['end', 'close'] as const)('goes nowhere after the %s', (last) => {
    const page = open()
    page[last]()
    page.hear('late')
    expect(tokens()).toEqual([])
  })
})

describe('a page without a socket', () => {
  it('is handed nothing', () => {
    expect(followHandOffs(bareInside().live)()).toBeUndefined()
  })
})
