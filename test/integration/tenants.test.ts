import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App, type AppFields } from '../support/app/app.js'

const tenantOf = ({ path }: Koa.Context): string | undefined => /^\/t\/([a-z]+)/.exec(path)?.[1]

/** An app with a user per tenant's path. */
function start(): Promise<App<AppFields>> {
  return App.start({
    options: { identify: tenantOf },
    routes: (ctx) => {
      ctx.body = ctx.liveSession.embed()
    },
  })
}

const warned = ({ warnings }: App<AppFields>): readonly string[] => warnings.filter((one) => one.includes('in turn'))

describe('two users in two tabs of a browser', () => {
  it('warn once', async () => {
    const app = await start()
    const visitor = app.visitor()
    for (const path of ['/t/red', '/t/blue', '/t/red', '/t/blue', '/t/red']) await visitor.fetch(path)
    expect(warned(app)).toEqual([
      'koa-live-session: identify named two users in turn for one browser, whose values reset at each change: expected one ' +
        'user a browser. Two tenants in two tabs need a field with a value per tenant, or an origin each (docs/recipes.md#tenants)',
    ])
  })

  it.each([
    ['a third user', ['/t/red', '/t/blue', '/t/green']],
    ['sign-outs between', ['/t/red', '/', '/t/blue', '/', '/t/red']],
  ])('do not warn after %s', async (_, paths) => {
    const app = await start()
    const visitor = app.visitor()
    for (const path of paths) await visitor.fetch(path)
    expect(warned(app)).toEqual([])
  })

  it('do not warn after ten seconds, nor in two browsers', async () => {
    const app = await start()
    const visitors = [app.visitor(), app.visitor()]
    for (const visitor of visitors) for (const path of ['/t/red', '/t/blue']) await visitor.fetch(path)
    app.clock.advance(10_000)
    for (const visitor of visitors) await visitor.fetch('/t/red')
    expect(warned(app)).toEqual([])
  })
})
