import { writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Page } from 'puppeteer-core'
import { App } from '../support/app/app.js'
import { within } from '../support/app/within.js'
import { bundledSnippet } from '../support/docs/bundled-snippet.js'
import { DocsServer } from '../support/docs/docs-server.js'
import { snippet, textsOf } from '../support/docs/readme.js'
import { describeInBrowser, openBrowser, type Person } from '../support/page/browser.js'
import { answer, watchSocket } from '../support/page/intercept.js'
import { click, shows, textOf } from '../support/page/on-page.js'
import { isSmall } from '../support/page/page-socket.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { freePort } from '../support/servers/free-port.js'
import { NGINX } from '../support/servers/installed.js'
import { Nginx } from '../support/servers/nginx.js'
import { ViteServer } from '../support/servers/vite-server.js'

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
  const others = { 'fields.ts': snippet('fields.ts', 'docs/values.md'), 'browser.js': await script() }
  const server = await DocsServer.start(PAGE, file, { others, variables: { SECRETS } })
  ends.push(() => server.remove())
  return server
}

/** Serves the page in both ways of the guide at once: at /, and below a path that nginx removes. */
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

    it.each(['/', '/tools/'])('saves in a __Host- cookie at %s', async (path) => {
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

/** Vite's page, and its script, which uses the client of the guide's `page.ts`. */
const HTML = '<!doctype html><output></output> <button>next</button><script type="module" src="/main.ts"></script>'
const MAIN = `
  import { live } from './page.ts'
  const output = document.querySelector('output')
  live.subscribe('division', (division) => {
    if (output) output.value = String(division)
  })
  live.onStatus((_key, { status, reason }) => { document.title = reason ?? status })
  document.querySelector('button')?.addEventListener('click', () => live.set('division', live.get('division') + 1))
`

/** The first server lists the page's origin; the second is behind Vite's proxy, and lists no origin. */
let servers: { readonly listing: DocsServer; readonly proxied: DocsServer }
let vite: ViteServer

const portOf = ({ url }: DocsServer): string => new URL(url).port

/** Writes Vite's folder: the guide's page for two origins, and `proxied.html` for its own origin. */
function writePages(folder: string): void {
  const write = (file: string, text: string): void => writeFileSync(join(folder, file), text)
  const { listing, proxied } = servers
  const page = snippet('page.ts', PAGE)
  write('index.html', HTML)
  write('main.ts', MAIN)
  write('page.ts', page.replaceAll('3000', portOf(listing)))
  write('proxied.html', HTML.replace('main.ts', 'proxied-main.ts'))
  write('proxied-main.ts', MAIN.replace('page.ts', 'proxied.ts'))
  write('proxied.ts', page.replace(/createLiveSession<.*?^\}\)/ms, 'createLiveSession({ socket: io() })'))
  write('vite.config.ts', snippet('vite.config.ts', PAGE).replaceAll('3000', portOf(proxied)))
}

const openVite = (person: Person, path = '/'): Promise<Page> => person.open(vite.url + path)
const next = (page: Page): Promise<void> => click(page, 'button')

async function holds(person: Person, division: number): Promise<void> {
  const live = async (): Promise<string> => {
    return Buffer.from((await person.cookie('live')) ?? '', 'base64').toString()
  }
  const wanted = new RegExp(`"division",\\d+,${division}]`)
  expect(await within(live, (text) => wanted.test(text))).toMatch(wanted)
}

/** Resolves with the response to a page's POST to an app. */
function post(page: Page, { url }: App, headers: Record<string, string> = {}, body: object = {}): Promise<unknown> {
  const init = {
    method: 'POST',
    credentials: 'include',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  }
  const answer = `fetch('${url}/store_session', ${JSON.stringify(init)})`
  return page.evaluate(`${answer}.then(async (answer) => [answer.status, await answer.json()], String)`)
}

/** Returns the server's text for the same browser. */
async function said(person: Person, { url }: DocsServer): Promise<string> {
  const page = await person.open(url)
  const text = await textOf(page, 'body')
  await page.close()
  return text
}

// Vite bundles socket.io-client itself, so the project with the small socket would repeat these tests.
const describeVite = isSmall ? () => undefined : describeInBrowser

describeVite('a page of another origin', () => {
  beforeAll(async () => {
    const port = await freePort()
    const start = (origins: readonly string[]): Promise<DocsServer> => {
      const change = (text: string): string => text.replace("['http://localhost:5173']", JSON.stringify(origins))
      return DocsServer.start(PAGE, 'api.ts', {
        others: { 'fields.ts': snippet('fields.ts', 'docs/values.md') },
        change,
      })
    }
    const [listing, proxied] = await Promise.all([start([`http://localhost:${port}`]), start([])])
    servers = { listing, proxied }
    writePages(listing.folder)
    vite = await ViteServer.start(listing.folder, port)
  })
  afterAll(async () => {
    await vite?.stop()
    await Promise.all([servers?.listing.remove(), servers?.proxied.remove()])
  })

  it.each([
    ['at its own origin, which is listed', '/', 'listing'],
    ['behind its proxy, with one origin', '/proxied.html', 'proxied'],
  ] as const)('keeps its division over a reload and a restart: %s', async (_, path, which) => {
    const server = servers[which]
    const person = await openBrowser()
    const [one, two] = [await openVite(person, path), await openVite(person, path)]
    await showsDivision(one, -1)
    await next(one)
    await showsDivision(two, 0)
    await holds(person, 0)
    expect(await said(person, server)).toBe('division 0')
    await two.reload()
    await showsDivision(two, 0)
    await next(two)
    await showsDivision(one, 1)
    await holds(person, 1)
    await Promise.all([one.close(), two.close()])
    expect(person.complaints.filter((text) => text.includes('koa-live-session'))).toEqual([])
    await server.kill()
    await server.start()
    expect(await said(person, server)).toBe('division 1')
  })

  it('may POST headers of the app, and may read refusals', async () => {
    const app = await App.start({ options: { origins: [vite.url] } })
    const page = await openVite(await openBrowser())
    expect(await post(page, app, { 'x-csrf-token': 'a', 'x-b': 'b' })).toMatchObject([200, { persisted: [] }])
    const body = { tickets: ['of.another.server'] }
    expect(await post(page, app, {}, body)).toMatchObject([403, { error: { code: 'bad_ticket', index: 0 } }])
  })
})
