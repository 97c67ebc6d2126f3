import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { followHandOffs } from '../../client/follow-hand-offs.js'
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

let now = 0
beforeEach(() => {
  now += 10_000
  jest.spyOn(performance, 'now').mockImplementation(() => now)
  jest.spyOn(HTMLFormElement.prototype, 'submit').mockImplementation(function (this: HTMLFormElement) {
    const { action, method, enctype, hidden, isConnected, target } = this
    const fields = Object.fromEntries(new FormData(this))
    sent.push({ action, method, enctype, fields, isShown: !hidden || !isConnected, target })
  })
})
afterEach(() => {
  sent.length = 0
})

/** Opens a client; `hear` plays a hand-off of its server. */
function open(endpoint = '/store_session') {
  const socket = new EventEmitter()
  const { live, close } = bareInside({ socket: socket as never, posts: { endpoint } })
  const end = followHandOffs(live)
  return { hear: (token: string) => socket.emit('live_session:hand_off', token), end, close }
}

describe('a page with a hand-off', () => {
  it.each([
    ['/store_session', 'http://localhost/store_session'],
    ['/tools/store_session', 'http://localhost/tools/store_session'],
    ['https://api.example.com/store_session', 'https://api.example.com/store_session'],
  ])('submits a hidden form to its endpoint %s', (endpoint, action) => {
    open(endpoint).hear('a.b')
    const form = { method: 'post', enctype: 'application/x-www-form-urlencoded', isShown: false, target: '_self' }
    expect(sent).toEqual([{ ...form, action, fields: { live_session_hand_off: 'a.b' } }])
  })

  // After a double click the browser would drop the first answer, with its cookies, for a second answer without the payload.
  it('ignores further hand-offs for two seconds, in any client', () => {
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

  it.each(['end', 'close'] as const)('ignores hand-offs after %s()', (last) => {
    const page = open()
    page[last]()
    page.hear('late')
    expect(tokens()).toEqual([])
  })
})
