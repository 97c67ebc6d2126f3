import { afterEach, expect, it } from '@jest/globals'
import type { Locator, Page } from 'playwright-core'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { bundledSnippet } from '../support/bundled-snippet.js'
import { DocsServer } from '../support/docs-server.js'
import { Gate } from '../support/gate.js'
import { snippet } from '../support/readme.js'
import { within } from '../support/within.js'

/** An app of the guides that has a select: its server, the script of its page, and what is chosen, one after the other. */
interface Guide {
  readonly page: string
  readonly server: string
  readonly script: string
  readonly others: readonly string[]
  readonly choices: readonly [first: string, second: string]
}

const GUIDES: readonly Guide[] = [
  {
    page: 'docs/getting-started.md',
    server: 'server.ts',
    script: 'browser.ts',
    others: ['fields.ts'],
    choices: ['south', 'north'],
  },
  {
    page: 'docs/rendering.md',
    server: 'server.ts',
    script: 'browser.ts',
    others: ['fields.ts'],
    choices: ['0', '1'],
  },
]

let server: DocsServer | undefined
afterEach(() => server?.remove())

async function start({ page, server: file, script, others }: Guide): Promise<string> {
  const texts = await Promise.all(others.map(async (name) => [name, snippet(name, page)] as const))
  const code = await bundledSnippet(script, page)
  server = await DocsServer.start(page, file, {
    others: { ...Object.fromEntries(texts), 'browser.js': code, 'page.js': code },
  })
  return server.url
}

/** Chooses in a page, and resolves when the browser's cookie has it: a POST has brought it. */
async function choose(page: Page, choice: string): Promise<void> {
  const stored = page.waitForResponse((answer) => answer.url().endsWith('/store_session') && answer.ok())
  await page.locator('select').selectOption(choice)
  await (await stored).finished()
}

const isEnabled = (control: Locator): Promise<boolean> =>
  within(
    () => control.isEnabled(),
    (is) => is,
  )

describeInBrowser('a control of a guide', () => {
  it.each(GUIDES)(
    'takes no choice before it can keep one, and shows the newest when the visitor goes back: $page $server',
    async (guide) => {
      const url = await start(guide)
      const script = await bundledSnippet(guide.script, guide.page)
      const gate = new Gate()
      const page = await (await openBrowser()).newPage()
      await page.route(/\/(browser|page)\.js$/, async (route) => {
        await gate.pass()
        await route.fulfill({ contentType: 'text/javascript', body: script })
      })
      await page.goto(url, { waitUntil: 'commit' })
      const select = page.locator('select')
      expect(await select.isDisabled()).toBe(true)
      gate.open()
      await isEnabled(select)
      const [first, second] = guide.choices
      await choose(page, first)
      await page.goto(`${url}/elsewhere`)
      await isEnabled(select)
      expect(await select.inputValue()).toBe(first)
      await choose(page, second)
      await page.goBack()
      await isEnabled(select)
      // Controls are restored before the page has loaded.
      expect(await page.evaluate(() => [location.pathname, document.readyState])).toEqual(['/', 'complete'])
      expect(await select.inputValue()).toBe(second)
    },
  )
})
