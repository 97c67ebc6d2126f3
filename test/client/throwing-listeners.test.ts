import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { createLiveSession, type LiveSessionClient, onFlash } from 'koa-live-session/client'
import { GreetingSocket } from '../support/page/greeting-socket.js'

type Listen = (live: LiveSessionClient, listener: () => void) => () => void

const error = new Error('of the app')
let logged: jest.SpiedFunction<typeof console.error>
beforeEach(() => {
  logged = jest.spyOn(console, 'error').mockReturnValue()
  Object.assign(globalThis, { fetch: () => new Promise(() => undefined) })
})
afterEach(() => {
  jest.restoreAllMocks()
  localStorage.clear()
})

describe('a mistake of a listener', () => {
  it.each<[string, Listen]>([
    ['subscribe', (live, listener) => live.subscribe('division' as never, listener as never)],
    ['onChange', (live, listener) => live.onChange(listener)],
    ['onStatus', (live, listener) => live.onStatus(listener)],
    ['onVisitor', (live, listener) => live.onVisitor(listener)],
    ['onFlash', onFlash],
  ])('of %s is told to the console, and stops nothing else', (_, listen) => {
    const defaults = { division: 1 }
    const socket = new GreetingSocket('ann', { defaults })
    const live = createLiveSession({ socket: socket as never })
    const heard = new Set<string>()
    listen(live, () => {
      throw error
    })
    live.onChange(() => heard.add('onChange'))
    live.onStatus(() => heard.add('onStatus'))
    live.onVisitor(() => heard.add('onVisitor'))
    onFlash(live, () => heard.add('onFlash'))
    live.subscribe('division' as never, () => heard.add('subscribe'))
    socket.flash('Saved.')
    void live.set('division' as never, 2 as never)
    socket.comeBack('bob', { defaults })
    live.close()
    expect(heard).toEqual(new Set(['subscribe', 'onFlash', 'onChange', 'onStatus', 'onVisitor']))
    expect(new Set(logged.mock.calls.flat())).toEqual(new Set([error]))
  })
})
