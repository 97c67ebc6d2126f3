import { expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app.js'

it('takes the user\u2019s own cookie where a sibling subdomain has planted an attacker\u2019s good one ahead of it', async () => {
  const app = await App.start({
    options: { identify: () => 'ann' },
    routes: (ctx) => {
      ctx.body = String(ctx.liveSession.get('division'))
    },
  })
  const planted = cookieFor(app.live, { values: { division: 666 } })
  const own = cookieFor(app.live, { userId: 'ann', values: { division: 3 } })
  const answer = await fetch(app.url, { headers: { cookie: `${planted}; ${own}` } })
  expect(await answer.text()).toBe('3')
  expect((await app.live.user('ann')).get('division')).toBe(3)
})
