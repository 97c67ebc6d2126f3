import { afterAll, afterEach, beforeAll, describe, jest } from '@jest/globals'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'

const endpoint = process.env['BROWSER_WS']

/** Skipped, after a loud word at the start, only where there is no browser; with CI=true that is a failure instead. */
export const describeInBrowser = endpoint === undefined ? describe.skip : describe

let browser: Browser | undefined
const contexts: BrowserContext[] = []

// A browser on a busy machine: a limit for what hangs, not a measure of what is slow.
jest.setTimeout(60_000)

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

/** Somebody's browser: its own cookies and storage. What its pages throw, or are refused, fails the test. */
export async function openBrowser(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  if (!browser) throw new Error('openBrowser: only within describeInBrowser')
  const context = await browser.newContext(options)
  contexts.push(context)
  return context
}
