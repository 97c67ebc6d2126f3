import { join } from 'node:path'
import { launch } from 'puppeteer-core'
import { report } from '../runner/missing.mjs'
import { isAll } from '../runner/scope.mjs'
import { chromiums, firefoxes } from './find-browser.mjs'
import { buildSite } from './site/build.mjs'

/** ms after which a starting browser counts as hanging. */
const timeout = 60_000

/** Finds browsers that start; each test file starts a browser of its own. */
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

/** Returns the options of the first browser that starts. If none starts, returns the reasons: an installed browser may lack libraries. */
async function first(candidates) {
  const reasons = []
  for (const find of candidates) {
    try {
      const found = await find()
      // Without a pipe, the error includes the browser's own message.
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

/** Shortens a driver's error to its message and the browser's last errors. */
function reasonOf(error) {
  const [what, ...lines] = String(error).trim().split('\n')
  return [what, ...lines.filter((line) => /error/i.test(line)).slice(-2)].join('\n')
}
