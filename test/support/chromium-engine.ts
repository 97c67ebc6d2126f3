import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page as PlaywrightPage } from 'playwright-core'
import { type Conditions, type Engine, type OnError, type Page, type Person, pageOf } from './driver.js'

/** The test run's Chromium, with a connection for each person, which ends without waiting for pages: `openBrowser` says why. */
export async function connectChromium(): Promise<Engine> {
  const open = async ({ script, hasCookies = true }: Conditions, onError: OnError): Promise<Person> => {
    const own = hasCookies ? undefined : await launchWithoutCookies()
    const browser = own ? undefined : await chromium.connect(process.env['BROWSER_WS'] ?? '')
    const context = own?.context ?? (await browser?.newContext())
    if (!context) throw new Error('connectChromium: no browser')
    // If something hangs, the test times out.
    context.setDefaultTimeout(0)
    if (script !== undefined) await context.addInitScript({ content: script })
    return {
      newPage: async () => wrap(await context.newPage(), onError),
      close: async () => {
        await browser?.close()
        await own?.context.close()
        if (own) await rm(own.folder, { recursive: true, force: true })
      },
    }
  }
  return { open, close: async () => undefined }
}

function wrap(page: PlaywrightPage, onError: OnError): Page {
  page.on('pageerror', (error) => onError(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') onError(message.text())
  })
  const openAnother = async (url: string): Promise<Page> => {
    const opened = page.waitForEvent('popup')
    await page.evaluate(`void open(${JSON.stringify(url)})`)
    return wrap(await opened, onError)
  }
  return pageOf(page, openAnother, () => crash(page))
}

/** Ends the process of a page. */
export async function crash(page: PlaywrightPage): Promise<void> {
  const devtools = await page.context().newCDPSession(page)
  const crashed = page.waitForEvent('crash')
  // A page that has crashed does not answer.
  devtools.send('Page.crash').catch(() => undefined)
  await crashed
  await page.close()
}

/** Blocks cookies for a whole profile, in the settings, as people do. */
async function launchWithoutCookies(): Promise<{ readonly context: BrowserContext; readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'no-cookies-'))
  await mkdir(join(folder, 'Default'))
  const settings = { profile: { default_content_setting_values: { cookies: 2 } } }
  await writeFile(join(folder, 'Default/Preferences'), JSON.stringify(settings))
  const context = await chromium.launchPersistentContext(folder, JSON.parse(process.env['BROWSER_OPTIONS'] ?? '{}'))
  return { context, folder }
}
