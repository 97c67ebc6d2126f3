import { describe, expect, it } from '@jest/globals'
import { cookieFor, testClock } from 'koa-live-session/testing'
import { App } from '../support/app.js'

describe('cookieFor', () => {
  it('makes a cookie that is read also where the clock has fractions', async () => {
    const clock = testClock(Date.now() + 0.5)
    const app = await App.start({
      clock,
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 3 } }))
    expect(await visitor.text('/')).toBe('3')
  })
  it('says of a field that is not in the cookie where its value goes', async () => {
    const app = await App.start()
    const make = (): string => cookieFor(app.live, { values: { secret: 'x' } as never })
    expect(make).toThrow(TypeError)
    expect(make).toThrow(
      'koa-live-session: cookieFor: "secret" is not in the cookie. For a value in memory or in the store use live.user(id)',
    )
  })
})
