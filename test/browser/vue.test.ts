import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { Example } from '../support/example.js'
import { controlValue, fill, named } from '../support/on-page.js'
import { Tab } from '../support/tab.js'

let example: Example

const isSaved = (tab: Tab): Promise<void> => tab.shows('[role=status]', 'Saved')
const NOTE = named('textbox', 'Note')

describeInBrowser('the example with Vue', () => {
  beforeAll(async () => {
    example = await Example.start('start:vue')
  })
  afterAll(async () => {
    await example.stop()
  })

  it('shows what is set at once, in every tab, and after a reload in the first HTML', async () => {
    const person = await openBrowser()
    const [one, two] = [await Tab.open(person, example.url), await Tab.open(person, example.url)]
    await one.click('radio', 'grey')
    await one.page.waitForSelector('blockquote[data-paper=grey]')
    await two.page.waitForSelector('blockquote[data-paper=grey]')
    await fill(two.page, NOTE, 'chapter 4')
    await one.shows('blockquote', 'chapter 4')
    for (const tab of [one, two]) await isSaved(tab)
    expect(await one.html()).toContain('<blockquote data-paper="grey" data-size="medium"><q>chapter 4</q></blockquote>')
    await one.reload()
    expect([
      await controlValue(one.page, NOTE),
      await one.page.$eval('[value=grey]', (radio) => radio.matches(':checked')),
    ]).toEqual(['chapter 4', true])
    expect(one.complaints).toEqual([])
  })

  it('restarts the server by a button, which loses nothing', async () => {
    const tab = await Tab.open(await openBrowser(), example.url)
    await tab.click('radio', 'grey')
    await isSaved(tab)
    const answer = tab.page.waitForResponse((one) => one.url().endsWith('/restart'))
    await tab.click('button', 'Restart the server')
    expect((await answer).status()).toBe(202)
    await tab.click('radio', 'large')
    await tab.page.waitForSelector('blockquote[data-paper=grey][data-size=large]')
    await isSaved(tab)
  })

  it('hydrates without a word where a value has changed since the server has rendered it', async () => {
    const person = await openBrowser()
    const one = await Tab.open(person, example.url)
    const [late, goOn] = await Tab.openSlowly(person, example.url)
    await one.click('radio', 'large')
    await isSaved(one)
    const quote = await late.page.$('blockquote[data-size=medium]')
    await goOn()
    await late.page.waitForSelector('blockquote[data-size=large]')
    // The server's own elements, taken over.
    expect(await quote?.evaluate(({ isConnected }) => isConnected)).toBe(true)
    await late.click('radio', 'small')
    await one.page.waitForSelector('blockquote[data-size=small]')
    expect(await one.page.$eval('[value=small]', (radio) => radio.matches(':checked'))).toBe(true)
    expect(one.complaints).toEqual([])
  })

  it('shows what is known by now in a component that is mounted anew', async () => {
    const person = await openBrowser()
    const [one, two] = [await Tab.open(person, example.url), await Tab.open(person, example.url)]
    for (const text of ['first', '', 'second']) {
      await fill(one.page, NOTE, text)
      await two.shows('blockquote', text || 'Nothing noted yet.')
      await one.shows('blockquote', text || 'Nothing noted yet.')
    }
    expect(one.complaints).toEqual([])
  })

  it('follows what is typed, letter by letter, and loses none', async () => {
    const person = await openBrowser()
    const [one, two] = [await Tab.open(person, example.url), await Tab.open(person, example.url)]
    await one.page.type(NOTE, 'to be continued')
    expect(await controlValue(one.page, NOTE)).toBe('to be continued')
    await two.shows('blockquote', 'to be continued')
    expect(one.complaints).toEqual([])
  })
})
