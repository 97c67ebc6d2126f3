import { expect, it } from '@jest/globals'
import { App } from '../support/app.js'

const MINUTE = 60 * 1000

it('keeps what only memory has of a visitor who was here a minute ago, when a stranger comes', async () => {
  const app = await App.start({
    options: { identify: (ctx) => ctx.get('x-user') },
    routes: async (ctx) => {
      if (ctx.path === '/set') await ctx.liveSession.setMany({ division: 1, secret: 'hush' })
      ctx.body = ctx.liveSession.get('secret')
    },
  })
  const ann = app.visitor()
  const as = (user: string) => ({ headers: { 'x-user': user } })
  await ann.fetch('/set', as('ann'))
  for (let minute = 0; minute < 130; minute += 1) {
    app.clock.advance(MINUTE)
    expect(await (await ann.fetch('/', as('ann'))).text()).toBe('hush')
  }
  await app.visitor().fetch('/set', as('bob'))
  expect(await (await ann.fetch('/', as('ann'))).text()).toBe('hush')
})
