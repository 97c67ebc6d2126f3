import { EventEmitter } from 'node:events'
import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import { createLiveSession, type LiveSessionClient } from 'koa-live-session/client'
import { defineFields } from 'koa-live-session/fields'
import { storeSession } from 'koa-live-session/hook'
import { z } from 'zod'
import { warnOfForgotten } from '../../client/development/checked-client.js'
import { FULL_TEXTS as FULL } from '../../client/development/error-texts.js'
import { followAddress, followHandOffs, onFlash, onSessionEnd } from '../../client/development/index.js'
import { type ErrorTextCode, SHORT_TEXTS } from '../../client/error.js'
import { createLiveSession as createBrief } from '../../client/index.js'
import type { AnyClient } from '../../client/types.js'
import type { AnySnapshot } from '../../shared/protocol.js'
import { bareInside } from '../support/page/bare-part.js'

const fields = defineFields({ division: { schema: z.number(), default: 1, client: 'write' } })

const warnings: unknown[] = []
beforeEach(() => {
  warnings.length = 0
  jest.spyOn(console, 'warn').mockImplementation((text) => void warnings.push(text))
})

describe('the error text of a mistake', () => {
  it.each<[ErrorTextCode, string]>([
    [
      'not_writable',
      "koa-live-session: division: not_writable: expected a field with client: 'write'. node_modules/koa-live-session/docs/troubleshooting.md#not_writable",
    ],
    ['closed', 'koa-live-session: division: closed. node_modules/koa-live-session/docs/troubleshooting.md#closed'],
  ])('explains %s in development', (code, text) => {
    expect(FULL.text(code, 'division')).toBe(text)
  })

  it.each<ErrorTextCode>(['not_writable', 'before_ready', 'impure_update'])(
    'is a code and a link in production: %s',
    (code) => {
      expect(SHORT_TEXTS.text(code)).toBe(`koa-live-session: ${code}, docs/troubleshooting.md#${code}`)
    },
  )

  it('is brief in errors of the production client', () => {
    const { settable, text } = SHORT_TEXTS
    const initial = { values: {}, defaults: {}, stamps: {} }
    expect(() => createBrief<never>({ initial: initial as never }).get('x' as never)).not.toThrow()
    expect(() => createBrief<never>().get('x' as never)).toThrow(new TypeError(text('before_ready')))
    expect(() => settable('at', new Date())).toThrow(text('invalid_value'))
  })
})

describe('a non-JSON value', () => {
  it('is refused with path and remedy in development', () => {
    expect(() => FULL.settable('at', { since: [new Date()] })).toThrow(
      'set("at"): expected a JSON value, received a Date at $.since[0]. Store value.toISOString() and declare a string.',
    )
  })

  it('is refused with the same code in production', () => {
    const refuse = (): unknown => SHORT_TEXTS.settable('at', { since: [new Date()] })
    expect(refuse).toThrow(expect.objectContaining({ name: 'LiveSessionError', code: 'invalid_value', key: 'at' }))
    expect(SHORT_TEXTS.settable('at', { since: ['now'] })).toEqual({ since: ['now'] })
  })

  it.each<[string, (live: LiveSessionClient<typeof fields>) => Promise<void>]>([
    ['set', (live) => live.set('division', Promise.resolve(3) as never)],
    ['setMany', (live) => live.setMany({ division: Promise.reject(new Error('no')) as never })],
    ['update', (live) => live.update('division', (async (now: number) => now + 1) as never)],
  ])('is refused if %s() gets a promise', async (call, act) => {
    const errors = jest.spyOn(console, 'error').mockReturnValue()
    const initial = { values: {}, defaults: { division: 1 }, stamps: {} }
    const live = createLiveSession<typeof fields>({ initial: initial as never })
    await expect(act(live)).rejects.toMatchObject({
      name: 'LiveSessionError',
      code: 'invalid_value',
      key: 'division',
      message: `koa-live-session: ${call}("division"): expected a value, received a promise. Await it first, and pass what it resolves to.`,
    })
    expect(live.get('division')).toBe(1)
    expect(errors).toHaveBeenCalledTimes(1)
    errors.mockRestore()
    live.close()
  })
})

describe('a call without a callback', () => {
  const initial = { values: {}, defaults: { division: 1 }, stamps: {} }
  const open = (): LiveSessionClient<typeof fields> => createLiveSession({ initial: initial as never })

  it('update() rejects with an explanation', async () => {
    const errors = jest.spyOn(console, 'error').mockReturnValue()
    const live = open()
    const error = new TypeError(
      'koa-live-session: update("division"): expected a function of the current value, received number. ' +
        'To replace the value use set',
    )
    await expect(live.update('division', 3 as never)).rejects.toEqual(error)
    expect(errors.mock.calls).toEqual([[error]])
    expect(live.get('division')).toBe(1)
    errors.mockRestore()
    live.close()
  })

  it('set() with an object names setMany', async () => {
    const errors = jest.spyOn(console, 'error').mockReturnValue()
    const live = open()
    const set = live.set as (...given: readonly unknown[]) => Promise<void>
    const error = new TypeError(
      'koa-live-session: set(key, value): expected a string as key, received object. To set several values use setMany(values)',
    )
    await expect(set({ division: 3 })).rejects.toEqual(error)
    expect(errors.mock.calls).toEqual([[error]])
    expect(live.get('division')).toBe(1)
    live.close()
  })

  it('subscribe() throws an explanation', () => {
    const live = open()
    const [subscribe, shown] = [live.subscribe as (...given: readonly unknown[]) => unknown, jest.fn()]
    const message =
      'koa-live-session: subscribe(key, listener): expected a function as listener, received undefined. ' +
      'For changes of all keys use onChange(listener)'
    for (const given of [['division'], [shown]]) expect(() => subscribe(...given)).toThrow(new TypeError(message))
    live.subscribe('division', shown)
    expect(shown.mock.calls).toEqual([[1]])
    live.close()
  })

  it.each([
    ['onChange', '. For changes of one key use subscribe(key, listener)'],
    ['onStatus', ', which gets each key with its status'],
    ['onVisitor', ''],
  ] as const)('%s() throws an explanation', (method, remedy) => {
    const live = open()
    const listen = live[method] as (...given: readonly unknown[]) => () => void
    const message = `koa-live-session: ${method}(listener): expected a function as listener, received string${remedy}`
    expect(() => listen('division', jest.fn())).toThrow(new TypeError(message))
    const heard = jest.fn()
    const unsubscribe = listen(heard)
    void live.set('division', 2)
    expect(heard.mock.calls.length > 0).toBe(method !== 'onVisitor')
    unsubscribe()
    live.close()
  })

  it('onFlash() throws an explanation', () => {
    const { live } = bareInside({ socket: new EventEmitter() as never })
    expect(() => onFlash(live, undefined as never)).toThrow(
      new TypeError('koa-live-session: onFlash(live, listener): expected a function as listener, received undefined'),
    )
  })
})

