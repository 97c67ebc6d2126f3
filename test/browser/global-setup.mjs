import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { findBrowser } from './find-browser.mjs'

const ADVICE =
  'No Chromium or Chrome was found for the browser tests. Install one (Debian: apt-get install -y chromium), or set CHROME_PATH=/path/to/chrome'

/** One browser for all browser tests; each test has contexts of its own in it. */
export default async function globalSetup({ rootDir }) {
  const browser = await findBrowser(join(rootDir, 'node_modules/.cache'))
  if (!browser) {
    if (process.env.CI) throw new Error(ADVICE)
    console.warn(`\n${'!'.repeat(80)}\n${ADVICE}.\nTHE BROWSER TESTS ARE SKIPPED.\n${'!'.repeat(80)}\n`)
    return
  }
  globalThis.browserServer = await chromium.launchServer({
    executablePath: browser.executablePath,
    host: '127.0.0.1',
    env: { ...process.env, ...browser.env },
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  process.env.BROWSER_WS = globalThis.browserServer.wsEndpoint()
}
