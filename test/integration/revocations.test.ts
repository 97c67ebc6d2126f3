import { expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { whoIn } from '../support/app/users.js'

const options = { identify: () => 'ann' } as never

it('a request may revoke its user and stay signed in', async () => {
  const routes: Koa.Middleware = async (ctx) => {
    if (ctx.path === '/password') {
      ctx.liveSession.get('division')
      await app.live.revoke('ann')
      await ctx.liveSession.identify()
      await ctx.liveSession.set('division', 7)
    }
    ctx.body = String(ctx.liveSession.get('division'))
  }
  const app = await App.start({ options, routes })
  const cookie = cookieFor(app.live, { userId: 'ann', values: { division: 3 } })
  const here = app.visitor(cookie)
  expect(await here.text('/password')).toBe('7')
  expect(here.cookie).not.toBe(cookie)
  const restarted = await App.start({ options, routes })
  expect(await restarted.visitor(here.cookie).text('/')).toBe('7')
})

it.each([true, false])('a POST that loads a revocation keeps its cookie (no `who`: %s)', async (asks) => {
  const fields = defineFields({ note: { schema: z.string(), default: '', client: 'write', cookie: false } })
  const shared = { fields, options: { identify: () => 'ann', store: memoryStore() } as never }
  const [here, there] = [await App.start(shared), await App.start(shared)]
  const visitor = here.visitor()
  await visitor.store({})
  const who = whoIn(visitor, 'ann')
  await visitor.store({ who, set: [['note', -1, '', 'x']] })
  await there.live.revoke('ann')
  const answer = await visitor.store(asks ? {} : { who })
  expect(await answer.json()).toMatchObject({ who, hasCookie: true, persisted: [['note', expect.any(Number)]] })
  expect(answer.headers.getSetCookie()).toEqual([])
  expect(await (await visitor.store({ who })).json()).toMatchObject({ otherVisitor: true })
})
