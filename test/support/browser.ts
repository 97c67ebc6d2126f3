import { afterAll, afterEach, beforeAll } from '@jest/globals'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'
import { describeWith } from './describe-with.js'

const endpoint = process.env['BROWSER_WS']

export const describeInBrowser = (title: string, run: () => void): void => describeWith('Chromium', title, run)

let browser: Browser | undefined
const contexts: BrowserContext[] = []

if (endpoint !== undefined) {
  beforeAll(async () => {
    browser = await chromium.connect(endpoint)
  })
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close()
  })
  afterAll(async () => {
    await browser?.close()
  })
}

/** Opens a visitor's browser with its own cookies and storage. Errors and refusals in its pages fail the test. */
export async function openBrowser(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  if (!browser) throw new Error('openBrowser: only within describeInBrowser')
  const context = await browser.newContext(options)
  // If something hangs, the test times out.
  context.setDefaultTimeout(0)
  contexts.push(context)
  return context
}
