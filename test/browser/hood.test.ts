import { expect, it } from '@jest/globals'
import { Gate } from '../support/app/gate.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { intercept } from '../support/page/intercept.js'
import { click, is, isVisible, named, shows, textOf, textsOf } from '../support/page/on-page.js'
import { Studio } from '../support/page/studio.js'
import { runningExample } from '../support/servers/running-example.js'

const example = runningExample()

/** Makes the newest WebSocket of a page known to the test. */
const KEEP_SOCKET = `globalThis.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given)
    globalThis.lastSocket = this
  }
}`

async function openHood(): Promise<Studio> {
  const studio = await Studio.open(await openBrowser(), example.url)
  await studio.toggleHood()
  return studio
}

const holds = (studio: Studio, place: string, isHeld: boolean): Promise<void> => {
  return studio.has(`[data-key=division] [data-place=${place}][data-held=${isHeld}]`)
}

describeInBrowser('the panel "Under the hood"', () => {
  it('shows each value with its stamp, and which places hold it', async () => {
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

  it('restarts the server, which loses nothing', async () => {
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

  it('calls no process restarted that still runs, however late it hears which one that is', async () => {
    const person = await openBrowser({ script: KEEP_SOCKET })
    const [reports, restarts] = [new Gate(), new Gate()]
    const pid = await example.pid()
    const studio = new Studio(await person.newPage(), person)
    await intercept(studio.page, /\/(hood|restart)$/, async (request) => {
      await (request.url().endsWith('hood') ? reports : restarts).pass()
      await request.continue()
    })
    await studio.page.goto(example.url)
    await studio.isConnected()
    await studio.toggleHood()
    await studio.press('Restart the server')
    reports.open()
    await shows(studio.page, '.pid', String(pid))
    const isCut = await studio.watchConnection()
    await studio.page.evaluate('lastSocket.close()')
    await isCut()
    await studio.isConnected()
    await studio.choose('Film')
    restarts.open()
    await studio.tells(/Server restarted as process \d+/)
    expect(await textOf(studio.page, '.news')).not.toMatch(new RegExp(`process ${pid}\\b`))
  })

  it('says no more which process it was restarted as, once that has ended', async () => {
    const studio = await openHood()
    await studio.press('Restart the server')
    await studio.tells(/Server restarted as process \d+/)
    await example.kill()
    await is(studio.page, "/restarted/.test(document.querySelector('.news').textContent)", false)
  })

  it('empties the cache, which is filled again from the cookie', async () => {
    const studio = await openHood()
    await studio.choose('Film')
    await studio.press('Empty the cache')
    await studio.tells('Cache emptied, restored from your cookie: Division Film')
    await holds(studio, 'cache', true)
    await studio.page.reload()
    await studio.shows('Home', 'Film')
  })

  it('goes offline, and brings home what was chosen meanwhile', async () => {
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

  it('names keys and values as people do', async () => {
    const studio = await openHood()
    const values = (): Promise<string[]> => textsOf(studio.page, '.hood-field [data-value]')
    expect(await textsOf(studio.page, '.hood-field h2')).toEqual(['Division', 'Theme'])
    expect(await values()).toEqual(['All divisions', 'Auto'])
    await studio.choose('Film')
    await click(studio.page, named('radio', 'Dark'))
    await shows(studio.page, '.hood-field [data-value]', 'Dark')
    expect(await values()).toEqual(['Film', 'Dark'])
  })

  it('shows no state of what was never chosen, for there is nothing to save', async () => {
    const studio = await openHood()
    expect(await textsOf(studio.page, '.hood-field .state, .brief .state')).toEqual([])
    await studio.choose('Film')
    expect(await textsOf(studio.page, '.hood-field .state')).toEqual(['saved'])
  })

  it('explains in a legend each place, each state and the stamp', async () => {
    const { page } = await openHood()
    const legend = await textOf(page, '.hood-legend')
    const places = await page.$$eval('[data-key=division] [data-place]', (chips) => {
      return chips.map((chip) => chip.getAttribute('data-place') ?? '')
    })
    expect(places).toEqual(['cache', 'cookie', 'page'])
    for (const word of [...places, 'has this value', 'has it not', 'saved', 'saving', 'offline', 'rejected', 'Stamp']) {
      expect(legend).toContain(word)
    }
  })

  it.each([1280, 390])('is one line at first, %i pixels wide, until the visitor opens it', async (width) => {
    const studio = await Studio.open(await openBrowser({ viewport: { width, height: 800 } }), example.url)
    expect(await studio.page.evaluate("document.querySelector('#hood').offsetHeight")).toBeLessThan(48)
    const button = '[aria-label="Go offline"]'
    await isVisible(studio.page, button, false)
    await studio.toggleHood()
    await isVisible(studio.page, button, true)
    await studio.page.reload()
    await studio.isConnected()
    await isVisible(studio.page, button, true)
  })
})
