import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from '@jest/globals'
import type { BrowserContext, Page } from 'playwright-core'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { bundledSnippet } from '../support/bundled-snippet.js'
import { DocsServer } from '../support/docs-server.js'
import { within } from '../support/within.js'

const PAGE = 'docs/coming-from.md'
const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

/** A server of the guide, with the script that the reader has bundled. */
async function start(file: string): Promise<DocsServer> {
  const server = await DocsServer.start(PAGE, file)
  ends.push(() => server.remove())
  writeFileSync(join(server.folder, 'page.js'), await bundledSnippet('page.ts', PAGE))
  return server
}

async function tab(browser: BrowserContext, { url }: DocsServer): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(url)
  return page
}

/** What the live cookie of a browser says. */
async function carried(browser: BrowserContext): Promise<string> {
  const cookies = await browser.cookies()
  return Buffer.from(cookies.find(({ name }) => name === 'live')?.value ?? '', 'base64').toString()
}

describeInBrowser('the page of docs/coming-from.md', () => {
  it('shows in each tab what is chosen in one, and keeps it when the server is killed', async () => {
    const server = await start('filter.ts')
    const browser = await openBrowser()
    const [one, two] = [await tab(browser, server), await tab(browser, server)]
    await one.getByText('Sound').click()
    await two.getByText('Costs of Sound').waitFor()
    await within(
      () => carried(browser),
      (text) => text.includes('division'),
    )
    await server.kill()
    await server.start()
    await two.reload()
    expect(await two.locator('h1').textContent()).toBe('Costs of Sound')
  })

  it('signs in, and says welcome once', async () => {
    const page = await tab(await openBrowser(), await start('sign-in.ts'))
    await page.locator('[name=name]').fill('ann')
    await page.locator('[name=password]').fill('wrong')
    await page.getByText('Sign in').click()
    await page.getByText('That is not right').waitFor()
    await page.locator('[name=name]').fill('ann')
    await page.locator('[name=password]').fill('correct horse battery staple')
    await page.getByText('Sign in').click()
    await page.getByText('Signed in').waitFor()
    expect(await page.locator('main').textContent()).toBe('WelcomeSigned in')
    await page.reload()
    expect(await page.locator('main').textContent()).toBe('Signed in')
  })
})
