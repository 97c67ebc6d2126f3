import { expect, it } from '@jest/globals'
import type { Page } from 'puppeteer-core'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { openSlowly } from '../support/page/intercept.js'
import { click, htmlOf, named, shows } from '../support/page/on-page.js'
import { runningExample } from '../support/servers/running-example.js'

const example = runningExample('start', 'react')

const isSaved = (page: Page): Promise<void> => shows(page, '[role=status]', 'Saved')

describeInBrowser('the React example', () => {
  it('shows a change in all tabs, and in later HTML', async () => {
    const person = await openBrowser()
    const [one, two] = [await person.open(example.url), await person.open(example.url)]
    await click(one, named('button', 'One cup more'))
    await shows(one, 'output', '3')
    await shows(two, 'output', '3')
    await click(two, named('radio', 'Assam'))
    await shows(one, '[role=status]', '3 × Assam')
    for (const tab of [one, two]) await isSaved(tab)
    expect(await htmlOf(one)).toContain('3 × Assam: Saved')
    await one.reload()
    await shows(one, '[role=status]', '3 × Assam: Saved')
    expect(await one.$eval('[value=Assam]', (radio) => radio.matches(':checked'))).toBe(true)
    expect(person.complaints).toEqual([])
  })

  it('hydrates without warnings if a value changed after the render', async () => {
    const person = await openBrowser()
    const one = await person.open(example.url)
    const [late, goOn] = await openSlowly(person, example.url)
    await click(one, named('button', 'One cup more'))
    await isSaved(one)
    await shows(late, 'output', '2')
    const button = await late.$('[aria-label="One cup more"]')
    await goOn()
    await shows(late, 'output', '3')
    // The element of the server's HTML is still there, hydrated.
    expect(await button?.evaluate(({ isConnected }) => isConnected)).toBe(true)
    await click(late, named('button', 'One cup more'))
    await shows(one, 'output', '4')
    expect(person.complaints).toEqual([])
  })

  it('restarts the server by its button, without a loss', async () => {
    const tab = await (await openBrowser()).open(example.url)
    await click(tab, named('radio', 'Assam'))
    await isSaved(tab)
    const answer = tab.waitForResponse((one) => one.url().endsWith('/restart'))
    await click(tab, named('button', 'Restart the server'))
    expect((await answer).status()).toBe(202)
    await click(tab, named('button', 'One cup more'))
    await shows(tab, '[role=status]', '3 × Assam')
    await isSaved(tab)
  })

  it('shows each visitor their own order', async () => {
    const [ann, bob] = [await (await openBrowser()).open(example.url), await (await openBrowser()).open(example.url)]
    await click(ann, named('radio', 'Sencha'))
    await isSaved(ann)
    expect([await htmlOf(ann), await htmlOf(bob)].map((html) => /2 × \w+/.exec(html)?.[0])).toEqual([
      '2 × Sencha',
      '2 × Mint',
    ])
  })
})
