import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import session from 'koa-session'
import { App } from '../support/app/app.js'
import { account, identify } from '../support/app/auth.js'
import { Gate } from '../support/app/gate.js'
import { signedInAs, startWithUsers, values } from '../support/app/users.js'

const SURVIVES =
  "koa-live-session: identify still names a user after live.revoke or live.erase, because the app's own session has not ended: expected " +
  'an end of each session that began before live.revokedAt(id), or sessions in live.sessionStore(), which end by themselves'

const about = ({ warnings }: { readonly warnings: readonly string[] }): readonly string[] =>
  warnings.filter((text) => !text.includes('a restart loses'))

describe("an app's own session that survives live.revoke", () => {
  it.each(['revoke', 'erase'] as const)('causes one warning: %s', async (end) => {
    const app = await startWithUsers()
    const visitors = [await signedInAs(app), await signedInAs(app)]
    await app.live[end]('ann')
    for (const visitor of visitors) for (const path of ['/', '/']) await values(visitor, path)
    expect(about(app)).toEqual([SURVIVES])
  })

  it('causes no warning if the session ends in live.sessionStore()', async () => {
    const app = await App.start({
      options: { identify } as never,
      before: (koa, live) => [session({ store: live.sessionStore() }, koa)],
      routes: account,
    })
    const visitor = await signedInAs(app)
    await app.live.revoke('ann')
    await values(visitor)
    expect(about(app)).toEqual([])
  })

  it('causes no warning at a later sign-in', async () => {
    const app = await startWithUsers()
    const visitor = await signedInAs(app)
    await visitor.fetch('/logout/leave')
    await app.live.revoke('ann')
    await visitor.fetch('/login/now?user=ann')
    await values(visitor)
    expect(about(app)).toEqual([])
  })

  it('causes no warning in a request that began before', async () => {
    const gate = new Gate()
    const held: Koa.Middleware = async (ctx, next) => {
      if (ctx.path === '/held') await gate.pass()
      return account(ctx, next)
    }
    const app = await startWithUsers({ routes: held })
    const visitor = await signedInAs(app)
    const answer = visitor.fetch('/held')
    await gate.entered
    await app.live.revoke('ann')
    gate.open()
    await answer
    expect(about(app)).toEqual([])
  })

  it('causes no warning in the browser that revoked the others', async () => {
    const app = await startWithUsers({
      routes: async (ctx, next) => {
        if (ctx.path === '/others') await app.live.revoke('ann', { except: ctx })
        return account(ctx, next)
      },
    })
    const visitor = await signedInAs(app)
    const former = app.visitor(visitor.cookie)
    await visitor.fetch('/others')
    await values(visitor)
    await values(former)
    expect(about(app)).toEqual([])
  })
})
