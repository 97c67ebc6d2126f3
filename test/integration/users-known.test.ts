import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { SyncAnswer } from '../../shared/protocol.js'
import { pages } from '../support/auth.js'
import { startWithUsers } from '../support/users.js'

/** Answers with the user before and after what the path does. */
const routes: Koa.Middleware = async (ctx, next) => {
  if (ctx.path === '/page') return pages(ctx, next)
  const users = [ctx.liveSession.userId]
  if (ctx.path === '/in') {
    ctx['session'].user = 7
    await ctx.liveSession.identify()
  }
  if (ctx.path === '/out') {
    ctx['session'] = null
    await ctx.liveSession.leave()
  }
  ctx.body = JSON.stringify([...users, ctx.liveSession.userId ?? null])
}

describe('the user', () => {
  it('is known in a request, as text, and changes with identify and leave', async () => {
    const visitor = (await startWithUsers({ routes })).visitor()
    const ask = async (path: string) => JSON.parse(await visitor.text(path))
    expect([await ask('/'), await ask('/in'), await ask('/'), await ask('/out'), await ask('/')]).toEqual([
      [null, null],
      [null, '7'],
      ['7', '7'],
      ['7', null],
      [null, null],
    ])
  })

  it('is known on a socket, for as long as it lives', async () => {
    const app = await startWithUsers({ routes })
    const users: unknown[] = []
    app.io.on('connection', ({ liveSession }) => users.push(liveSession.userId))
    const visitor = app.visitor()
    await visitor.fetch('/page')
    const page = await visitor.connect()
    await visitor.fetch('/in')
    await page.closed
    await visitor.connect()
    expect(users).toEqual([undefined, '7'])
  })

  it('is in a snapshot, and in an answer that greets; in no other answer, and in no ticket', async () => {
    const app = await startWithUsers({ routes })
    const visitor = app.visitor()
    expect(await (await visitor.fetch('/page')).json()).toMatchObject({ guest: true })
    expect(await (await visitor.store()).json()).not.toHaveProperty('user')
    await visitor.fetch('/in')
    const snapshot = await (await visitor.fetch('/page')).json()
    expect([snapshot.user, snapshot.guest]).toEqual(['7', undefined])
    const posted: SyncAnswer = await (await visitor.store()).json()
    expect(posted.user).toBe('7')
    const page = await visitor.connect()
    expect((await page.greeted).user).toBe('7')
    expect(await page.sync({ who: posted.who })).not.toHaveProperty('user')
    expect(await (await visitor.store({ who: posted.who })).json()).not.toHaveProperty('user')
    await page.change('division', 3)
    expect(page.tickets.length).toBeGreaterThan(1)
    for (const { claims } of page.tickets) expect(Object.keys(claims)).not.toContain('user')
  })
})
