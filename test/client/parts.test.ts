import { EventEmitter } from 'node:events'
import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import { missForgotten } from '../../client/development/live-session.js'
import { followAddress, followHandOffs, onFlash } from '../../client/development.js'
import type { AnySnapshot } from '../../shared/protocol.js'
import { bareInside } from '../support/page/bare-part.js'

describe('a part of the client', () => {
  const listener = (): void => undefined

  it.each([
    ['onFlash', (live: never) => onFlash(live, listener)],
    ['followAddress', followAddress],
    ['followHandOffs', followHandOffs],
  ])('%s explains its argument', (_, part: (live: never) => unknown) => {
    for (const live of [undefined, null, {}, { socket: {} }])
      expect(() => part(live as never)).toThrow(
        new TypeError('koa-live-session: expected a client of createLiveSession()'),
      )
  })
})

describe('a page in development', () => {
  const initial: AnySnapshot = { values: { division: 1, note: '' }, defaults: {}, stamps: {}, urls: { division: 'd' } }

  const warnings: unknown[] = []

  beforeEach(() => {
    warnings.length = 0
    jest.spyOn(console, 'warn').mockImplementation((text) => void warnings.push(text))
  })

  /** A development page; the server sends everything for the parts, twice. */
  function page(prepare: (live: Parameters<typeof followAddress>[0]) => void = () => undefined): readonly unknown[] {
    const socket = Object.assign(new EventEmitter(), { connected: false })
    const { live, change, close } = bareInside({ socket: socket as never, initial })
    missForgotten(live)
    prepare(live)
    const come = (): void => {
      socket.emit('live_session:flash')
      socket.emit('live_session:hand_off', 'a.b')
      change('note')
      change('division')
    }
    come()
    come()
    close()
    expect(socket.eventNames()).toEqual(prepare.length > 0 ? ['disconnect'] : [])
    return warnings
  }

  it('warns once of each missing part', () => {
    const of = (part: string): string => `import { ${part} } from 'koa-live-session/client'`
    expect(page()).toEqual([
      `koa-live-session: a flash message waits for a page that shows it. Call onFlash(live, listener): ${of('onFlash')}`,
      `koa-live-session: a hand-off is not followed. Call followHandOffs(live): ${of('followHandOffs')}`,
      `koa-live-session: the address does not follow "division". Call followAddress(live): ${of('followAddress')}`,
    ])
  })

  it('warns of no part in use', () => {
    jest.spyOn(HTMLFormElement.prototype, 'submit').mockImplementation(() => undefined)
    const prepare = (live: Parameters<typeof followAddress>[0]): void => {
      onFlash(live, () => undefined)
      followAddress(live)
      followHandOffs(live)
    }
    expect(page(prepare)).toEqual([])
  })

  it('warns of nothing without a socket and embed()', () => {
    const { live, change } = bareInside()
    missForgotten(live)
    change('division')
    expect(warnings).toEqual([])
  })
})
