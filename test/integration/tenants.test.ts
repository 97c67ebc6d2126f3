import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { LiveSessionClient } from 'koa-live-session/client'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App, type AppFields } from '../support/app/app.js'

const tenantOf = ({ path }: Koa.Context): string | undefined => /^\/t\/([a-z]+)/.exec(path)?.[1]

/** An app that names another user for each tenant's path. */
function start(): Promise<App<AppFields>> {
  return App.start({
    options: { identify: tenantOf },
    routes: (ctx) => {
      ctx.body = ctx.liveSession.embed()
    },
  })
}

const warned = ({ warnings }: App<AppFields>): readonly string[] => warnings.filter((one) => one.includes('in turn'))

describe('a browser with two tabs of two users', () => {
  it('makes the server warn once', async () => {
    const app = await start()
    const visitor = app.visitor()
    for (const path of ['/t/red', '/t/blue', '/t/red', '/t/blue', '/t/red']) await visitor.fetch(path)
    expect(warned(app)).toEqual([
      'koa-live-session: identify named two users in turn for one browser, whose values reset at each change: expected one ' +
        'user a browser. Two tenants in two tabs need a field with a value per tenant, or an origin each (docs/recipes.md#tenants)',
    ])
  })

  it.each<[string, (app: App<AppFields>) => Promise<void>]>([
    [
      'a third user',
      async (app) => {
        const visitor = app.visitor()
        for (const path of ['/t/red', '/t/blue', '/t/green']) await visitor.fetch(path)
      },
    ],
    [
      'a sign-out between them',
      async (app) => {
        const visitor = app.visitor()
        for (const path of ['/t/red', '/', '/t/blue', '/', '/t/red']) await visitor.fetch(path)
      },
    ],
    [
      'a return ten seconds later',
      async (app) => {
        const visitor = app.visitor()
        for (const path of ['/t/red', '/t/blue']) await visitor.fetch(path)
        app.clock.advance(10_000)
        await visitor.fetch('/t/red')
      },
    ],
    [
      'two browsers',
      async (app) => {
        for (const visitor of [app.visitor(), app.visitor()])
          for (const path of ['/t/red', '/t/blue']) await visitor.fetch(path)
      },
    ],
  ])('makes it warn of nothing: %s', async (_, visit) => {
    const app = await start()
    await visit(app)
    expect(warned(app)).toEqual([])
  })
})

describe('one user with a field that has a value per tenant', () => {
  it('keeps each tenant’s value', async () => {
    const fields = defineFields({
      filters: { schema: z.record(z.string(), z.string()), default: {}, client: 'write' },
    })
    const app = await App.start<typeof fields>({
      fields,
      options: { identify: () => 'ann' } as never,
      routes: async (ctx) => {
        ctx.body = ctx.liveSession.snapshot()
      },
    })
    const visitor = app.visitor()
    await visitor.store()
    const open = async (tenant: string): Promise<() => Promise<void>> => {
      const page = await visitor.open({ path: `/t/${tenant}`, hasSocket: true })
      await page.connected()
      const live = page.live as unknown as LiveSessionClient<typeof fields>
      return () => live.update('filters', (filters) => ({ ...filters, [tenant]: `of ${tenant}` }))
    }
    const tabs = [await open('red'), await open('blue')]
    await Promise.all(tabs.map((choose) => choose()))
    const { values } = (await (await visitor.fetch('/t/red')).json()) as { readonly values: object }
    expect(values).toEqual({ filters: { red: 'of red', blue: 'of blue' } })
  })
})
