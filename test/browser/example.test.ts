import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { Example } from '../support/example.js'
import { Studio } from '../support/studio.js'

let example: Example

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
    const panel = studio.page.locator('summary', { hasText: 'Under the hood' })
    const button = studio.page.getByRole('button', { name: 'Empty the cache' })
    await panel.focus()
    await keyboard.press('Space')
    await button.waitFor()
    await keyboard.press('Space')
    await button.waitFor({ state: 'hidden' })
    await keyboard.press('Space')
    await button.waitFor()
    for (const _ of ['Go offline', 'Cut', 'Empty']) await keyboard.press('Tab')
    expect(await studio.page.evaluate('document.activeElement.textContent')).toBe('Empty')
    await keyboard.press('Enter')
    await studio.tells('Cache emptied, restored from your cookie: Division Film')
  })

  it('has a form whose step is each tab’s own, by keyboard and mouse, over reloads and a restart', async () => {
    const context = await openBrowser()
    const [one, two] = [await Studio.open(context, example.url), await Studio.open(context, example.url)]
    await one.go('Projects')
    await one.page.getByRole('link', { name: 'New project' }).click()
    await two.page.goto(`${example.url}/new`)
    const step = (studio: Studio): Promise<string | null> => studio.page.locator('.steps [aria-current]').textContent()
    for (const studio of [one, two]) await studio.isConnected()
    await one.page.getByRole('textbox', { name: 'Name', exact: true }).focus()
    await one.page.keyboard.type('Harbour')
    await one.page.keyboard.press('Enter')
    await one.page.getByRole('button', { name: 'Next' }).click()
    expect([await step(one), await step(two)]).toEqual(['Check', 'Name'])
    await two.page.getByRole('button', { name: 'Next' }).click()
    for (const studio of [one, two]) await studio.page.reload()
    // The first HTML, without its script.
    expect([await step(one), await step(two)]).toEqual(['Check', 'Budget'])
    expect(await one.page.locator('output[name=summary]').textContent()).toBe('Harbour')
    await one.isConnected()
    await one.toggleHood()
    const reconnected = await one.watchConnection()
    await one.page.getByRole('button', { name: 'Restart the server', exact: true }).click()
    await reconnected()
    await one.isConnected()
    await one.page.reload()
    expect([await step(one), await step(two)]).toEqual(['Check', 'Budget'])
    await one.page.getByRole('button', { name: 'Create' }).click()
    await one.page.getByText('Harbour: this is a demo').waitFor()
    expect(await step(one)).toBe('Name')
    expect(await one.page.getByRole('textbox', { name: 'Name', exact: true }).inputValue()).toBe('')
  })

  it.each([
    ['a wide window', 1280],
    ['a phone', 375],
  ])('hides nothing behind the open panel that has the focus, in %s', async (_, width) => {
    const { page } = await openWithPanel(width)
    const hidden: string[] = []
    let focus = ''
    do {
      await page.keyboard.press('Tab')
      focus = String(await page.evaluate('document.activeElement.textContent || document.activeElement.value'))
      if (await page.evaluate(IS_COVERED)) hidden.push(focus)
    } while (focus !== 'Go offline')
    expect(hidden).toEqual([])
  })

  it.each([
    ['a wide window', 1280],
    ['a phone', 375],
  ])('stays where it is while the panel is gone through, in %s', async (_, width) => {
    const { page } = await openWithPanel(width)
    await page.evaluate("document.querySelector('#hood summary').focus({ preventScroll: true })")
    for (const button of ['Go offline', 'Cut', 'Empty', 'Restart', 'End here', 'Drop next']) {
      await page.keyboard.press('Tab')
      expect(await page.evaluate('document.activeElement.textContent')).toBe(button)
      expect(await page.evaluate('scrollY')).toBe(0)
    }
  })

  it.each([
    ['a wide window', 1280],
    ['a phone', 360],
    ['the smallest phone', 320],
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

  it('has an inspector, which shows what is chosen in its pages', async () => {
    const context = await openBrowser()
    const studio = await Studio.open(context, example.url)
    await studio.isConnected()
    await studio.choose('Film')
    const { id } = await studio.page.evaluate<{ id: number }>(
      "({ id: Number(document.querySelector('[name=division]:checked').value) })",
    )
    const page = await context.newPage()
    await page.goto(`${example.url}/inspector`)
    await page.getByText('You may not look here.').waitFor()
    // Once the URL in the terminal has opened it, the link does.
    await page.goto(example.inspector)
    await page.getByRole('heading', { name: 'Subjects' }).waitFor()
    expect(page.url()).toBe(`${example.url}/inspector?`)
    await page.goto(example.url)
    await page.getByRole('link', { name: 'Inspector' }).click()
    await page.getByRole('row', { name: 'division' }).getByText(String(id), { exact: true }).first().waitFor()
  })

  it('refuses what another site posts', async () => {
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    for (const path of ['/sign-in', '/sign-out', '/division', '/theme', '/restart', '/end-next', '/empty-cache']) {
      expect((await fetch(example.url + path, { method: 'POST', headers })).status).toBe(403)
    }
  })

  it('says what it shows, why that matters and what to try, and a click in it opens the second tab', async () => {
    const context = await openBrowser()
    const studio = await Studio.open(context, example.url)
    await studio.isConnected()
    await studio.choose('Film')
    const line = studio.page.locator('.intro')
    await line.getByText('A session usually misses what changes over a socket').waitFor()
    for (const step of ['choose a division', 'open a second tab', 'restart the server']) {
      await line.getByText(step).waitFor()
    }
    const opened = context.waitForEvent('page')
    await line.getByRole('link', { name: 'open a second tab' }).click()
    expect(await (await opened).locator('.view-heading').textContent()).toContain('Film')
  })

  it('restarts the server from that line, and tells what became of the choice', async () => {
    const studio = await Studio.open(await openBrowser({ viewport: { width: 375, height: 700 } }), example.url)
    await studio.isConnected()
    await studio.choose('Film')
    await studio.page.locator('.intro').getByRole('button', { name: 'restart the server' }).click()
    await studio.tells(/Server restarted as process \d+, restored from your cookie: Division Film/)
    expect(studio.errors).toEqual([])
  })

  it('restarts the server with JavaScript off, too, and goes on by itself', async () => {
    const page = await (await openBrowser({ javaScriptEnabled: false })).newPage()
    await page.goto(example.url)
    await page.getByRole('radio', { name: 'Design' }).check()
    await page.getByRole('group', { name: 'Division' }).getByRole('button', { name: 'Apply' }).click()
    await page.getByRole('button', { name: 'restart the server' }).click()
    await page.getByText('The server is restarting').waitFor()
    await page.locator('.view-heading', { hasText: 'Design' }).waitFor()
  })

  it.each(['light', 'dark'] as const)('has each bar in the colour of its swatch, in the %s', async (colorScheme) => {
    const { page } = await Studio.open(await openBrowser({ colorScheme }), `${example.url}/costs`)
    const colours = (script: string): Promise<unknown> => page.evaluate(script)
    const legend = await colours(swatches('.legend li:not(.plan)'))
    expect(new Set(Array.isArray(legend) ? legend : []).size).toBe(4)
    expect(await colours(swatches('.categories .swatch'))).toEqual(legend)
    expect(
      await colours(`[...document.querySelectorAll('.categories progress')].map((bar) => getComputedStyle(bar).color)`),
    ).toEqual(legend)
    for (const size of ['wide', 'narrow']) {
      expect(await colours(fills(size))).toEqual(expect.arrayContaining(Array.isArray(legend) ? legend : []))
    }
  })
})

/** What the squares before some texts are filled with. */
function swatches(selector: string): string {
  return `[...document.querySelectorAll('${selector}')].map((swatch) => getComputedStyle(swatch, '::before').backgroundColor)`
}

/** What the parts of a drawing are filled with. */
function fills(size: string): string {
  return `[...document.querySelectorAll('.drawing.${size} path')].map((path) => getComputedStyle(path).fill)`
}

/** A page with its panel open, whatever the width. */
async function openWithPanel(width: number): Promise<Studio> {
  const context = await openBrowser({ viewport: { width, height: 800 } })
  await context.addInitScript("sessionStorage.setItem('hood-open', 'true')")
  const studio = await Studio.open(context, example.url)
  await studio.isConnected()
  await studio.page.getByRole('button', { name: 'Go offline' }).waitFor()
  return studio
}

/** Whether anything lies over what has the focus. */
const IS_COVERED = `(() => {
  const focused = document.activeElement
  const shown = focused.matches('.segment input') ? focused.parentElement : focused
  const { left, top, width, height } = shown.getBoundingClientRect()
  const above = document.elementFromPoint(left + width / 2, top + height / 2)
  return !above || !(shown.contains(above) || above.contains(shown))
})()`
