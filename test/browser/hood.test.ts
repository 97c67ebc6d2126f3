import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Locator } from 'playwright-core'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { Example } from '../support/example.js'
import { Gate } from '../support/gate.js'
import { Studio } from '../support/studio.js'

let example: Example

async function openHood(): Promise<Studio> {
  const studio = await Studio.open(await openBrowser(), example.url)
  await studio.isConnected()
  await studio.toggleHood()
  return studio
}

const division = ({ page }: Studio, selector: string): Locator => page.locator(`[data-key=division] ${selector}`)
const holds = (studio: Studio, place: string, isHeld: boolean): Promise<void> => {
  return division(studio, `[data-place=${place}][data-held=${isHeld}]`).waitFor()
}

describeInBrowser('the panel "Under the hood"', () => {
  beforeAll(async () => {
    example = await Example.start()
  })
  afterAll(async () => {
    await example.stop()
  })

  it('shows each value with its stamp, and which places hold it', async () => {
    const studio = await openHood()
    for (const place of ['cache', 'cookie', 'page']) await holds(studio, place, false)
    const before = Date.now()
    await studio.choose('Film')
    for (const place of ['cache', 'cookie', 'page']) await holds(studio, place, true)
    const stamp = Number(await division(studio, '[data-stamp]').getAttribute('data-stamp'))
    expect(stamp).toBeGreaterThanOrEqual(before)
    expect(stamp).toBeLessThanOrEqual(Date.now())
  })

  it('restarts the server, which loses nothing', async () => {
    const studio = await openHood()
    await studio.choose('Film')
    const pid = await studio.page.locator('.pid').textContent()
    await studio.page.getByRole('button', { name: 'Restart the server', exact: true }).click()
    await studio.tells(/Server restarted as process \d+, restored from your cookie: Division Film/)
    expect(await studio.page.locator('.pid').textContent()).not.toBe(pid)
    await studio.go('Costs')
    await studio.shows('Costs', 'Film')
    for (const place of ['cache', 'cookie', 'page']) await holds(studio, place, true)
  })

  it('calls no process restarted that still runs, however late it hears which one that is', async () => {
    const context = await openBrowser()
    let cut = (): void => undefined
    await context.routeWebSocket(/socket\.io/, (socket) => {
      socket.connectToServer()
      cut = () => void socket.close()
    })
    const [reports, restarts] = [new Gate(), new Gate()]
    await context.route('**/hood', async (route) => {
      await reports.pass()
      await route.continue()
    })
    await context.route('**/restart', async (route) => {
      await restarts.pass()
      await route.continue()
    })
    const pid = await example.pid()
    const studio = await Studio.open(context, example.url)
    await studio.isConnected()
    await studio.toggleHood()
    await studio.page.getByRole('button', { name: 'Restart the server', exact: true }).click()
    reports.open()
    await studio.page.locator('.pid', { hasText: String(pid) }).waitFor()
    const isCut = await studio.watchConnection()
    cut()
    await isCut()
    await studio.isConnected()
    await studio.choose('Film')
    restarts.open()
    await studio.tells(/Server restarted as process \d+/)
    expect(await studio.page.locator('.news').textContent()).not.toMatch(new RegExp(`process ${pid}\\b`))
  })

  it('says no more which process it was restarted as, once that has ended', async () => {
    const studio = await openHood()
    await studio.page.getByRole('button', { name: 'Restart the server', exact: true }).click()
    await studio.tells(/Server restarted as process \d+/)
    await example.kill()
    await studio.page.locator('.news', { hasText: 'restarted' }).waitFor({ state: 'detached' })
  })

  it('empties the cache, which is filled again from the cookie', async () => {
    const studio = await openHood()
    await studio.choose('Film')
    await studio.page.getByRole('button', { name: 'Empty the cache' }).click()
    await studio.tells('Cache emptied, restored from your cookie: Division Film')
    await holds(studio, 'cache', true)
    await studio.page.reload()
    await studio.shows('Home', 'Film')
  })

  it('goes offline, and brings home what was chosen meanwhile', async () => {
    const studio = await openHood()
    await studio.page.getByRole('button', { name: 'Go offline' }).click()
    await studio.page.locator('#connection[data-state=offline]').waitFor()
    await studio.tells('This page is offline. Choose a division: it is kept here until you go online.')
    await studio.pick('Film')
    await studio.page.locator('[data-key=division][data-status=offline]').waitFor()
    await studio.page.getByText('Offline: the figures follow once the connection is back.').waitFor()
    await studio.page.getByRole('button', { name: 'Go online' }).click()
    await studio.tells('Online again, and saved: Division Film')
    await studio.shows('Home', 'Film')
    await studio.page.reload()
    await studio.shows('Home', 'Film')
  })

  it('names keys and values as people do', async () => {
    const studio = await openHood()
    const cards = studio.page.locator('.hood-field')
    expect(await cards.locator('h2').allTextContents()).toEqual(['Division', 'Theme'])
    expect(await cards.locator('[data-value]').allTextContents()).toEqual(['All divisions', 'Auto'])
    await studio.choose('Film')
    await studio.page.getByRole('radio', { name: 'Dark' }).click()
    await cards.locator('[data-value]', { hasText: 'Dark' }).waitFor()
    expect(await cards.locator('[data-value]').allTextContents()).toEqual(['Film', 'Dark'])
  })

  it('shows no state of what was never chosen, for there is nothing to save', async () => {
    const studio = await openHood()
    expect(await studio.page.locator('.hood-field .state, .brief .state').count()).toBe(0)
    await studio.choose('Film')
    expect(await studio.page.locator('.hood-field .state').allTextContents()).toEqual(['saved'])
  })

  it('explains in a legend each place, each state and the stamp', async () => {
    const { page } = await openHood()
    const legend = (await page.locator('.hood-legend').textContent()) ?? ''
    const places = await page.locator('[data-key=division] [data-place]').evaluateAll((chips) => {
      return chips.map((chip) => chip.getAttribute('data-place') ?? '')
    })
    expect(places).toEqual(['cache', 'cookie', 'page'])
    for (const word of [...places, 'has this value', 'has it not', 'saved', 'saving', 'offline', 'rejected', 'Stamp']) {
      expect(legend).toContain(word)
    }
  })

  it.each([1280, 390])('is one line at first, %i pixels wide, until the visitor opens it', async (width) => {
    const studio = await Studio.open(await openBrowser({ viewport: { width, height: 800 } }), example.url)
    await studio.isConnected()
    expect(await studio.page.evaluate("document.querySelector('#hood').offsetHeight")).toBeLessThan(48)
    const button = studio.page.getByRole('button', { name: 'Go offline' })
    await button.waitFor({ state: 'hidden' })
    await studio.toggleHood()
    await button.waitFor()
    await studio.page.reload()
    await studio.isConnected()
    await button.waitFor()
  })
})
