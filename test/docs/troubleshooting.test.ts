import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type { LiveSessionClient } from 'koa-live-session/client'
import { App } from '../support/app.js'
import { runSnippet } from '../support/run-snippet.js'
import { ends } from '../support/running-docs.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'

const PAGE = 'docs/troubleshooting.md'
afterEach(() => void jest.restoreAllMocks())

describe(PAGE, () => {
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

  itRunsSnippetsOf(PAGE, 'watch-page.ts')
})
