import { expect, it } from '@jest/globals'
import type { Page } from 'puppeteer-core'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click, controlValue, fill, htmlOf, named, shows } from '../support/page/on-page.js'
import { openSlowly } from '../support/page/open-slowly.js'
import { runningExample } from '../support/servers/running-example.js'

const example = runningExample('start:vue')

const isSaved = (page: Page): Promise<void> => shows(page, '[role=status]', 'Saved')
const NOTE = named('textbox', 'Note')

describeInBrowser('the example with Vue', () => {
  it('shows what is set at once, in every tab, and after a reload in the first HTML', async () => {
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

  it('restarts the server by a button, which loses nothing', async () => {
    const tab = await (await openBrowser()).open(example.url)
    await click(tab, named('radio', 'grey'))
    await isSaved(tab)
    const answer = tab.waitForResponse((one) => one.url().endsWith('/restart'))
    await click(tab, named('button', 'Restart the server'))
    expect((await answer).status()).toBe(202)
    await click(tab, named('radio', 'large'))
    await tab.waitForSelector('blockquote[data-paper=grey][data-size=large]')
    await isSaved(tab)
  })

  it('hydrates without a word where a value has changed since the server has rendered it', async () => {
    const person = await openBrowser()
    const one = await person.open(example.url)
    const [late, goOn] = await openSlowly(person, example.url)
    await click(one, named('radio', 'large'))
    await isSaved(one)
    const quote = await late.$('blockquote[data-size=medium]')
    await goOn()
    await late.waitForSelector('blockquote[data-size=large]')
    // The server's own elements, taken over.
    expect(await quote?.evaluate(({ isConnected }) => isConnected)).toBe(true)
    await click(late, named('radio', 'small'))
    await one.waitForSelector('blockquote[data-size=small]')
    expect(await one.$eval('[value=small]', (radio) => radio.matches(':checked'))).toBe(true)
    expect(person.complaints).toEqual([])
  })

  it('shows what is known by now in a component that is mounted anew', async () => {
    const person = await openBrowser()
    const [one, two] = [await person.open(example.url), await person.open(example.url)]
    for (const text of ['first', '', 'second']) {
      await fill(one, NOTE, text)
      await shows(two, 'blockquote', text || 'Nothing noted yet.')
      await shows(one, 'blockquote', text || 'Nothing noted yet.')
    }
    expect(person.complaints).toEqual([])
  })

  it('follows what is typed, letter by letter, and loses none', async () => {
    const person = await openBrowser()
    const [one, two] = [await person.open(example.url), await person.open(example.url)]
    await one.type(NOTE, 'to be continued')
    expect(await controlValue(one, NOTE)).toBe('to be continued')
    await shows(two, 'blockquote', 'to be continued')
    expect(person.complaints).toEqual([])
  })
})
