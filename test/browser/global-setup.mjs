import { join } from 'node:path'
import { launch } from 'puppeteer-core'
import { report } from '../runner/missing.mjs'
import { isAll } from '../runner/scope.mjs'
import { chromiums, firefoxes } from './find-browser.mjs'
import { buildSite } from './site/build.mjs'

/** ms: for a browser that hangs. */
const timeout = 60_000

/** Finds the browsers that start, which each file of tests starts for itself. */
export default async function globalSetup({ rootDir }) {
  const [chromium, firefox] = [await first(chromiums()), await first(isAll ? firefoxes() : [])]
  if (chromium.found) process.env.CHROMIUM_OPTIONS = JSON.stringify(chromium.found)
  else report('Chromium', 'apt-get install -y chromium', 'CHROME_PATH=/path/to/chrome', chromium.reasons)
  if (firefox.found) process.env.FIREFOX_OPTIONS = JSON.stringify(firefox.found)
  else if (isAll) report('Firefox', 'apt-get install -y firefox-esr', 'FIREFOX_PATH=/path/to/firefox', firefox.reasons)
  if (chromium.found?.headless === 'shell') process.env.BROWSER_IS_BUNDLED = 'true'
  process.env.SITE_FOLDER = join(rootDir, '.cache/site')
  if (chromium.found || firefox.found) await buildSite(process.env.SITE_FOLDER)
}

/** Returns the options of the first browser that starts, or the reasons why none does: to be there is not enough, libraries may be missing. */
async function first(candidates) {
  const reasons = []
  for (const find of candidates) {
    try {
      const found = await find()
      // Without a pipe the error has what the browser itself has said.
      const browser = await launch({ ...found, pipe: false, timeout })
      await (await browser.newPage()).close()
      await browser.close()
      return { found, reasons }
    } catch (error) {
      reasons.push(reasonOf(error))
    }
  }
  return { reasons }
}

/** Of what a driver tells at length: what happened, and what the browser itself said last. */
function reasonOf(error) {
  const [what, ...lines] = String(error).trim().split('\n')
  return [what, ...lines.filter((line) => /error/i.test(line)).slice(-2)].join('\n')
}
