import { describe, expect, it } from '@jest/globals'
import Router from '@koa/router'
import { onFlash } from 'koa-live-session/client'
import type { Socket } from 'socket.io'
import { App } from '../support/app.js'
import { runSnippet } from '../support/run-snippet.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'

const PAGE = 'docs/flash.md'

/** What the snippets of the guide export. */
interface Guide {
  addRoutes(router: Router): void
  serve(socket: Socket): void
  showNotices(live: unknown, output: object): () => void
}

describe(PAGE, () => {
  it('has routes, a handler and a page that show each message once', async () => {
    const guide = {
      ...runSnippet('flash.ts', PAGE, {}),
      ...runSnippet('notices.ts', PAGE, { onFlash }),
    } as unknown as Guide
    const { addRoutes, serve, showNotices } = guide
    const router = new Router()
    addRoutes(router)
    router.get('/page', (ctx) => {
      ctx.body = ctx['liveSession'].snapshot()
    })
    const app = await App.start({ routes: router.routes() as never })
    app.io.on('connection', serve)
    const visitor = app.visitor()
    expect((await visitor.fetch('/save', { method: 'POST' })).status).toBe(303)
    expect(await visitor.text('/')).toContain('<p role="status">Saved.</p>')
    expect(await visitor.text('/')).not.toContain('Saved.')

    const page = await visitor.open({ path: '/page' })
    await page.connected()
    const shown = new Promise((resolve) => {
      showNotices(page.live, Object.defineProperty({}, 'value', { set: resolve }))
    })
    page.socket?.emit('archive', '1')
    expect(await shown).toBe('Archived.')
    expect(await visitor.text('/')).not.toContain('Archived.')
  })

  itRunsSnippetsOf(PAGE)
})
