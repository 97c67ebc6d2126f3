import type { Page } from 'puppeteer-core'

/** Watches the WebSockets of a page. Returns a function that resolves once the next one opens, or once one has brought something. */
export async function watchSocket(page: Page, event: 'Created' | 'FrameReceived'): Promise<() => Promise<void>> {
  const devtools = await page.createCDPSession()
  await devtools.send('Network.enable')
  const seen = new Promise<void>((resolve) => devtools.once(`Network.webSocket${event}`, () => resolve()))
  return () => seen
}
