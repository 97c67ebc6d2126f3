import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { LiveSessionClient } from 'koa-live-session/client'
import { Page } from '../support/page.js'
import { runSnippet } from '../support/run-snippet.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { serve } from '../support/serve.js'
import { SnippetFolder } from '../support/snippet-folder.js'

const PAGE = 'docs/consent.md'
const folder = SnippetFolder.of(PAGE)

describe(PAGE, () => {
  it('keeps a choice once the visitor agrees, and forgets it when they change their mind', async () => {
    const { app } = (await folder.import('server.ts')) as { app: Koa }
    const visitor = await serve(app)
    const page = await Page.open(visitor, { path: '/', hasSocket: false })
    await expect(page.live.set('theme', 'dark')).rejects.toMatchObject({ code: 'cookies_blocked' })
    expect([page.live.get('theme'), visitor.cookie]).toEqual(['dark', ''])
    expect(await visitor.text('/')).toContain('data-theme="light"')

    const document = {
      set cookie(line: string) {
        visitor.jar.setCookieSync(line, visitor.url)
      },
    }
    const { agree } = runSnippet('agree.ts', PAGE, { document }) as { agree(live: LiveSessionClient): Promise<void> }
    await agree(page.live as never)
    expect(page.live.status('theme').status).toBe('saved')
    page.close()
    expect(await visitor.text('/')).toContain('data-theme="dark"')

    await visitor.fetch('/withdraw', { method: 'POST' })
    expect(visitor.cookie).toBe('')
    expect(await visitor.text('/')).toContain('data-theme="light"')
  })

  itRunsSnippetsOf(PAGE)
})
