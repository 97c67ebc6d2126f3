import { describe, expect, it } from '@jest/globals'
import { followAddress, followHandOffs, onFlash } from 'koa-live-session/client'

describe('a part of a page', () => {
  const listener = (): void => undefined

  it.each([
    ['onFlash', (live: never) => onFlash(live, listener)],
    ['followAddress', followAddress],
    ['followHandOffs', followHandOffs],
  ])('%s says what it is to be given', (_, part: (live: never) => unknown) => {
    for (const live of [undefined, null, {}, { socket: {} }])
      expect(() => part(live as never)).toThrow(
        new TypeError('koa-live-session: expected a client of createLiveSession()'),
      )
  })
})
