import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { onFlash } from '../../client/flash.js'
import type { JsonValue } from '../../shared/json.js'
import { present } from '../support/app/present.js'
import { bareInside } from '../support/page/bare-part.js'

/** A socket of which the test is the server. */
class BareSocket {
  connected = true
  readonly handlers = new Map<string, () => void>()
  /** Acknowledgements that wait. */
  readonly asked: ((answer: unknown) => void)[] = []

  on(event: string, handler: () => void): this {
    this.handlers.set(event, handler)
    return this
  }

  once(event: string, handler: () => void): this {
    return this.on(event, handler)
  }

  off(event: string): this {
    this.handlers.delete(event)
    return this
  }

  emit(event: string, ...given: readonly [...unknown[], ack: (answer: unknown) => void]): void {
    if (event !== 'live_session:take_flash') return
    this.asked.push(given.at(-1) as (answer: unknown) => void)
  }

  hear(event: string): void {
    this.handlers.get(event)?.()
  }
}

let isHidden = false
Object.defineProperty(document, 'hidden', { get: () => isHidden, configurable: true })
const ends: (() => void)[] = []

function open(isConnected = true) {
  const socket = new BareSocket()
  socket.connected = isConnected
  const { live, visit, close } = bareInside({ socket: socket as never })
  ends.push(close)
  return { socket, add: (listener: (message: JsonValue) => void) => onFlash(live, listener), visit, close }
}

/** Whether the tab is in the background. */
function hide(hidden: boolean): void {
  isHidden = hidden
  document.dispatchEvent(new Event('visibilitychange'))
}

afterEach(() => {
  for (const end of ends.splice(0)) end()
  isHidden = false
  jest.useRealTimers()
})

describe('messages that are shown once', () => {
  it('wait for the next listener where the last one has gone before they come', () => {
    const { socket, add } = open()
    const shown: unknown[] = []
    add(() => shown.push('to the former listener'))()
    present(socket.asked[0])({ ok: true, messages: ['one', null] })
    const end = add((message) => {
      shown.push(message)
      end()
    })
    present(socket.asked[1])({ ok: true, messages: ['three'] })
    expect(shown).toEqual(['one'])
    add((...message) => shown.push(...message))
    present(socket.asked[2])({ ok: false, code: 'rate_limited' })
    expect(shown).toEqual(['one', null, 'three'])
  })

  it('are asked for again a second after a refusal, once, until they are told or the page is closed', () => {
    jest.useFakeTimers()
    const { socket, add, close } = open()
    const refusal = { ok: false, code: 'rate_limited' }
    add(() => undefined)
    add(() => undefined)
    for (const answer of socket.asked) answer(refusal)
    jest.advanceTimersByTime(999)
    expect(socket.asked).toHaveLength(2)
    jest.advanceTimersByTime(1)
    expect(socket.asked).toHaveLength(3)
    present(socket.asked[2])(refusal)
    jest.advanceTimersByTime(1000)
    expect(socket.asked).toHaveLength(4)
    present(socket.asked[3])({ ok: true, messages: [] })
    jest.advanceTimersByTime(10_000)
    expect(socket.asked).toHaveLength(4)
    add(() => undefined)
    socket.hear('live_session:flash')
    present(socket.asked[4])(refusal)
    close()
    present(socket.asked[5])(refusal)
    jest.advanceTimersByTime(10_000)
    expect(socket.asked).toHaveLength(6)
  })

  it('are left to another tab by one in the background, until it is seen', () => {
    const { socket, add } = open()
    hide(true)
    add(() => undefined)
    socket.hear('live_session:flash')
    expect(socket.asked).toHaveLength(0)
    hide(false)
    expect(socket.asked).toHaveLength(1)
  })

  it('are not asked for without a connection, without a socket, or after the end', () => {
    const { socket, add, close } = open(false)
    const end = add(() => undefined)
    hide(false)
    socket.connected = true
    end()
    hide(false)
    add(() => undefined)
    expect(socket.asked).toHaveLength(1)
    close()
    hide(false)
    socket.hear('live_session:flash')
    expect(socket.asked).toHaveLength(1)
    const { live, close: closeOther } = bareInside()
    onFlash(live, () => undefined)()
    closeOther()
  })

  it('are told to no listener once another visitor has come', () => {
    const { socket, add, visit } = open()
    const end = add(() => undefined)
    end()
    present(socket.asked.shift())({ ok: true, messages: ['Saved, Ann.'] })
    visit()
    const shown: unknown[] = []
    add((message) => shown.push(message))
    present(socket.asked.shift())({ ok: true, messages: ['Welcome.'] })
    expect(shown).toEqual(['Welcome.'])
  })
})
