import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { Gate } from '../support/app/gate.js'
import { whoIn } from '../support/app/users.js'

const options = { identify: () => 'ann' } as never

describe('a restarted process that learns of a revocation from a cookie', () => {
  /** An app that holds some requests, and a cookie that was issued after a revocation by its predecessor. */
  async function restart() {
    const gate = new Gate()
    const before = await App.start({ options })
    await before.live.revoke('ann')
    const cookie = cookieFor(before.live, { userId: 'ann', values: { division: 3 } })
    const slow: Koa.Middleware = async (ctx, next) => {
      if (ctx.get('x-slow') !== '') await gate.pass()
      await next()
    }
    const routes: Koa.Middleware = async (ctx) => {
      if (ctx.path === '/slow') await gate.pass()
      ctx.body = ctx.liveSession.embed()
    }
    return { app: await App.start({ options, routes, before: () => [slow] }), cookie, gate }
  }

  it('still gives a cookie to a request in flight', async () => {
    const { app, cookie, gate } = await restart()
    const slow = app.visitor().fetch('/slow')
    await gate.entered
    await app.visitor(cookie).text('/')
    gate.open()
    expect((await slow).headers.getSetCookie()).toHaveLength(2)
  })

  it('still accepts a handshake in flight with such a cookie', async () => {
    const { app, cookie, gate } = await restart()
    const handshake = app.visitor(cookie).connect('/', { 'x-slow': 'yes' })
    await gate.entered
    await app.visitor(cookie).text('/')
    gate.open()
    expect((await (await handshake).ticket()).claims.changes).toEqual([['division', expect.any(Number), 3]])
  })
})

it('a request may revoke its user and stay signed in, with a new cookie', async () => {
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

it.each([true, false])('a POST that reads of a revocation in the store keeps its cookie: asks %s', async (asks) => {
  const fields = defineFields({ note: { schema: z.string(), default: '', client: 'write', cookie: false } })
  const shared = { fields, options: { identify: () => 'ann', store: memoryStore() } as never }
  const [here, there] = [await App.start(shared), await App.start(shared)]
  const visitor = here.visitor()
  await visitor.store({})
  const who = whoIn(visitor, 'ann')
  await visitor.store({ who, set: [['note', -1, '', 'x']] })
  await there.live.revoke('ann')
  const answer = await visitor.store(asks ? {} : { who })
  expect(await answer.json()).toMatchObject({ who, kept: true, held: [['note', expect.any(Number)]] })
  expect(answer.headers.getSetCookie()).toEqual([])
  expect(await (await visitor.store({ who })).json()).toMatchObject({ dropped: true })
})
