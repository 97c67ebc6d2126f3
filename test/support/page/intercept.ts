import type { HTTPRequest, Page } from 'puppeteer-core'

/** Acts on a page's requests of these URLs instead of sending them. Returns a function that ends it. */
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
