import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app.js'
import { values } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

/** What the endpoint says to changes, each `[key, seen, value]`. */
async function set(visitor: Visitor, ...changes: unknown[]): Promise<Record<string, unknown>> {
  return (await visitor.store({ set: changes })).json()
}

const start = (): Promise<App> =>
  App.start({
    routes: (ctx) => {
      const { liveSession } = ctx
      ctx.body = { division: liveSession.get('division'), cart: liveSession.get('cart') }
    },
  })

describe('a change that is sent again', () => {
  it('is applied where it had not arrived, also where nothing is known of who sends it', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const known = app.clock.now() - 1000
    expect(await set(visitor, ['division', known, 4])).toMatchObject({ stamp: app.clock.now() })
    expect(await values(visitor)).toMatchObject({ division: 4 })
  })

  it('is applied over the very value that its page knew', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const { stamp } = await set(visitor, ['division', -1, 4])
    expect(await set(visitor, ['division', stamp, 5])).toMatchObject({ stamp: Number(stamp) + 1 })
    expect(await values(visitor)).toMatchObject({ division: 5 })
  })

  it('is confirmed under the stamp that it got, where it had arrived', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const first = await set(visitor, ['division', -1, 4], ['cart', -1, ['a']])
    app.clock.advance(1000)
    const again = await set(visitor, ['division', 0, 4], ['cart', 0, ['a']])
    expect(again).toMatchObject({ stamp: first['stamp'] })
  })

  it('is not confirmed under the stamp of one of its keys where they were set apart: all get one', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    await set(visitor, ['division', -1, 4])
    app.clock.advance(1000)
    await set(visitor, ['cart', -1, ['a']])
    app.clock.advance(1000)
    const again = await set(visitor, ['division', 0, 4], ['cart', 0, ['a']])
    expect(again).toMatchObject({ stamp: app.clock.now() })
    const { held } = await (await visitor.store()).json()
    expect(held).toEqual([
      ['division', app.clock.now()],
      ['cart', app.clock.now()],
    ])
  })
})
