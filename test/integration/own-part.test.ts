import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { memoryStore } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'
import { Bus } from '../support/app/bus.js'
import { readCookie } from '../support/app/signed-cookie.js'
import { counterPart } from './counter.js'

interface Counting {
  countUp(): Promise<number>
  count(): Promise<number>
}

const countUp: Koa.Middleware = async (ctx) => {
  await ctx.liveSession.set('division', 3)
  ctx.body = await (ctx.liveSession as unknown as Counting).countUp()
}

async function start(store = memoryStore()): Promise<App> {
  return App.start({ features: [counterPart], options: { store }, routes: countUp })
}

describe('a custom feature', () => {
  it('adds members, an event and a cookie entry', async () => {
    const app = await start()
    const asked: Promise<number>[] = []
    app.io.on('connection', (socket) => asked.push((socket.liveSession as unknown as Counting).count()))
    const visitor = app.visitor()
    expect([await visitor.text('/'), await visitor.text('/')]).toEqual(['1', '2'])
    expect(readCookie(visitor.cookie)).toMatchObject({ count: 2 })
    const tab = await visitor.connect()
    expect(await Promise.all(asked)).toEqual([2])
    expect(await tab.io.emitWithAck('test:count')).toEqual({ ok: true, messages: [2] })
  })

  it('persists its values, and shares them with other nodes', async () => {
    const store = memoryStore()
    const [one, two] = [await start(store), await start(store)]
    const bus = new Bus()
    for (const app of [one, two]) bus.join(app.io)
    const visitor = one.visitor()
    await visitor.text('/')
    const there = await two.visitor(visitor.cookie).connect()
    expect(await there.io.emitWithAck('test:count')).toEqual({ ok: true, messages: [1] })
    await one.live.settled()
    expect(await (await start(store)).visitor(visitor.cookie).text('/')).toBe('2')
  })

  it('refuses malformed events', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.text('/')
    const tab = await visitor.connect()
    expect(await tab.io.emitWithAck('test:count', 1, 2)).toMatchObject({ code: 'malformed' })
  })
})
