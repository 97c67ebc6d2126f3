import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { BrowserContextOptions } from 'playwright-core'
import { findings } from '../support/axe.js'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { Example } from '../support/example.js'
import { Studio } from '../support/studio.js'

const STATIONS = ['page', 'socket', 'memory', 'ticket', 'post', 'cookie']

let example: Example

async function openFlow(options: BrowserContextOptions = {}): Promise<Studio> {
  const studio = await Studio.open(await openBrowser(options), example.url)
  await studio.isConnected()
  await studio.toggleHood()
  return studio
}

const cause = ({ page }: Studio, name: string): Promise<void> => page.getByRole('button', { name }).click()
const isLit = ({ page }: Studio, station: string): Promise<void> =>
  page.locator(`[data-station=${station}][data-lit=true]`).waitFor()
const msOf = ({ page }: Studio): Promise<readonly number[]> =>
  page
    .locator('.station .ms')
    .evaluateAll((all) => all.map(({ textContent }) => Number.parseInt(textContent ?? '', 10)))
const log = ({ page }: Studio): Promise<readonly string[]> => page.locator('.trips li').allTextContents()

describeInBrowser('the way of a change, in the example', () => {
  beforeAll(async () => {
    example = await Example.start()
  })
  afterAll(async () => {
    await example.stop()
  })

  it('lights each station as it is reached, with the ms until then', async () => {
    const studio = await openFlow()
    expect(await studio.page.locator('[data-lit=true]').count()).toBe(0)
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
    await studio.page.getByRole('radio', { name: '20x slower' }).check()
    await studio.page.locator('[data-station=cookie][data-lit=false]').waitFor()
    const placeOf = async (): Promise<number> =>
      Number(await studio.page.locator('.dot').evaluate((dot) => (dot as HTMLElement).style.left.replace('%', '')))
    const before = await placeOf()
    await isLit(studio, 'cookie')
    expect(await placeOf()).toBeGreaterThan(before)
  })

  it('has only states, where the visitor wants no motion', async () => {
    const studio = await openFlow({ reducedMotion: 'reduce' })
    await studio.choose('Film')
    for (const station of STATIONS) await isLit(studio, station)
    expect(await studio.page.locator('.dot').isVisible()).toBe(false)
    expect(await studio.page.locator('.slowness').isVisible()).toBe(false)
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
    await cause(studio, 'Drop next POST')
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
    await cause(studio, 'End here')
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
    const closed = studio.page.waitForEvent('websocket')
    await cause(studio, 'Cut the socket')
    await closed
    await studio.tells('Socket cut, and connected again, restored from your cookie: Division Film.')
    await studio.choose('Design')
  })

  it('marks for a moment what another tab has changed, and says where it came from', async () => {
    const context = await openBrowser()
    const [one, two] = [await Studio.open(context, example.url), await Studio.open(context, example.url)]
    for (const tab of [one, two]) await tab.isConnected()
    await two.toggleHood()
    await one.pick('Film')
    await two.page.locator('#division-choice[data-news]').waitFor()
    await two.page.locator('#division-choice:not([data-news])').waitFor()
    expect(await log(two)).toEqual(['Division: came from another tab'])
    expect(await one.page.locator('#division-choice[data-news]').count()).toBe(0)
  })

  it('has two tabs in one page', async () => {
    const page = await (await openBrowser()).newPage()
    await page.goto(`${example.url}/two`)
    const [left, right] = [page.frameLocator('iframe >> nth=0'), page.frameLocator('iframe >> nth=1')]
    for (const tab of [left, right]) await tab.locator('#connection[data-state=connected]').waitFor()
    await left.getByRole('radio', { name: 'Film' }).click()
    await right.locator('.view-heading', { hasText: 'Film' }).waitFor()
  })

  it('is half of a phone at most, and shut once one has gone elsewhere', async () => {
    const studio = await openFlow({ viewport: { width: 390, height: 844 } })
    const height = Number(await studio.page.evaluate("document.querySelector('.hood-body').offsetHeight"))
    expect(height).toBeLessThanOrEqual(422)
    await studio.go('Costs')
    await studio.page.getByRole('button', { name: 'Go offline' }).waitFor({ state: 'hidden' })
  })

  it('has a link to the inspector, which the logged URL has opened', async () => {
    const studio = await openFlow()
    await studio.page.goto(example.inspector)
    await studio.page.goto(example.url)
    await studio.page.getByRole('link', { name: 'Inspector' }).click()
    await studio.page.getByRole('heading', { name: 'Subjects' }).waitFor()
  })

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 390],
  ] as const)('has nothing that axe objects to, %s, %i pixels wide', async (colorScheme, width) => {
    const studio = await openFlow({ colorScheme, viewport: { width, height: 844 }, hasTouch: width === 390 })
    await studio.choose('Film')
    await isLit(studio, 'cookie')
    expect(await findings(studio.page)).toEqual([])
    await studio.page.goto(`${example.url}/two`)
    expect(await findings(studio.page)).toEqual([])
    expect(studio.errors).toEqual([])
  })
})
