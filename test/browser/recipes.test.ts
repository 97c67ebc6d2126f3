import { afterEach, expect, it } from '@jest/globals'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { bundledSnippet } from '../support/bundled-snippet.js'
import { DocsServer } from '../support/docs-server.js'
import { snippet } from '../support/readme.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'

const PAGE = 'docs/recipes.md'
const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function start(): Promise<DocsServer> {
  const others = {
    'catalog.ts': snippet('catalog.ts', PAGE),
    'fields.ts': snippet('fields.ts', PAGE),
    'page.js': await bundledSnippet('cart-page.ts', PAGE),
  }
  const server = await DocsServer.start(PAGE, 'cart.ts', { others })
  ends.push(() => server.remove())
  return server
}

describeInBrowser(PAGE, () => {
  it('has a cart that keeps what two tabs add at the same moment', async () => {
    const { url } = await start()
    const browser = await openBrowser()
    const [one, two] = [await browser.newPage(), await browser.newPage()]
    for (const page of [one, two]) await page.goto(url)
    await Promise.all([one.getByText('add tea').click(), two.getByText('add milk').click()])
    for (const page of [one, two]) {
      await page.locator('li', { hasText: 'tea' }).waitFor()
      await page.locator('li', { hasText: 'milk' }).waitFor()
      expect(await page.locator('li').count()).toBe(2)
    }
    await two.getByText('add tea').click()
    await one.locator('li').nth(2).waitFor()
    await one.reload()
    expect((await one.locator('li').allTextContents()).sort()).toEqual(['milk', 'tea', 'tea'])
  })

  itRunsSnippetsOf(PAGE, 'cart.ts', 'cart-page.ts')
})
