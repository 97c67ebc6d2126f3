import { expect, it } from '@jest/globals'
import type { Page } from 'puppeteer-core'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { openSlowly } from '../support/page/intercept.js'
import { click, controlValue, fill, htmlOf, named, shows } from '../support/page/on-page.js'
import { runningExample } from '../support/servers/running-example.js'

const example = runningExample('start', 'vue')

const isSaved = (page: Page): Promise<void> => shows(page, '[role=status]', 'Saved')
const NOTE = named('textbox', 'Note')

describeInBrowser('the Vue example', () => {
  it('shows a change in all tabs, and in later HTML', async () => {
    const person = await openBrowser()
    const [one, two] = [await person.open(example.url), await person.open(example.url)]
    await click(one, named('radio', 'grey'))
    await one.waitForSelector('blockquote[data-paper=grey]')
    await two.waitForSelector('blockquote[data-paper=grey]')
    await fill(two, NOTE, 'chapter 4')
    await shows(one, 'blockquote', 'chapter 4')
    for (const tab of [one, two]) await isSaved(tab)
    expect(await htmlOf(one)).toContain(
      '<blockquote data-paper="grey" data-size="medium"><q>chapter 4</q></blockquote>',
    )
    await one.reload()
    expect([
      await controlValue(one, NOTE),
      await one.$eval('[value=grey]', (radio) => radio.matches(':checked')),
    ]).toEqual(['chapter 4', true])
    expect(person.complaints).toEqual([])
  })

  it('hydrates without warnings if a value changed after the render', async () => {
    const person = await openBrowser()
    const one = await person.open(example.url)
    const [late, goOn] = await openSlowly(person, example.url)
    await click(one, named('radio', 'large'))
    await isSaved(one)
    const quote = await late.$('blockquote[data-size=medium]')
    await goOn()
    await late.waitForSelector('blockquote[data-size=large]')
    // The element of the server's HTML is still there, hydrated.
    expect(await quote?.evaluate(({ isConnected }) => isConnected)).toBe(true)
    await click(late, named('radio', 'small'))
    await one.waitForSelector('blockquote[data-size=small]')
    expect(await one.$eval('[value=small]', (radio) => radio.matches(':checked'))).toBe(true)
    expect(person.complaints).toEqual([])
  })

  it('follows typing letter by letter', async () => {
    const person = await openBrowser()
    const [one, two] = [await person.open(example.url), await person.open(example.url)]
    await one.type(NOTE, 'to be continued')
    expect(await controlValue(one, NOTE)).toBe('to be continued')
    await shows(two, 'blockquote', 'to be continued')
    expect(person.complaints).toEqual([])
  })
})
