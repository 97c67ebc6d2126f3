import { expect, it } from '@jest/globals'
import type { MediaFeature } from 'puppeteer-core'
import { present } from '../support/app/present.js'
import { type Conditions, describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click, named, shows, textOf, textsOf } from '../support/page/on-page.js'
import { Studio } from '../support/page/studio.js'
import { runningExample } from '../support/servers/running-example.js'
import { findings } from './axe.js'

const example = runningExample()

const STATIONS = ['page', 'socket', 'memory', 'ticket', 'post', 'cookie']

async function openHood(conditions: Conditions = {}): Promise<Studio> {
  const studio = await Studio.open(await openBrowser(conditions), example.url)
  await studio.toggleHood()
  return studio
}

const holds = (studio: Studio, place: string, isHeld: boolean): Promise<void> => {
  return studio.has(`[data-key=division] [data-place=${place}][data-held=${isHeld}]`)
}

describeInBrowser('the panel', () => {
  it('shows each value, its stamp, and the places that hold it', async () => {
    const studio = await openHood()
    for (const place of ['cache', 'cookie', 'page']) await holds(studio, place, false)
    const before = Date.now()
    await studio.choose('Film')
    for (const place of ['cache', 'cookie', 'page']) await holds(studio, place, true)
    const stamp = Number(
      await studio.page.evaluate("document.querySelector('[data-key=division] [data-stamp]').dataset.stamp"),
    )
    expect(stamp).toBeGreaterThanOrEqual(before)
    expect(stamp).toBeLessThanOrEqual(Date.now())
  })

  it('restarts the server without a loss', async () => {
    const studio = await openHood()
    await studio.choose('Film')
    const pid = await textOf(studio.page, '.pid')
    await studio.press('Restart the server')
    await studio.tells(/Server restarted as process \d+, restored from your cookie: Division Film/)
    expect(await textOf(studio.page, '.pid')).not.toBe(pid)
    await studio.go('Costs')
    await studio.shows('Costs', 'Film')
    for (const place of ['cache', 'cookie', 'page']) await holds(studio, place, true)
  })

  it('goes offline, and saves the offline choice when online again', async () => {
    const studio = await openHood()
    await studio.press('Go offline')
    await studio.has('#connection[data-state=offline]')
    await studio.tells('This page is offline. Choose a division: it is kept here until you go online.')
    await studio.pick('Film')
    await studio.has('[data-key=division][data-status=offline]')
    await shows(studio.page, '#notice', 'Offline: the figures follow once the connection is back.')
    await studio.press('Go online')
    await studio.tells('Online again, and saved: Division Film')
    await studio.shows('Home', 'Film')
    await studio.page.reload()
    await studio.shows('Home', 'Film')
  })

  it('shows an offline choice that the next page saves', async () => {
    const studio = await openHood()
    await studio.press('Go offline')
    await studio.pick('Design')
    await studio.has('[data-key=division][data-status=offline]')
    // Without the parameter, so the server renders the page before it knows the choice.
    await studio.page.goto(`${example.url}/costs`)
    await studio.hasSaved()
    await studio.shows('Costs', 'Design')
  })
})

const isLit = (studio: Studio, station: string): Promise<void> => studio.has(`[data-station=${station}][data-lit=true]`)
const msOf = async ({ page }: Studio): Promise<readonly number[]> =>
  (await textsOf(page, '.station .ms')).map((text) => Number.parseInt(text, 10))
const log = ({ page }: Studio): Promise<readonly string[]> => textsOf(page, '.trips li')

