import { afterEach, expect, it } from '@jest/globals'
import type { HTTPResponse } from 'puppeteer-core'
import { bundledSnippet } from '../support/docs/bundled-snippet.js'
import { DocsServer } from '../support/docs/docs-server.js'
import { snippet } from '../support/docs/readme.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click, htmlOf, named, shows } from '../support/page/on-page.js'

let server: DocsServer
afterEach(() => server.remove())

/** Starts the README's app with either of its two scripts. */
async function start(script: string, handlers: string): Promise<DocsServer> {
  const others = {
    'fields.ts': snippet('fields.ts'),
    'page.js': await bundledSnippet(script, 'README.md'),
  }
  server = await DocsServer.start('README.md', 'server.ts', { others, change: (text) => text + handlers })
  return server
}

describeInBrowser('the README', () => {
  it.each([
    ['hook.ts', snippet('handlers.ts')],
    ['page.ts', ''],
  ])('has a page whose two tabs survive a kill of the server: %s', async (script, handlers) => {
    const { url } = await start(script, handlers)
    const person = await openBrowser()
    const [one, two] = [await person.open(url), await person.open(url)]
    // Either tab may POST.
    const hasTicket = (answer: HTTPResponse): boolean => /"tickets":\["/.test(answer.request().postData() ?? '')
    const stored = Promise.race([one.waitForResponse(hasTicket), two.waitForResponse(hasTicket)])
    await click(one, named('button', 'next'))
    await shows(two, 'output', '0')
    expect((await stored).status()).toBe(200)
    await server.kill()
    await server.start()
    expect(await htmlOf(two)).toContain('<output>0</output>')
    await two.reload()
    await click(two, named('button', 'next'))
    await shows(one, 'output', '1')
  })
})
