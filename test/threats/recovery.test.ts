import { describe, expect, it } from '@jest/globals'
import type { ServerOptions } from 'socket.io'
import { App } from '../support/app/app.js'

type Recovery = NonNullable<ServerOptions['connectionStateRecovery']>

describe('threats 20 and 39: connection state recovery', () => {
  it.each<readonly [string, Recovery]>([
    ['with defaults', {}],
    ['even if middleware runs again', { skipMiddlewares: false }],
  ])('is rejected by attach(), %s', async (_, connectionStateRecovery) => {
    const app = await App.start({ isAttached: false, io: { connectionStateRecovery } })
    expect(() => app.live.attach(app.io)).toThrow(
      new TypeError(
        'koa-live-session: attach(io): connectionStateRecovery gives a socket its former rooms, data and missed events ' +
          'before its visitor is known, even after a sign-out. Leave it out: at each reconnect every value arrives by itself, ' +
          "and io.on('connection') can send the rest",
      ),
    )
  })
})
