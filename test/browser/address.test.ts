import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { describeInBrowser, openBrowser, type Person } from '../support/page/browser.js'
import { click, is, isAt, shows, textOf } from '../support/page/on-page.js'
import { Studio } from '../support/page/studio.js'
import { runningExample } from '../support/servers/running-example.js'

const example = runningExample()
/** Another server on the same site, like a stranger's subdomain: requests from its pages bring the visitor's cookies. */
let stranger: Server
let hostile = ''

const hasAddress = ({ page }: Studio, search: string): Promise<void> => is(page, 'location.search', search)

const FILM = '?division=2'
const DESIGN = '?division=3'

async function chooseDesign(person: Person): Promise<Studio> {
  const studio = await Studio.open(person, `${example.url}/costs`)
  await studio.choose('Design')
  return studio
}

describeInBrowser('the division’s address', () => {
  beforeAll(async () => {
    stranger = createServer((_, answer) => answer.end(`<!doctype html>${hostile}`))
    await new Promise<void>((resolve) => stranger.listen(0, 'localhost', resolve))
  })
  afterAll(() => {
    stranger.close()
    stranger.closeAllConnections()
  })

  const strangers = (): string => `http://localhost:${(stranger.address() as AddressInfo).port}/`

  it('appears when a division is chosen, and works for another visitor', async () => {
    const studio = await Studio.open(await openBrowser(), `${example.url}/costs`)
    await hasAddress(studio, '')
    await studio.choose('Film')
    await hasAddress(studio, FILM)
    const person = await openBrowser()
    const guest = await Studio.open(person, studio.page.url())
    await guest.shows('Costs', 'Film')
    await guest.isConnected()
    const later = await Studio.open(person, `${example.url}/projects`)
    await later.shows('Projects', 'Film')
    await hasAddress(later, FILM)
    await later.choose('All divisions')
    await Promise.all([hasAddress(later, '?division=-1'), hasAddress(guest, '?division=-1')])
    expect([...studio.errors, ...guest.errors, ...later.errors]).toEqual([])
  })

  it('determines the first HTML, even with JavaScript off', async () => {
    const plain = await (await openBrowser({ hasScripts: false })).open(`${example.url}/costs${FILM}`)
    const heading = '.view-heading'
    expect(await textOf(plain, heading)).toContain('Film')
    await plain.click('[name=division][value="3"]')
    await plain.click('#division-choice button')
    await shows(plain, heading, 'Design')
    await plain.goto(`${example.url}/projects`)
    expect(await textOf(plain, heading)).toContain('Design')
  })

  it('takes effect on back and forward', async () => {
    const studio = await Studio.open(await openBrowser(), example.url)
    await studio.choose('Film')
    await studio.go('Projects')
    await studio.shows('Projects', 'Film')
    await studio.choose('Design')
    await hasAddress(studio, DESIGN)
    await studio.page.goBack()
    await studio.shows('Home', 'Film')
    await studio.page.goForward()
    await studio.shows('Projects', 'Design')
    expect(studio.errors).toEqual([])
  })

  it('has the last of some quick choices at a reload', async () => {
    const studio = await Studio.open(await openBrowser(), `${example.url}/costs`)
    await studio.isConnected()
    await studio.page.evaluate(`
      for (const value of [1, 3, 2, 3]) document.querySelector('[name=division][value="' + value + '"]').click()
      location.reload()`)
    await hasAddress(studio, DESIGN)
    await studio.shows('Costs', 'Design')
  })

  it('keeps its parameter when the app’s router pushes a plain address', async () => {
    const studio = await chooseDesign(await openBrowser())
    await studio.page.evaluate(`history.pushState({ of: 'the router' }, '', '/projects')`)
    await hasAddress(studio, DESIGN)
    expect(await studio.page.evaluate('[location.pathname, history.state.of]')).toEqual(['/projects', 'the router'])
    await studio.page.evaluate(`history.replaceState(null, '', '/costs${FILM}&q=a%20b#top')`)
    await isAt(studio.page, `${example.url}/costs?q=a%20b&division=3#top`)
  })

  it('ignores images, frames and fetches of a stranger', async () => {
    const person = await openBrowser()
    const studio = await chooseDesign(person)
    const target = `${example.url}/costs${FILM}`
    hostile = `<img src="${target}"><iframe src="${target}"></iframe><object data="${target}"></object>
      <link rel="prefetch" href="${target}"><script src="${target}"></script>
      <script>void fetch('${target}', { mode: 'no-cors', credentials: 'include' })</script>`
    const page = await person.newPage()
    const asked: string[] = []
    page.on('request', (request) => void (request.url() === target && asked.push(request.resourceType())))
    await page.goto(strangers(), { waitUntil: 'networkidle0' })
    expect(asked).toEqual(expect.arrayContaining(['image', 'document', 'script', 'fetch']))
    const fresh = await Studio.open(person, `${example.url}/projects`)
    await fresh.shows('Projects', 'Design')
    await studio.shows('Costs', 'Design')
  })

  it('applies if the visitor follows a stranger’s link', async () => {
    const person = await openBrowser()
    await chooseDesign(person)
    hostile = `<a href="${example.url}/costs${FILM}">look</a>`
    const studio = new Studio(await person.open(strangers()), person)
    await click(studio.page, 'a')
    await studio.shows('Costs', 'Film')
  })
})
