import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Locator } from 'playwright-core'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { Example } from '../support/example.js'
import { Studio } from '../support/studio.js'

let example: Example

async function openHood(): Promise<Studio> {
  const studio = await Studio.open(await openBrowser(), example.url)
  await studio.isConnected()
  await studio.page.locator('summary', { hasText: 'Under the hood' }).click()
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
    for (const place of ['cache', 'cookie', 'browser']) await holds(studio, place, false)
    const before = Date.now()
    await studio.choose('Film')
    for (const place of ['cache', 'cookie', 'browser']) await holds(studio, place, true)
    expect(await division(studio, '[data-value]').textContent()).toBe('2')
    const stamp = Number(await division(studio, '[data-stamp]').getAttribute('data-stamp'))
    expect(stamp).toBeGreaterThanOrEqual(before)
    expect(stamp).toBeLessThanOrEqual(Date.now())
  })

  it('restarts the server, which loses nothing', async () => {
    const studio = await openHood()
    await studio.choose('Film')
    const pid = await studio.page.locator('.pid').textContent()
    await studio.page.getByRole('button', { name: 'Restart the server' }).click()
    await studio.page.locator('.pid', { hasNotText: pid ?? '' }).waitFor()
    await studio.isConnected()
    await studio.go('Costs')
    await studio.shows('Costs', 'Film')
    for (const place of ['cache', 'cookie', 'browser']) await holds(studio, place, true)
  })

  it('empties the cache, which is filled again from the cookie', async () => {
    const studio = await openHood()
    await studio.choose('Film')
    const isCut = studio.isCut()
    await studio.page.getByRole('button', { name: 'Empty the cache' }).click()
    await isCut
    await studio.isConnected()
    await holds(studio, 'cache', true)
    await studio.page.reload()
    await studio.shows('Home', 'Film')
  })

  it('goes offline, and brings home what was chosen meanwhile', async () => {
    const studio = await openHood()
    await studio.page.getByRole('button', { name: 'Go offline' }).click()
    await studio.page.locator('#connection[data-state=offline]').waitFor()
    await studio.pick('Film')
    await studio.page.locator('[data-key=division][data-status=offline]').waitFor()
    await studio.page.getByText('Offline: the figures follow once the connection is back.').waitFor()
    await studio.page.getByRole('button', { name: 'Go online' }).click()
    await studio.hasSaved()
    await studio.shows('Home', 'Film')
    await studio.page.reload()
    await studio.shows('Home', 'Film')
  })
})

describeInBrowser('the example', () => {
  beforeAll(async () => {
    example = await Example.start()
  })
  afterAll(async () => {
    await example.stop()
  })

  it('is used with the keyboard alone', async () => {
    const studio = await Studio.open(await openBrowser(), example.url)
    await studio.isConnected()
    const { keyboard } = studio.page
    await keyboard.press('Tab')
    expect(await studio.page.evaluate('document.activeElement.textContent.trim()')).toBe('Skip to content')
    await studio.page.getByRole('radio', { name: 'All divisions' }).focus()
    await keyboard.press('ArrowRight')
    await keyboard.press('ArrowRight')
    await studio.shows('Home', 'Film')
    await studio.page.getByRole('navigation').getByRole('link', { name: 'Projects' }).focus()
    await keyboard.press('Enter')
    await studio.shows('Projects', 'Film')
    expect(await studio.page.evaluate('document.activeElement.tagName')).toBe('H1')
    await studio.page.locator('summary', { hasText: 'Under the hood' }).focus()
    await keyboard.press('Space')
    await studio.page.getByRole('button', { name: 'Restart the server' }).waitFor()
  })

  it.each([
    ['a wide window', 1280],
    ['a phone', 360],
  ])('fits %s, and breaks no rule of its Content-Security-Policy', async (_, width) => {
    const studio = await Studio.open(await openBrowser({ viewport: { width, height: 800 } }), example.url)
    await studio.isConnected()
    for (const view of ['Projects', 'Costs', 'Home']) {
      await studio.go(view)
      await studio.shows(view, 'All')
      expect(await studio.page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
    }
    expect(studio.errors).toEqual([])
  })

  it('refuses what another site posts', async () => {
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    for (const path of ['/sign-in', '/sign-out', '/division', '/theme', '/restart', '/empty-cache']) {
      expect((await fetch(example.url + path, { method: 'POST', headers })).status).toBe(403)
    }
  })
})
