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
})
