import type { HTTPRequest, Page } from 'puppeteer-core'
import { Gate } from '../app/gate.js'
import type { Person } from './browser.js'

/** Intercepts a page's requests of these URLs. Returns a function that ends the interception. */
export async function intercept(
  page: Page,
  urls: RegExp,
  act: (request: HTTPRequest) => Promise<unknown>,
): Promise<() => Promise<void>> {
  const listener = (request: HTTPRequest): void => {
    void (urls.test(request.url()) ? act(request) : request.continue())
  }
  await page.setRequestInterception(true)
  page.on('request', listener)
  return async () => {
    page.off('request', listener)
    await page.setRequestInterception(false)
  }
}

/** Sends a page's requests of these URLs only when a promise resolves. */
export async function hold(page: Page, urls: RegExp, until: () => Promise<unknown>): Promise<void> {
  await intercept(page, urls, async (request) => {
    await until()
    await request.continue()
  })
}

/** Answers a page's requests of these URLs with a script. */
export async function answer(page: Page, urls: RegExp, body: string): Promise<void> {
  await intercept(page, urls, (request) => request.respond({ contentType: 'text/javascript', body }))
}

/** Opens a page whose script arrives only when the returned function is called. */
export async function openSlowly(person: Person, url: string): Promise<readonly [Page, goOn: () => Promise<unknown>]> {
  const page = await person.newPage()
  const gate = new Gate()
  await hold(page, /\/browser\.js$/, () => gate.pass())
  const loaded = page.goto(url)
  await page.waitForSelector('.hint')
  const goOn = (): Promise<unknown> => {
    gate.open()
    return loaded
  }
  return [page, goOn]
}

/** Watches a page's WebSockets. Returns a function resolving when the next WebSocket opens, or when any receives a frame. */
export async function watchSocket(page: Page, event: 'Created' | 'FrameReceived'): Promise<() => Promise<void>> {
  const devtools = await page.createCDPSession()
  await devtools.send('Network.enable')
  const seen = new Promise<void>((resolve) => devtools.once(`Network.webSocket${event}`, () => resolve()))
  return () => seen
}
