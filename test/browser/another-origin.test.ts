import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Page } from 'puppeteer-core'
import { App } from '../support/app/app.js'
import { within } from '../support/app/within.js'
import { DocsServer } from '../support/docs/docs-server.js'
import { snippet } from '../support/docs/readme.js'
import { describeInBrowser, openBrowser, type Person } from '../support/page/browser.js'
import { click, shows, textOf } from '../support/page/on-page.js'
import { freePort } from '../support/servers/free-port.js'
import { ViteServer } from '../support/servers/vite-server.js'

const PAGE = 'docs/deployment.md'

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

/** One server lists the origin of the page; the other is behind Vite's proxy, and lists none. */
let servers: { readonly listing: DocsServer; readonly proxied: DocsServer }
let vite: ViteServer

const portOf = ({ url }: DocsServer): string => new URL(url).port

/** Writes Vite's folder: the guide's page for two origins, and `proxied.html` for one. */
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

const open = (person: Person, path = '/'): Promise<Page> => person.open(vite.url + path)
const showsDivision = (page: Page, division: number): Promise<void> =>
  shows(page, 'output', new RegExp(`^${division}$`))
const next = (page: Page): Promise<void> => click(page, 'button')

/** Resolves when the cookie has that value. */
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

describeInBrowser('a page of Vite at another port', () => {
  beforeAll(async () => {
    const port = await freePort()
    const start = (origins: readonly string[]): Promise<DocsServer> => {
      const change = (text: string): string => text.replace("['http://localhost:5173']", JSON.stringify(origins))
      return DocsServer.start(PAGE, 'api.ts', { others: { 'fields.ts': snippet('fields.ts') }, change })
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
  ] as const)('%s: keeps its value after a reload and a restart', async (_, path, which) => {
    const server = servers[which]
    const person = await openBrowser()
    const [one, two] = [await open(person, path), await open(person, path)]
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

  it('POSTs with the app’s headers, and reads refusals', async () => {
    const app = await App.start({ options: { origins: [vite.url] } })
    const page = await open(await openBrowser())
    expect(await post(page, app, { 'x-csrf-token': 'a', 'x-b': 'b' })).toMatchObject([200, { held: [] }])
    const body = { tickets: ['of.another.server'] }
    expect(await post(page, app, {}, body)).toMatchObject([403, { error: { code: 'bad_ticket', index: 0 } }])
  })

  it('makes the server warn that it is another site', async () => {
    const app = await App.start({ options: { origins: [vite.url] } })
    const person = await openBrowser()
    expect(await post(await open(person), app)).toMatchObject([200, { held: [] }])
    expect(app.warnings.at(-1)).toContain(
      `origins: ${vite.url} is another site than ${app.url}, so browsers send no cookie`,
    )
    const { hostname } = new URL(app.url)
    expect((await person.context.cookies()).filter(({ domain }) => domain === hostname)).toEqual([])
  })

  it('cannot POST if it is not listed, and the server warns', async () => {
    const app = await App.start()
    expect(await post(await open(await openBrowser()), app)).toBe('TypeError: Failed to fetch')
    expect(app.warnings.at(-1)).toContain(
      `403 bad_origin: the browser says ${vite.url}, this server thinks it is ${app.url}.`,
    )
  })
})
