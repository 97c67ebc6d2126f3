import { EventEmitter } from 'node:events'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { onFlash } from '../../client/flash.js'
import type { JsonValue } from '../../shared/json.js'
import { present } from '../support/app/present.js'
import { bareInside } from '../support/page/bare-part.js'

/** A socket whose server is the test. */
class BareSocket extends EventEmitter {
  connected = true
  readonly asked: ((answer: unknown) => void)[] = []

  override emit(event: string, ...given: readonly unknown[]): boolean {
    if (event !== 'live_session:take_flash') return super.emit(event, ...given)
    return this.asked.push(given.at(-1) as (answer: unknown) => void) > 0
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

function hide(hidden: boolean): void {
  isHidden = hidden
  document.dispatchEvent(new Event('visibilitychange'))
}

afterEach(() => {
  for (const end of ends.splice(0)) end()
  isHidden = false
  jest.useRealTimers()
})

const OK = (...messages: readonly JsonValue[]): object => ({ ok: true, messages })
const REFUSAL = { ok: false, code: 'rate_limited' }

describe('flash messages', () => {
  it('wait for the next listener if the previous listener has ended', () => {
    const { socket, add } = open()
    const shown: unknown[] = []
    add(() => shown.push('to the former listener'))()
    present(socket.asked[0])(OK('one', null))
    const end = add((message) => {
      shown.push(message)
      end()
    })
    present(socket.asked[1])(OK('three'))
    expect(shown).toEqual(['one'])
    add((...message) => shown.push(...message))
    present(socket.asked[2])(REFUSAL)
    expect(shown).toEqual(['one', null, 'three'])
  })

  it('are requested again a second after a refusal', () => {
    jest.useFakeTimers()
    const { socket, add, close } = open()
    add(() => undefined)
    add(() => undefined)
    for (const answer of socket.asked) answer(REFUSAL)
    jest.advanceTimersByTime(999)
    expect(socket.asked).toHaveLength(2)
    jest.advanceTimersByTime(1)
    expect(socket.asked).toHaveLength(3)
    present(socket.asked[2])(REFUSAL)
    jest.advanceTimersByTime(1000)
    expect(socket.asked).toHaveLength(4)
    present(socket.asked[3])(OK())
    jest.advanceTimersByTime(10_000)
    expect(socket.asked).toHaveLength(4)
    add(() => undefined)
    socket.emit('live_session:flash')
    present(socket.asked[4])(REFUSAL)
    close()
    present(socket.asked[5])(REFUSAL)
    jest.advanceTimersByTime(10_000)
    expect(socket.asked).toHaveLength(6)
  })

  it('are not requested by a tab in the background', () => {
    const { socket, add } = open()
    hide(true)
    add(() => undefined)
    socket.emit('live_session:flash')
    expect(socket.asked).toHaveLength(0)
    hide(false)
    expect(socket.asked).toHaveLength(1)
  })

  it('are requested only with a connection and a listener', () => {
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
    socket.emit('live_session:flash')
    expect(socket.asked).toHaveLength(1)
    const { live, close: closeOther } = bareInside()
    onFlash(live, () => undefined)()
    closeOther()
  })

  it('leave no listener and no timer after close()', () => {
    jest.useFakeTimers()
    const { socket, add, close } = open()
    add(() => undefined)
    present(socket.asked[0])(REFUSAL)
    close()
    expect([socket.eventNames(), jest.getTimerCount()]).toEqual([[], 0])
  })

  it('reach no listener after close(), and start no timer', () => {
    jest.useFakeTimers()
    const { socket, add, close } = open()
    const shown: unknown[] = []
    add((message) => shown.push(message))
    add(() => undefined)
    close()
    present(socket.asked[0])(OK('late'))
    present(socket.asked[1])(REFUSAL)
    expect([shown, jest.getTimerCount()]).toEqual([[], 0])
  })

  it('reach no further listener once a listener has closed the client', () => {
    const { socket, add, close } = open()
    const shown: unknown[] = []
    add((message) => {
      shown.push(message)
      close()
    })
    add((message) => shown.push(message))
    present(socket.asked[1])(OK('one', 'two'))
    expect(shown).toEqual(['one'])
  })

  it('are discarded when the visitor changes', () => {
    const { socket, add, visit } = open()
    const end = add(() => undefined)
    end()
    present(socket.asked.shift())(OK('Saved, Ann.'))
    visit()
    const shown: unknown[] = []
    add((message) => shown.push(message))
    present(socket.asked.shift())(OK('Welcome.'))
    expect(shown).toEqual(['Welcome.'])
  })
})
