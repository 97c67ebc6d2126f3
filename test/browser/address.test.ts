import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { describeInBrowser, openBrowser, type Person } from '../support/page/browser.js'
import { click, is, isAt, shows, textOf } from '../support/page/on-page.js'
import { Studio } from '../support/page/studio.js'
import { runningExample } from '../support/servers/running-example.js'

const example = runningExample()
/** Another server of the same site: what its pages ask of the example has the visitor's cookies, as of a stranger's subdomain. */
let stranger: Server
let hostile = ''

/** Resolves when the address says so. */
const says = ({ page }: Studio, search: string): Promise<void> => is(page, 'location.search', search)

const FILM = '?division=2'
const DESIGN = '?division=3'

async function chooseDesign(person: Person): Promise<Studio> {
  const studio = await Studio.open(person, `${example.url}/costs`)
  await studio.choose('Design')
  return studio
}

describeInBrowser('a division in the address', () => {
  beforeAll(async () => {
    stranger = createServer((_, answer) => answer.end(`<!doctype html>${hostile}`))
    await new Promise<void>((resolve) => stranger.listen(0, 'localhost', resolve))
  })
  afterAll(() => {
    stranger.close()
    stranger.closeAllConnections()
  })

  const strangers = (): string => `http://localhost:${(stranger.address() as AddressInfo).port}/`

  it('is there once it is chosen; the link shows it to another visitor, whom a visit without it remembers', async () => {
    const studio = await Studio.open(await openBrowser(), `${example.url}/costs`)
    await says(studio, '')
    await studio.choose('Film')
    await says(studio, FILM)
    const person = await openBrowser()
    const guest = await Studio.open(person, studio.page.url())
    await guest.shows('Costs', 'Film')
    await guest.isConnected()
    const later = await Studio.open(person, `${example.url}/projects`)
    await later.shows('Projects', 'Film')
    await says(later, FILM)
    await later.choose('All divisions')
    await Promise.all([says(later, '?division=-1'), says(guest, '?division=-1')])
    expect([...studio.errors, ...guest.errors, ...later.errors]).toEqual([])
  })

  it('shares all divisions, too, with a visitor who has chosen one', async () => {
    const person = await openBrowser()
    await chooseDesign(person)
    const guest = await Studio.open(person, `${example.url}/costs?division=-1`)
    await guest.shows('Costs', 'All divisions')
  })

  it('is in the very first HTML, also with JavaScript off, where a form goes on from it', async () => {
    const plain = await (await openBrowser({ hasScripts: false })).open(`${example.url}/costs${FILM}`)
    const heading = '.view-heading'
    expect(await textOf(plain, heading)).toContain('Film')
    await plain.click('[name=division][value="3"]')
    await plain.click('#division-choice button')
    await shows(plain, heading, 'Design')
    await plain.goto(`${example.url}/projects`)
    expect(await textOf(plain, heading)).toContain('Design')
  })

  it('is not undone by a link within the page, which is followed before the address says it', async () => {
    const studio = await Studio.open(await openBrowser(), `${example.url}/costs`)
    await studio.page.evaluate(async () => {
      for (const division of [2, 3]) {
        const input = document.querySelector<HTMLInputElement>(`input[name=division][value="${division}"]`)
        if (!input) throw new Error(`expected an input for division ${division}`)
        input.click()
      }
      const followed = new Promise((resolve) => addEventListener('popstate', resolve, { once: true }))
      location.hash = 'costs'
      await followed
    })
    await says(studio, DESIGN)
    await studio.shows('Costs', 'Design')
  })

  it('is followed back and forward', async () => {
    const studio = await Studio.open(await openBrowser(), example.url)
    await studio.choose('Film')
    await studio.go('Projects')
    await studio.shows('Projects', 'Film')
    await studio.choose('Design')
    await says(studio, DESIGN)
    await studio.page.goBack()
    await studio.shows('Home', 'Film')
    await studio.page.goForward()
    await studio.shows('Projects', 'Design')
    expect(studio.errors).toEqual([])
  })

  it('is followed back to a page that was left, also where other tabs show another one by then', async () => {
    const person = await openBrowser()
    const studio = await chooseDesign(person)
    await says(studio, DESIGN)
    await studio.page.goto(`${example.url}/favicon.svg`)
    const other = await Studio.open(person, `${example.url}/projects`)
    await other.choose('Film')
    // Not at once: the page that has to answer would be gone.
    await studio.page.evaluate('void setTimeout(() => history.back())')
    await studio.shows('Costs', 'Design')
    await other.shows('Projects', 'Design')
    await says(other, DESIGN)
  })

  it('comes along where a router of the app’s own goes elsewhere without it', async () => {
    const studio = await chooseDesign(await openBrowser())
    await studio.page.evaluate(`history.pushState({ of: 'the router' }, '', '/projects')`)
    await says(studio, DESIGN)
    expect(await studio.page.evaluate('[location.pathname, history.state.of]')).toEqual(['/projects', 'the router'])
    await studio.page.evaluate(`history.replaceState(null, '', '/costs${FILM}&q=a%20b#top')`)
    await isAt(studio.page, `${example.url}/costs?q=a%20b&division=3#top`)
  })

  it('that there is not is left aside, and taken out', async () => {
    for (const wrong of ['film', '999', '2&division=3']) {
      const studio = await Studio.open(await openBrowser(), `${example.url}/costs?division=${wrong}`)
      await studio.shows('Costs', 'All divisions')
      expect(studio.errors).toEqual([])
    }
  })

  it('is set by no page of a stranger that is merely open: images, frames, fetches, pages fetched ahead', async () => {
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

  it('is set by a link of a stranger that the visitor follows, and seen at once', async () => {
    const person = await openBrowser()
    await chooseDesign(person)
    hostile = `<a href="${example.url}/costs${FILM}">look</a>`
    const studio = new Studio(await person.open(strangers()), person)
    await click(studio.page, 'a')
    await studio.shows('Costs', 'Film')
  })
})
