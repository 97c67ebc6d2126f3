import { request } from 'node:https'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Page } from 'puppeteer-core'
import { bundledSnippet } from '../support/docs/bundled-snippet.js'
import { DocsServer } from '../support/docs/docs-server.js'
import { snippet, textsOf } from '../support/docs/readme.js'
import { describeInBrowser, openBrowser, type Person } from '../support/page/browser.js'
import { answer } from '../support/page/intercept.js'
import { click, shows } from '../support/page/on-page.js'
import { watchSocket } from '../support/page/watch-socket.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { NGINX } from '../support/servers/installed.js'
import { Nginx } from '../support/servers/nginx.js'

const PAGE = 'docs/deployment.md'
/** The page's script, which uses the client of the guide's `browser.ts`. */
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

/** Returns the script of the page. */
const script = (): Promise<string> => bundledSnippet('browser.ts', PAGE, SCRIPT)

async function start(file: string): Promise<DocsServer> {
  const others = { 'fields.ts': snippet('fields.ts'), 'browser.js': await script() }
  const server = await DocsServer.start(PAGE, file, { others, variables: { SECRETS } })
  ends.push(() => server.remove())
  return server
}

/** Serves the page in both ways at once: at /, and below a path that nginx removes. */
async function startNginx(): Promise<Nginx> {
  const server = await start('server.ts')
  const [site = '', location = ''] = textsOf('nginx', PAGE)
  const nginx = await Nginx.start(site.replace(/\}\s*$/, `${location}}`), server.url)
  ends.push(() => nginx.stop())
  return nginx
}

/** Opens a page, and waits for its websocket. */
async function open(person: Person, url: string, body?: string): Promise<Page> {
  const page = await person.newPage()
  if (body !== undefined) await answer(page, /\/tools\/browser\.js$/, body)
  const isHeard = await watchSocket(page, 'FrameReceived')
  await page.goto(url)
  await isHeard()
  return page
}

const saved = (page: Page): Promise<unknown> => page.waitForSelector('[data-division=saved]')
const showsDivision = (page: Page, division: number): Promise<void> =>
  shows(page, 'output', new RegExp(`^${division}$`))

describeInBrowser('docs/deployment.md', () => {
  describeWithServer(NGINX, 'behind nginx', () => {
    let nginx: Nginx
    beforeAll(async () => {
      nginx = await startNginx()
    })

    it.each(['/', '/tools/'])('saves in a __Host- cookie, and updates the other tab, at %s', async (path) => {
      const person = await openBrowser()
      const one = await open(person, nginx.url + path)
      const two = await open(person, nginx.url + path)
      await click(one, 'button')
      await showsDivision(two, 0)
      await saved(one)
      const [cookie] = await person.context.cookies()
      expect(cookie).toMatchObject({ name: '__Host-live', secure: true, httpOnly: true, path: '/' })
      expect(person.complaints).toEqual([])
    })

    it('trusts the proxy’s host, not the client’s', async () => {
      const post = (origin: string): Promise<number> => {
        const forged = { 'x-forwarded-host': 'example.com', 'x-forwarded-proto': 'https' }
        const headers = { origin, 'content-type': 'application/json', ...forged }
        const options = { method: 'POST', headers, rejectUnauthorized: false, agent: false }
        return new Promise((resolve, reject) => {
          const asked = request(`${nginx.url}/store_session`, options, ({ statusCode = 0 }) => resolve(statusCode))
          asked.on('error', reject).end('{}')
        })
      }
      expect([await post(nginx.url), await post('https://example.com')]).toEqual([200, 403])
    })
  })

  it('runs mounted.ts under a path', async () => {
    const { url } = await start('mounted.ts')
    const person = await openBrowser()
    const page = await open(person, `${url}/tools/`, await script())
    await click(page, 'button')
    await saved(page)
    await page.reload()
    await showsDivision(page, 0)
    expect(person.complaints).toEqual([])
  })
})
