import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { LiveSessionError } from 'koa-live-session'
import type { LiveSessionClient } from 'koa-live-session/client'
import { App } from '../support/app.js'
import { runSnippet } from '../support/run-snippet.js'
import { ends, socketOf, startDocs, visitorOf } from '../support/running-docs.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'

const PAGE = 'docs/troubleshooting.md'
afterEach(() => void jest.restoreAllMocks())

describe(PAGE, () => {
  it('has a route that says where each value is', async () => {
    const { look } = runSnippet('look.ts', PAGE, {}) as { look: Koa.Middleware }
    const app = await App.start({
      routes: (ctx) =>
        look(ctx, async () => {
          await ctx.liveSession.set('division', 3)
        }),
    })
    const visitor = app.visitor()
    await visitor.fetch('/')
    expect(await (await visitor.fetch('/look')).json()).toEqual({
      visitorId: expect.stringMatching(/^[\w-]{43}$/),
      url: app.url,
      values: {
        division: {
          value: 3,
          stamp: app.clock.now(),
          places: ['cache', 'cookie'],
          bytes: expect.any(Number),
          source: 'request',
        },
      },
    })
  })

  it('has a watch that says how far a change has got', async () => {
    const log = jest.spyOn(console, 'log').mockImplementation(() => undefined)
    const { watchPage } = runSnippet('watch-page.ts', PAGE, {}) as {
      watchPage(live: Pick<LiveSessionClient, 'status' | 'onStatus'>): () => void
    }
    const app = await App.start({ routes: (ctx) => Object.assign(ctx, { body: ctx.liveSession.snapshot() }) })
    const { live } = await app.visitor().open({ path: '/', hasSocket: false })
    ends.push(watchPage(live as never))
    await live.set('division', 3)
    expect(log.mock.calls).toEqual([
      ['all', { status: 'default' }],
      ['division', 'saving', ''],
      ['division', 'saved', ''],
    ])
  })

  it('has a route that answers a refusal', async () => {
    const { choose } = runSnippet('refusals.ts', PAGE, { LiveSessionError }) as { choose: Koa.Middleware }
    const visitor = (await App.start({ routes: choose })).visitor()
    const answers = await Promise.all(['3', 'x'].map((division) => visitor.fetch(`/?division=${division}`)))
    expect(answers.map(({ status }) => status)).toEqual([200, 400])
    expect(await answers[1]?.text()).toBe('There is no such division.')
  })

  it('has a server in order, whose sockets know who is signed in', async () => {
    const visitor = visitorOf(await startDocs(PAGE, 'in-order.ts'))
    const greeting = (): Promise<unknown> => new Promise((resolve) => void socketOf(visitor).once('hello', resolve))
    await visitor.fetch('/')
    expect(await greeting()).toBe('guest')
    expect(await visitor.text('/sign-in')).toContain('<output>-1</output>')
    expect(await greeting()).toBe('ann')
  })

  itRunsSnippetsOf(PAGE)
})
