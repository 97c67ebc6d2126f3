import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { findBrowser, findFirefox } from './find-browser.mjs'
import { buildSite } from './site/build.mjs'

const ADVICE = {
  Chromium:
    'No Chromium or Chrome was found for the browser tests. Install one (Debian: apt-get install -y chromium), or set CHROME_PATH=/path/to/chrome',
  Firefox:
    'No Firefox was found for the browser tests. Install one (Debian: apt-get install -y firefox-esr), or set FIREFOX_PATH=/path/to/firefox',
}

/** One Chromium for all browser tests, each with contexts of its own in it; and where Firefox is, which each file starts. */
export default async function globalSetup({ rootDir }) {
  const [browser, firefox] = [await findBrowser(join(rootDir, 'node_modules/.cache')), findFirefox()]
  if (firefox) process.env.FIREFOX_PATH = firefox
  else miss('Firefox')
  if (browser) await launch(browser)
  else miss('Chromium')
  process.env.SITE_FOLDER = join(rootDir, '.cache/site')
  if (browser || firefox) await buildSite(process.env.SITE_FOLDER)
}

function miss(name) {
  if (process.env.CI) throw new Error(ADVICE[name])
  const line = '!'.repeat(80)
  console.warn(`\n${line}\n${ADVICE[name]}.\nTHE TESTS IN ${name.toUpperCase()} ARE SKIPPED.\n${line}\n`)
}

async function launch({ executablePath, env }) {
  const options = {
    executablePath,
    env: { ...process.env, ...env },
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
  }
  globalThis.browserServer = await chromium.launchServer({ ...options, host: '127.0.0.1' })
  process.env.BROWSER_WS = globalThis.browserServer.wsEndpoint()
  process.env.BROWSER_OPTIONS = JSON.stringify({ ...options, env })
}