describeInBrowser('the flow in the panel', () => {
  it('lights each station that a change reaches, and shows the ms', async () => {
    const studio = await openHood()
    expect(await studio.page.$('[data-lit=true]')).toBeNull()
    await studio.choose('Film')
    for (const station of STATIONS) await isLit(studio, station)
    const ms = await msOf(studio)
    expect(ms).toEqual(ms.toSorted((one, other) => one - other))
    expect(await log(studio)).toEqual([`Division: in the cookie after ${ms.at(-1)} ms`])
  })

  it('keeps its height, so that the figures stay visible', async () => {
    const studio = await openHood()
    const height = (): Promise<unknown> => studio.page.evaluate("document.querySelector('.hood').offsetHeight")
    const before = await height()
    for (const division of ['Film', 'Design', 'Events', 'Film', 'Design']) {
      await studio.choose(division)
      await isLit(studio, 'cookie')
    }
    expect(await log(studio)).toHaveLength(5)
    expect(await height()).toBe(before)
  })

  it('says on hover what each button will do', async () => {
    const studio = await openHood()
    const buttons = await studio.page.$$eval('.station button.button', (all) =>
      all.map((one) => [one.textContent, one.title]),
    )
    expect(buttons.map(([name]) => name)).toEqual([
      'Go offline',
      'Cut the socket',
      'Empty the memory',
      'Restart the server',
      'Kill the server here',
      'Lose the next POST',
    ])
    expect(buttons.map(([, hint]) => hint)).not.toContain('')
  })

  it.each([
    ['page', 'example/browser.ts', "live.set('division'"],
    ['memory', 'server/values/values.ts', 'this.#changes.apply('],
    ['cookie', 'server/cookie/cookie.ts', 'save()'],
  ])('shows the code that lights the lamp %s, at a click', async (station, file, code) => {
    const studio = await openHood()
    await studio.press(`${station}: its code`)
    await shows(studio.page, '.code figcaption', file)
    await shows(studio.page, '.code pre', code)
    await studio.has(`[data-station=${station}] [aria-pressed=true]`)
  })

  it('shows the code beside the lamps', async () => {
    const studio = await openHood({ viewport: { width: 1280, height: 844 } })
    const [lamps, code] = await Promise.all(
      ['.stations', '.code'].map((selector) =>
        studio.page.$eval(selector, (one) => one.getBoundingClientRect().toJSON()),
      ),
    )
    expect(code.left).toBeGreaterThanOrEqual(lamps.right)
    expect(code.top).toBeLessThanOrEqual(lamps.bottom)
  })

  it('has no animation with reduced motion', async () => {
    const studio = await openHood({ media: [{ name: 'prefers-reduced-motion', value: 'reduce' }] })
    await studio.choose('Film')
    for (const station of STATIONS) await isLit(studio, station)
    expect(await textsOf(studio.page, '.dot, .slowness')).toEqual([])
  })

  it('continues after a lost POST', async () => {
    const studio = await openHood()
    const posts: string[] = []
    studio.page.on('request', (request) => posts.push(request.postData() ?? ''))
    await studio.page.evaluate(`{ const send = fetch; window.tried = 0
      fetch = (...sent) => { if (String(sent[0]).endsWith('/store_session')) window.tried += 1; return send(...sent) } }`)
    await studio.press('Lose the next POST')
    await studio.tells('its POST is lost on the way')
    await studio.choose('Film')
    await isLit(studio, 'cookie')
    const sent = posts.filter((body) => body.includes('"tickets"')).length
    expect(Number(await studio.page.evaluate('tried'))).toBeGreaterThan(sent)
    await studio.page.reload()
    await studio.shows('Home', 'Film')
  })

  it('continues after the server loses an unsaved change', async () => {
    const studio = await openHood()
    const pid = await example.pid()
    await studio.press('Kill the server here')
    await studio.tells('Choose a division: the server ends once it has it, before the cookie does.')
    await studio.pick('Film')
    await isLit(studio, 'memory')
    await studio.tells(/Server ended before the cookie had it; process \d+, restored from .*: Division Film/)
    expect(await example.pid()).not.toBe(pid)
    await isLit(studio, 'cookie')
    await studio.page.reload()
    await studio.shows('Home', 'Film')
  })

  it('marks another tab’s change for a moment', async () => {
    const person = await openBrowser()
    const [one, two] = [await Studio.open(person, example.url), await Studio.open(person, example.url)]
    await two.toggleHood()
    await one.pick('Film')
    await two.has('#division-choice[data-news]')
    await two.has('#division-choice:not([data-news])')
    expect(await log(two)).toEqual(['Division: came from another tab'])
    expect(await one.page.$('#division-choice[data-news]')).toBeNull()
  })

  it('works between the two frames of the page /two', async () => {
    const page = await (await openBrowser()).open(`${example.url}/two`)
    const frames = await page.$$('iframe')
    const [left, right] = await Promise.all(frames.map((frame) => frame.contentFrame()))
    for (const tab of [left, right]) await tab?.waitForSelector('#connection[data-state=connected]')
    await click(present(left), named('radio', 'Film'))
    await shows(present(right), '.view-heading', 'Film')
  })

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 390],
  ] as const)('passes axe, %s, %i pixels wide', async (colorScheme, width) => {
    const media: MediaFeature[] = [{ name: 'prefers-color-scheme', value: colorScheme }]
    const studio = await openHood({ media, viewport: { width, height: 844, hasTouch: width === 390 } })
    await studio.choose('Film')
    await isLit(studio, 'cookie')
    expect(await findings(studio.page)).toEqual([])
    await studio.page.goto(`${example.url}/two`)
    expect(await findings(studio.page)).toEqual([])
    expect(studio.errors).toEqual([])
  })
})
