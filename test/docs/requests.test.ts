import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { LiveSessionPlugin } from 'koa-live-session'
import { App } from '../support/app.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { serve } from '../support/serve.js'
import { SnippetFolder } from '../support/snippet-folder.js'

/** What the snippets of the page export. */
interface Guide {
  readonly app: Koa
  readonly live: LiveSessionPlugin
  calls(ctx: Koa.Context): Promise<void>
  givePlan(id: string, plan: string): Promise<void>
}

const PAGE = 'docs/requests.md'
const folder = SnippetFolder.of(PAGE)

describe(PAGE, () => {
  it('has a cart that a form fills', async () => {
    const { app } = (await folder.import('server.ts')) as Guide
    const visitor = await serve(app)
    expect(await visitor.text('/')).toContain('0 in your cart')
    const answer = await visitor.fetch('/add', { method: 'POST' })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/'])
    await visitor.fetch('/add', { method: 'POST' })
    expect(await visitor.text('/')).toContain('2 in your cart')
    expect(folder.warnings).toEqual([expect.stringContaining('fields risk: not in the cookie, and there is no store')])
  })

  it('has calls that do what it says', async () => {
    const { calls } = (await folder.import('calls.ts')) as Guide
    const app = await App.start({
      routes: async (ctx) => {
        await calls(ctx as never)
        ctx.body = [ctx.liveSession.has('division'), ctx.liveSession.get('cart')]
      },
    })
    expect(await app.visitor().text('/')).toBe('[false,["tea","milk"]]')
    expect(app.errors).toEqual([])
  })

  it('has a job that sets what a user’s pages may only read', async () => {
    const { givePlan, live } = {
      ...((await folder.import('job.ts')) as object),
      ...((await folder.import('server.ts')) as object),
    } as Guide
    await givePlan('ann', 'gold')
    const ann = await live.user('ann')
    expect([ann.get('plan' as never), ann.loaded]).toEqual(['gold', true])
  })

  itRunsSnippetsOf(PAGE)
})
