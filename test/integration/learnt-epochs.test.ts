import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app.js'
import { Gate } from '../support/gate.js'
import { whoIn } from '../support/users.js'

/** A user with a cookie of after a revocation, and a process that knows of none: it has begun since. */
async function restarted(gate: Gate) {
  const identify = (): string => 'ann'
  const routes: Koa.Middleware = async (ctx) => {
    if (ctx.path === '/slow') await gate.pass()
    ctx.body = ctx.liveSession.embed()
  }
  const before = await App.start({ options: { identify } as never })
  await before.live.revoke('ann')
  const cookie = cookieFor(before.live, { userId: 'ann', values: { division: 3 } })
  const app = await App.start({
    options: { identify } as never,
    routes,
    before: () => [
      async (ctx, next) => {
        if (ctx.get('x-slow') !== '') await gate.pass()
        await next()
      },
    ],
  })
  return { app, cookie }
}

describe('an epoch that a cookie tells a process which has just begun', () => {
  it('keeps no cookie from another device of the user whose request is under way', async () => {
    const gate = new Gate()
    const { app, cookie } = await restarted(gate)
    const other = app.visitor()
    const slow = other.fetch('/slow')
    await gate.entered
    await app.visitor(cookie).text('/')
    gate.open()
    expect((await slow).headers.getSetCookie()).toHaveLength(2)
  })

  it('ends no handshake of another device that brings a cookie of that very epoch', async () => {
    const gate = new Gate()
    const { app, cookie } = await restarted(gate)
    const handshake = app.visitor(cookie).connect('/', { 'x-slow': 'yes' })
    await gate.entered
    await app.visitor(cookie).text('/')
    gate.open()
    expect((await (await handshake).ticket()).claims.changes).toEqual([['division', expect.any(Number), 3]])
  })
})

describe('a user who signs out everywhere and stays signed in here', () => {
  it('has a cookie of the new epoch, with what is set afterwards', async () => {
    const routes: Koa.Middleware = async (ctx) => {
      if (ctx.path === '/password') {
        ctx.liveSession.get('division')
        await app.live.revoke('ann')
        await ctx.liveSession.identify()
        await ctx.liveSession.set('division', 7)
      }
      ctx.body = String(ctx.liveSession.get('division'))
    }
    const options = { identify: () => 'ann' } as never
    const app = await App.start({ options, routes })
    const cookie = cookieFor(app.live, { userId: 'ann', values: { division: 3 } })
    const here = app.visitor(cookie)
    expect(await here.text('/password')).toBe('7')
    expect(here.cookie).not.toBe(cookie)
    const restarted = await App.start({ options, routes })
    expect(await restarted.visitor(here.cookie).text('/')).toBe('7')
  })
})

describe('a revocation at another node that only the store tells of, while a POST is under way', () => {
  const fields = defineFields({ note: { schema: z.string(), default: '', client: 'write', cookie: false } })

  it.each(['question', 'word of its page'])('answers a %s as of the cookie that it came with', async (kind) => {
    const store = memoryStore()
    const options = { identify: () => 'ann', store } as never
    const [here, there] = [await App.start({ fields, options }), await App.start({ fields, options })]
    const visitor = here.visitor()
    await visitor.store({})
    const who = whoIn(visitor, 'ann')
    await visitor.store({ who, set: [['note', -1, '', 'x']] })
    await there.live.revoke('ann')
    const answer = await visitor.store(kind === 'question' ? {} : { who })
    expect(await answer.json()).toMatchObject({ who, kept: true, held: [['note', expect.any(Number)]] })
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(await (await visitor.store({ who })).json()).toMatchObject({ dropped: true })
  })
})
