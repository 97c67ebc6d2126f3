import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import type { SyncResult } from '../../shared/protocol.js'
import { App } from '../support/app.js'
import { values } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

/** What the endpoint says to changes, each `[key, over, value]`. */
async function set(
  visitor: Visitor,
  ...changes: readonly (readonly [string, number, unknown])[]
): Promise<readonly SyncResult[]> {
  const answer = await visitor.store({ set: changes.map(([key, over, value]) => [key, over, '', value]) })
  return (await answer.json()).results
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
    expect(await set(visitor, ['division', known, 4])).toMatchObject([{ stamp: app.clock.now() }])
    expect(await values(visitor)).toMatchObject({ division: 4 })
  })

  it('is applied over the very value that its page knew', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    await set(visitor, ['division', -1, 4])
    const stamp = app.clock.now()
    expect(await set(visitor, ['division', stamp, 5])).toMatchObject([{ stamp: stamp + 1 }])
    expect(await values(visitor)).toMatchObject({ division: 5 })
  })

  it('is confirmed under the stamp that it got, where it had arrived', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const first = await set(visitor, ['division', -1, 4], ['cart', -1, ['a']])
    app.clock.advance(1000)
    const again = await set(visitor, ['division', 0, 4], ['cart', 0, ['a']])
    expect(again).toEqual(first)
  })

  it('is judged by itself: one is confirmed, one refused, and one taken', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    await set(visitor, ['division', -1, 4], ['cart', -1, ['a']])
    const stamp = app.clock.now()
    app.clock.advance(1000)
    const again = await set(visitor, ['division', 0, 4], ['cart', 0, ['b']], ['theme', 0, 'dark'])
    const level = 'memory'
    expect(again).toEqual([
      { stamp, level },
      { code: 'superseded', stamp, value: ['a'] },
      { stamp: app.clock.now(), level },
    ])
  })
})