describe('the option socket', () => {
  it.each([
    ['a function', () => undefined, 'function'],
    ['a URL', 'http://localhost', 'string'],
  ])('is refused with an explanation if it is %s', (_, socket, received) => {
    const message = `createLiveSession: socket: expected a socket, received ${received}. Pass io(), not io`
    expect(() => createLiveSession({ socket: socket as never })).toThrow(message)
  })
})

describe('storeSession()', () => {
  it.each([
    ['options', { socket: new EventEmitter() }, 'object'],
    ['a function', () => undefined, 'function'],
    ['nothing', undefined, 'undefined'],
  ])('throws an explanation for %s', (_, socket, received) => {
    const message = `koa-live-session: storeSession(socket): expected a socket, received ${received}. Pass storeSession(io())`
    expect(() => storeSession(socket as never)).toThrow(new TypeError(message))
  })
})

describe('a part of the client', () => {
  const listener = (): void => undefined

  it.each<[string, (live: AnyClient) => unknown, string]>([
    ['onFlash', (live) => onFlash(live, listener), 'a socket. Pass createLiveSession({ socket: io() })'],
    ['followHandOffs', followHandOffs, 'a socket. Pass createLiveSession({ socket: io() })'],
    [
      'followAddress',
      followAddress,
      'a snapshot. Put ctx.liveSession.embed() into the page, or pass its snapshot() as',
    ],
  ])('warns once if it has no effect: %s', (name, part, missing) => {
    const { live } = bareInside()
    for (let i = 0; i < 2; i += 1) part(live)
    expect(warnings).toEqual([expect.stringContaining(`${name}(live): it has no effect without ${missing}`)])
  })

  it.each([
    ['onFlash', (live: never) => onFlash(live, listener)],
    ['onSessionEnd', (live: never) => onSessionEnd(live, listener)],
    ['followAddress', followAddress],
    ['followHandOffs', followHandOffs],
  ])('throws a TypeError without a client: %s', (_, part: (live: never) => unknown) => {
    for (const live of [undefined, null, {}, { socket: {} }])
      expect(() => part(live as never)).toThrow(
        new TypeError('koa-live-session: expected a client of createLiveSession()'),
      )
  })
})

describe('onSessionEnd', () => {
  it.each<[readonly unknown[], string]>([
    [[], 'onSessionEnd(live, listener): expected a function as listener, received undefined'],
    [
      [() => undefined, { before: -1 }],
      'onSessionEnd: before: expected ms, more than 0 and at most 100 years, received -1',
    ],
  ])('throws a TypeError for %j', (given, message) => {
    expect(() => onSessionEnd(bareInside().live, ...(given as [never]))).toThrow(
      new TypeError(`koa-live-session: ${message}`),
    )
  })
})

describe('a page in development', () => {
  const initial: AnySnapshot = { values: { division: 1, note: '' }, defaults: {}, stamps: {}, urls: { division: 'd' } }

  /** Returns the warnings of a development page that twice gets a flash message, a hand-off and changes. */
  function page(prepare: (live: Parameters<typeof followAddress>[0]) => void = () => undefined): readonly unknown[] {
    const socket = Object.assign(new EventEmitter(), { connected: false })
    const { live, change, close } = bareInside({ socket: socket as never, initial })
    warnOfForgotten(live)
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
    expect(socket.eventNames()).toEqual([])
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

  it.each([
    ['/sign-in', []],
    ['/costs?d=1', [expect.stringContaining('the address does not follow "division"')]],
  ])('warns of a change made elsewhere only if the address has it: %s', (address, expected) => {
    history.replaceState(null, '', address)
    const { live, change, close } = bareInside({ initial })
    warnOfForgotten(live)
    change('division', 'ticket')
    close()
    history.replaceState(null, '', '/')
    expect(warnings).toEqual(expected)
  })

  it('does not warn of parts in use', () => {
    jest.spyOn(HTMLFormElement.prototype, 'submit').mockImplementation(() => undefined)
    const prepare = (live: Parameters<typeof followAddress>[0]): void => {
      onFlash(live, () => undefined)
      followAddress(live)
      followHandOffs(live)
    }
    expect(page(prepare)).toEqual([])
  })

  it('does not warn if it has neither a socket nor embed()', () => {
    const { live, change } = bareInside()
    warnOfForgotten(live)
    change('division')
    expect(warnings).toEqual([])
  })
})
