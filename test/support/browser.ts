import { afterEach, beforeEach } from '@jest/globals'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'
import { describeWith } from './describe-with.js'

const endpoint = process.env['BROWSER_WS']

export const describeInBrowser = (title: string, run: () => void): void => describeWith('Chromium', title, run)

let browser: Browser | undefined

if (endpoint !== undefined) {
  beforeEach(async () => {
    browser = await chromium.connect(endpoint)
  })
  // Disconnects, and the browser's server closes what the test has opened. Not waited for: Chromium may never say that it has closed a page which
  // was about to show another one.
  afterEach(async () => {
    await browser?.close()
  })
}

/** Opens a visitor's browser with its own cookies and storage. Errors and refusals in its pages fail the test. */
export async function openBrowser(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  if (!browser) throw new Error('openBrowser: only within describeInBrowser')
  const context = await browser.newContext(options)
  // If something hangs, the test times out.
  context.setDefaultTimeout(0)
  return context
}
