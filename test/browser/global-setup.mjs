import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { launch } from 'puppeteer-core'
import { report } from '../support/missing.mjs'
import { isAll } from '../support/scope.mjs'
import { chromiums, firefoxes } from './find-browser.mjs'
import { buildSite } from './site/build.mjs'

/** ms: for a browser that hangs. */
const timeout = 60_000

/** One Chromium for all browser tests, each with contexts of its own in it; and where Firefox is, which each file starts. */
export default async function globalSetup({ rootDir }) {
  const [browser, firefox] = [
    await first(chromiums(), startChromium),
    await first(isAll ? firefoxes() : [], tryFirefox),
  ]
  if (browser.found) useChromium(browser.found)
  else report('Chromium', 'apt-get install -y chromium', 'CHROME_PATH=/path/to/chrome', browser.reasons)
  if (firefox.found) process.env.FIREFOX_PATH = firefox.found
  else if (isAll) report('Firefox', 'apt-get install -y firefox-esr', 'FIREFOX_PATH=/path/to/firefox', firefox.reasons)
  process.env.SITE_FOLDER = join(rootDir, '.cache/site')
  if (browser.found || firefox.found) await buildSite(process.env.SITE_FOLDER)
}

/** The first that starts, or why each did not: to be there is not enough, libraries may be missing. */
async function first(candidates, start) {
  const reasons = []
  for (const candidate of candidates) {
    try {
      return { found: await start(candidate), reasons }
    } catch (error) {
      reasons.push(reasonOf(error))
    }
  }
  return { reasons }
}

/** Of what a driver tells at length: what happened, and what the browser itself said last. */
function reasonOf(error) {
  const [what, ...lines] = String(error).split('\n')
  return [what, ...lines.filter((line) => line.includes('[err]')).slice(-2)].join('\n')
}

async function startChromium(find) {
  const { executablePath, env, isBundled } = await find()
  const options = {
    executablePath,
    env: { ...process.env, ...env },
    timeout,
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
  const server = await chromium.launchServer({ ...options, host: '127.0.0.1' })
  try {
    const browser = await chromium.connect(server.wsEndpoint())
    await browser.newPage()
    await browser.close()
    return { server, options: { ...options, env }, isBundled }
  } catch (error) {
    await server.kill()
    throw error
  }
}

function useChromium({ server, options, isBundled }) {
  globalThis.browserServer = server
  process.env.BROWSER_WS = server.wsEndpoint()
  process.env.BROWSER_OPTIONS = JSON.stringify(options)
  if (isBundled) process.env.BROWSER_IS_BUNDLED = 'true'
}

async function tryFirefox(executablePath) {
  const browser = await launch({ browser: 'firefox', executablePath, timeout })
  await browser.close()
  return executablePath
}
