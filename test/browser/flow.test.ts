import { expect, it } from '@jest/globals'
import type { MediaFeature } from 'puppeteer-core'
import { present } from '../support/app/present.js'
import { type Conditions, describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click, isVisible, named, shows, textsOf } from '../support/page/on-page.js'
import { Studio } from '../support/page/studio.js'
import { watchSocket } from '../support/page/watch-socket.js'
import { runningExample } from '../support/servers/running-example.js'
import { findings } from './axe.js'

const STATIONS = ['page', 'socket', 'memory', 'ticket', 'post', 'cookie']

const example = runningExample()

async function openFlow(conditions: Conditions = {}): Promise<Studio> {
  const studio = await Studio.open(await openBrowser(conditions), example.url)
  await studio.toggleHood()
  return studio
}

const isLit = (studio: Studio, station: string): Promise<void> => studio.has(`[data-station=${station}][data-lit=true]`)
const msOf = async ({ page }: Studio): Promise<readonly number[]> =>
  (await textsOf(page, '.station .ms')).map((text) => Number.parseInt(text, 10))
const log = ({ page }: Studio): Promise<readonly string[]> => textsOf(page, '.trips li')

describeInBrowser('the way of a change, in the example', () => {
  it('lights each station as it is reached, with the ms until then', async () => {
    const studio = await openFlow()
    expect(await studio.page.$('[data-lit=true]')).toBeNull()
    await studio.choose('Film')
    for (const station of STATIONS) await isLit(studio, station)
    const ms = await msOf(studio)
    expect(ms).toEqual(ms.toSorted((one, other) => one - other))
    expect(await log(studio)).toEqual([`Division: in the cookie after ${ms.at(-1)} ms`])
  })

  it('is shown again 20 times slower, with a dot that travels', async () => {
    const studio = await openFlow()
    await studio.choose('Film')
    await isLit(studio, 'cookie')
    await click(studio.page, named('radio', '20x slower'))
    await studio.has('[data-station=cookie][data-lit=false]')
    const placeOf = async (): Promise<number> =>
      Number.parseFloat(String(await studio.page.evaluate("document.querySelector('.dot').style.left")))
    const before = await placeOf()
    await isLit(studio, 'cookie')
    expect(await placeOf()).toBeGreaterThan(before)
  })

  it('has only states, where the visitor wants no motion', async () => {
    const studio = await openFlow({ media: [{ name: 'prefers-reduced-motion', value: 'reduce' }] })
    await studio.choose('Film')
    for (const station of STATIONS) await isLit(studio, station)
    expect(await textsOf(studio.page, '.dot, .slowness')).toEqual([])
  })

  it('keeps the last five', async () => {
    const studio = await openFlow()
    for (const division of ['Film', 'Design', 'Film', 'Design', 'Film', 'Events']) await studio.choose(division)
    expect(await log(studio)).toHaveLength(5)
  })

  it('goes on after a POST that is lost', async () => {
    const studio = await openFlow()
    const posts: string[] = []
    studio.page.on('request', (request) => posts.push(request.postData() ?? ''))
    await studio.page.evaluate(`{ const send = fetch; window.tried = 0
      fetch = (...sent) => { if (String(sent[0]).endsWith('/store_session')) window.tried += 1; return send(...sent) } }`)
    await studio.press('Drop next POST')
    await studio.tells('its POST is lost on the way')
    await studio.choose('Film')
    await isLit(studio, 'cookie')
    const sent = posts.filter((body) => body.includes('"tickets"')).length
    expect(Number(await studio.page.evaluate('tried'))).toBeGreaterThan(sent)
    await studio.page.reload()
    await studio.shows('Home', 'Film')
  })

  it('goes on after the server has ended with a change that the cookie does not have', async () => {
    const studio = await openFlow()
    const pid = await example.pid()
    await studio.press('End here: the server, at the next change')
    await studio.tells('Choose a division: the server ends once it has it, before the cookie does.')
    await studio.pick('Film')
    await isLit(studio, 'memory')
    await studio.tells(/Server ended before the cookie had it; process \d+, restored from .*: Division Film/)
    expect(await example.pid()).not.toBe(pid)
    await isLit(studio, 'cookie')
    await studio.page.reload()
    await studio.shows('Home', 'Film')
  })

  it('goes on after the socket is cut', async () => {
    const studio = await openFlow()
    await studio.choose('Film')
    const isReopened = await watchSocket(studio.page, 'Created')
    await studio.press('Cut the socket')
    await isReopened()
    await studio.tells('Socket cut, and connected again, restored from your cookie: Division Film.')
    await studio.choose('Design')
  })

  it('marks for a moment what another tab has changed, and says where it came from', async () => {
    const person = await openBrowser()
    const [one, two] = [await Studio.open(person, example.url), await Studio.open(person, example.url)]
    await two.toggleHood()
    await one.pick('Film')
    await two.has('#division-choice[data-news]')
    await two.has('#division-choice:not([data-news])')
    expect(await log(two)).toEqual(['Division: came from another tab'])
    expect(await one.page.$('#division-choice[data-news]')).toBeNull()
  })

  it('has two tabs in one page', async () => {
    const page = await (await openBrowser()).open(`${example.url}/two`)
    const frames = await page.$$('iframe')
    const [left, right] = await Promise.all(frames.map((frame) => frame.contentFrame()))
    for (const tab of [left, right]) await tab?.waitForSelector('#connection[data-state=connected]')
    await click(present(left), named('radio', 'Film'))
    await shows(present(right), '.view-heading', 'Film')
  })

  it('is half of a phone at most, and shut once one has gone elsewhere', async () => {
    const studio = await openFlow({ viewport: { width: 390, height: 844 } })
    const height = Number(await studio.page.evaluate("document.querySelector('.hood-body').offsetHeight"))
    expect(height).toBeLessThanOrEqual(422)
    await studio.go('Costs')
    await isVisible(studio.page, '[aria-label="Go offline"]', false)
  })

  it('has a link to the inspector, which the logged URL has opened', async () => {
    const studio = await openFlow()
    await studio.page.goto(example.inspector)
    await studio.page.goto(example.url)
    await click(studio.page, named('link', 'Inspector'))
    await studio.has(named('heading', 'Subjects'))
  })

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 390],
  ] as const)('has nothing that axe objects to, %s, %i pixels wide', async (colorScheme, width) => {
    const media: MediaFeature[] = [{ name: 'prefers-color-scheme', value: colorScheme }]
    const studio = await openFlow({ media, viewport: { width, height: 844, hasTouch: width === 390 } })
    await studio.choose('Film')
    await isLit(studio, 'cookie')
    expect(await findings(studio.page)).toEqual([])
    await studio.page.goto(`${example.url}/two`)
    expect(await findings(studio.page)).toEqual([])
    expect(studio.errors).toEqual([])
  })
})
