import { type Browser, launch, type Page as PuppeteerPage } from 'puppeteer-core'
import { type Conditions, type Engine, type OnError, type Page, type Person, pageOf } from './driver.js'

/** Launches a Firefox for this test file: its WebDriver BiDi takes only one session, so files that run in parallel cannot share it. */
export async function launchFirefox(): Promise<Engine> {
  const browser = await start({})
  const open = async ({ script, hasCookies = true }: Conditions, onError: OnError): Promise<Person> => {
    const own = hasCookies ? undefined : await start({ 'network.cookie.cookieBehavior': 2 })
    const context = await (own ?? browser).createBrowserContext()
    return {
      newPage: async () => {
        const page = await context.newPage()
        // If something hangs, the test times out.
        page.setDefaultTimeout(0)
        if (script !== undefined) await page.evaluateOnNewDocument(script)
        return wrap(page, onError)
      },
      close: () => (own ? own.close() : context.close()),
    }
  }
  return { open, close: () => browser.close() }
}

function start(preferences: Record<string, unknown>): Promise<Browser> {
  return launch({
    browser: 'firefox',
    executablePath: process.env['FIREFOX_PATH'] ?? '',
    timeout: 0,
    protocolTimeout: 0,
    extraPrefsFirefox: {
      // Off by default in a driven browser, on for people.
      'fission.bfcacheInParent': true,
      ...preferences,
    },
  })
}

function wrap(page: PuppeteerPage, onError: OnError): Page {
  page.on('pageerror', (error) => onError(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warn') onError(message.text())
  })
  return pageOf(page, async (url) => {
    const opened = new Promise<PuppeteerPage>((resolve, reject) => {
      page.once('popup', (popup) => (popup ? resolve(popup) : reject(new Error('no popup'))))
    })
    await page.evaluate(`void open(${JSON.stringify(url)})`)
    return wrap(await opened, onError)
  })
}
