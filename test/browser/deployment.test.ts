import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { BrowserContext, Page } from 'playwright-core'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { bundledSnippet } from '../support/bundled-snippet.js'
import { DocsServer } from '../support/docs-server.js'
import { snippet, textsOf } from '../support/readme.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { NGINX } from '../support/servers/installed.js'
import { Nginx } from '../support/servers/nginx.js'

const PAGE = 'docs/deployment.md'
/** What the page does with the client that the guide's `browser.ts` makes. */
const SCRIPT = `
  const output = document.querySelector('output')
  live.subscribe('division', (division) => {
    if (output) output.value = String(division)
  })
  live.onStatus((key, { status, reason }) => document.documentElement.setAttribute('data-' + key, reason ?? status))
  document.querySelector('button')?.addEventListener('click', () => live.set('division', live.get('division') + 1))
`
const SECRETS = 'a secret of at least thirty-two bytes'
const ends: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** The script of the page, as the server or the test serves it. */
const script = (): Promise<string> => bundledSnippet('browser.ts', PAGE, SCRIPT)

async function start(file: string): Promise<DocsServer> {
  const others = { 'fields.ts': snippet('fields.ts'), 'browser.js': await script() }
  const server = await DocsServer.start(PAGE, file, { others, variables: { SECRETS } })
  ends.push(() => server.remove())
  return server
}

/** Both ways of the page at once: the server at /, and the same one under a path that is taken off. */
async function startNginx(): Promise<Nginx> {
  const server = await start('server.ts')
  const [site = '', location = ''] = textsOf('nginx', PAGE)
  const nginx = await Nginx.start(site.replace(/\}\s*$/, `${location}}`), server.url)
  ends.push(() => nginx.stop())
  return nginx
}

/** A page whose socket has come by a websocket. What its policy refuses fails the test. */
async function open(browser: BrowserContext, url: string): Promise<{ page: Page; messages: string[] }> {
  const page = await browser.newPage()
  const messages: string[] = []
  page.on('console', (message) => messages.push(message.text()))
  const socket = page.waitForEvent('websocket')
  await page.goto(url)
  await (await socket).waitForEvent('framereceived')
  return { page, messages }
}

const saved = (page: Page): Promise<void> => page.locator('[data-division=saved]').waitFor()
const shows = (page: Page, division: number): Promise<void> =>
  page.locator('output', { hasText: new RegExp(`^${division}$`) }).waitFor()

describeInBrowser('docs/deployment.md', () => {
  describeWithServer(NGINX, 'behind nginx', () => {
    let nginx: Nginx
    beforeAll(async () => {
      nginx = await startNginx()
    })

    it.each(['/', '/tools/'])('saves in the cookie of this host, and follows the other tab, at %s', async (path) => {
      const browser = await openBrowser({ ignoreHTTPSErrors: true })
      const one = await open(browser, nginx.url + path)
      const two = await open(browser, nginx.url + path)
      await one.page.getByRole('button').click()
      await shows(two.page, 0)
      await saved(one.page)
      const [cookie] = await browser.cookies()
      expect(cookie).toMatchObject({ name: '__Host-live', secure: true, httpOnly: true, path: '/' })
      expect([...one.messages, ...two.messages]).toEqual([])
    })

    it('believes the host that the proxy names, and none that a client has sent', async () => {
      const { request } = await openBrowser({ ignoreHTTPSErrors: true })
      const post = async (origin: string): Promise<number> => {
        const headers = { origin, 'x-forwarded-host': 'example.com', 'x-forwarded-proto': 'https' }
        return (await request.post(`${nginx.url}/store_session`, { headers, data: {} })).status()
      }
      expect([await post(nginx.url), await post('https://example.com')]).toEqual([200, 403])
    })
  })

  it('has in mounted.ts an app under a path', async () => {
    const { url } = await start('mounted.ts')
    const browser = await openBrowser()
    const body = await script()
    await browser.route('**/tools/browser.js', (route) => route.fulfill({ contentType: 'text/javascript', body }))
    const { page, messages } = await open(browser, `${url}/tools/`)
    await page.getByRole('button').click()
    await saved(page)
    await page.reload()
    await shows(page, 0)
    expect(messages).toEqual([])
  })
})
