import { expect, it } from '@jest/globals'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click, controlValue, isVisible, named, shows, textOf } from '../support/page/on-page.js'
import { Studio } from '../support/page/studio.js'
import { runningExample } from '../support/servers/running-example.js'

const example = runningExample()
const urlOf = (path: string): string => new URL(path, example.url).href

describeInBrowser('the example', () => {
  it('works with the keyboard alone', async () => {
    const studio = await Studio.open(await openBrowser(), example.url)
    const { keyboard } = studio.page
    await keyboard.press('Tab')
    expect(await studio.page.evaluate('document.activeElement.textContent.trim()')).toBe('Skip to content')
    await studio.page.focus(named('radio', 'All divisions'))
    await keyboard.press('ArrowRight')
    await keyboard.press('ArrowRight')
    await studio.shows('Home', 'Film')
    await studio.page.focus('nav [href="/projects"]')
    await keyboard.press('Enter')
    await studio.shows('Projects', 'Film')
    expect(await studio.page.evaluate('document.activeElement.tagName')).toBe('H1')
    const button = '[data-station=memory] .button'
    await studio.page.focus('#hood summary')
    await keyboard.press('Space')
    await isVisible(studio.page, button, true)
    await keyboard.press('Space')
    await isVisible(studio.page, button, false)
    await keyboard.press('Space')
    await isVisible(studio.page, button, true)
    for (const _ of ['page', 'Go offline', 'socket', 'Cut', 'memory', 'Empty']) await keyboard.press('Tab')
    expect(await studio.page.evaluate('document.activeElement.textContent')).toBe('Empty the memory')
    await keyboard.press('Enter')
    await studio.tells('Memory emptied, restored from your cookie: Division Film')
  })

  it('keeps each tab’s form step over a restart', async () => {
    const person = await openBrowser()
    const [one, two] = [await Studio.open(person, example.url), await Studio.open(person, example.url)]
    await one.go('Projects')
    await click(one.page, named('link', 'New project'))
    await two.page.goto(`${example.url}/new`)
    const step = ({ page }: Studio): Promise<string> => textOf(page, '.steps [aria-current]')
    for (const studio of [one, two]) await studio.isConnected()
    await one.page.focus('[name=name]')
    await one.page.keyboard.type('Harbour')
    await one.page.keyboard.press('Enter')
    await one.press('Next')
    expect([await step(one), await step(two)]).toEqual(['Check', 'Name'])
    await two.press('Next')
    for (const studio of [one, two]) await studio.page.reload()
    // Reads the HTML before its script has run.
    expect([await step(one), await step(two)]).toEqual(['Check', 'Budget'])
    expect(await textOf(one.page, 'output[name=summary]')).toBe('Harbour')
    await one.isConnected()
    await one.toggleHood()
    const reconnected = await one.watchConnection()
    await one.press('Restart the server')
    await reconnected()
    await one.isConnected()
    // The panel would cover the form.
    await one.toggleHood()
    await one.page.reload()
    expect([await step(one), await step(two)]).toEqual(['Check', 'Budget'])
    // Before the page's script has run, the browser would send the form.
    await one.isConnected()
    await one.press('Create')
    await shows(one.page, '#flash', 'Harbour: this is a demo')
    expect(await step(one)).toBe('Name')
    expect(await controlValue(one.page, '[name=name]')).toBe('')
  })

  it.each([
    ['a wide window', 1280],
    ['a phone', 360],
    ['the smallest phone', 320],
  ])('fits %s and violates no rule of its Content-Security-Policy', async (_, width) => {
    const studio = await Studio.open(await openBrowser({ viewport: { width, height: 800 } }), example.url)
    for (const view of ['Projects', 'Costs', 'Home']) {
      await studio.go(view)
      await studio.shows(view, 'All')
      expect(await studio.page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
    }
    expect(studio.errors).toEqual([])
  })

  it('has an inspector, which shows the chosen division', async () => {
    const person = await openBrowser()
    const studio = await Studio.open(person, example.url)
    await studio.choose('Film')
    const id = await controlValue(studio.page, '[name=division]:checked')
    const page = await person.open(`${example.url}/inspector`)
    await shows(page, 'body', 'You may not look here.')
    await page.goto(example.inspector)
    await page.waitForSelector(named('heading', 'Subjects'))
    expect(page.url()).toBe(`${example.url}/inspector?`)
    await page.goto(example.url)
    await page.goto(
      await page.$eval(named('link', 'Inspector'), (link) => String(link.getAttribute('href'))).then(urlOf),
    )
    await shows(page, '[data-key$=" division"] [data-title=Value]', new RegExp(`^${id}$`))
  })

  it('refuses cross-site POSTs', async () => {
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    for (const path of ['/sign-in', '/sign-out', '/division', '/theme', '/restart', '/end-next', '/empty-cache']) {
      expect((await fetch(example.url + path, { method: 'POST', headers })).status).toBe(403)
    }
  })

  it('with JavaScript off, restarts the server and reloads', async () => {
    const page = await (await openBrowser({ hasScripts: false })).open(example.url)
    await page.click('[name=division][value="3"]')
    await page.click('#division-choice button')
    await shows(page, '.view-heading', 'Design')
    await page.click('.intro button')
    await shows(page, 'body', 'The server is restarting')
    await shows(page, '.view-heading', 'Design')
  })
})
