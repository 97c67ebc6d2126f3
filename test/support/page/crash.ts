import type { Page } from 'puppeteer-core'

/** Ends the process of a page without events. Firefox can only close pages. */
export async function crash(page: Page): Promise<void> {
  const version = await page.browser().version()
  if (!/^firefox/i.test(version)) {
    const devtools = await page.createCDPSession()
    const crashed = new Promise((resolve) => page.once('error', resolve))
    // A crashed page does not answer.
    devtools.send('Page.crash').catch(() => undefined)
    await crashed
  }
  await page.close()
}
