import { afterEach, expect, it } from '@jest/globals'
import type { Page } from 'playwright-core'
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

async function start(recipe: string): Promise<DocsServer> {
  const others = {
    'catalog.ts': snippet('catalog.ts', PAGE),
    'fields.ts': snippet('fields.ts', PAGE),
    'page.js': await bundledSnippet(`${recipe}-page.ts`, PAGE),
  }
  const server = await DocsServer.start(PAGE, `${recipe}.ts`, { others })
  ends.push(() => server.remove())
  return server
}

const background = (page: Page): Promise<string> =>
  page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)

describeInBrowser(PAGE, () => {
  it('has a cart that keeps what two tabs add at the same moment', async () => {
    const { url } = await start('cart')
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

  it('has a theme that the first HTML is painted in, without a script', async () => {
    const { url } = await start('theme')
    const browser = await openBrowser({ colorScheme: 'light' })
    const page = await browser.newPage()
    await page.goto(url)
    const light = await background(page)
    const answered = page.waitForResponse(`${url}/store_session`)
    await page.locator('select').selectOption('dark')
    await (await answered).finished()
    const dark = await background(page)
    expect(dark).not.toBe(light)

    const scriptless = await openBrowser({ colorScheme: 'light', javaScriptEnabled: false })
    await scriptless.addCookies(await browser.cookies())
    const first = await scriptless.newPage()
    await first.goto(url)
    expect([await background(first), await first.locator('select').inputValue()]).toEqual([dark, 'dark'])
  })

  it('has a page that brings the token of the app’s own guard', async () => {
    const { url } = await start('guard')
    const browser = await openBrowser()
    const page = await browser.newPage()
    await page.goto(url)
    await page.getByText('next').click()
    await page.locator('output[data-status=saved]', { hasText: /^1$/ }).waitFor()
    const forged = await browser.request.post(`${url}/store_session`, { data: {} })
    expect(forged.status()).toBe(403)
  })

  itRunsSnippetsOf(PAGE, 'cart.ts', 'cart-page.ts', 'theme.ts', 'theme-page.ts', 'guard.ts', 'guard-page.ts')
})
