import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { Example } from '../support/example.js'
import { Tab } from '../support/tab.js'

let example: Example

const isSaved = (tab: Tab): Promise<void> => tab.shows('[role=status]', 'Saved')
const note = (tab: Tab): ReturnType<Tab['page']['getByRole']> => tab.page.getByRole('textbox', { name: 'Note' })

describeInBrowser('the example with Vue', () => {
  beforeAll(async () => {
    example = await Example.start('start:vue')
  })
  afterAll(async () => {
    await example.stop()
  })

  it('shows what is set at once, in every tab, and after a reload in the first HTML', async () => {
    const context = await openBrowser()
    const [one, two] = [await Tab.open(context, example.url), await Tab.open(context, example.url)]
    await one.click('radio', 'grey')
    await one.page.locator('blockquote[data-paper=grey]').waitFor()
    await two.page.locator('blockquote[data-paper=grey]').waitFor()
    await note(two).fill('chapter 4')
    await one.shows('blockquote', 'chapter 4')
    for (const tab of [one, two]) await isSaved(tab)
    expect(await one.html()).toContain('<blockquote data-paper="grey" data-size="medium"><q>chapter 4</q></blockquote>')
    await one.reload()
    expect([await note(one).inputValue(), await one.page.getByRole('radio', { name: 'grey' }).isChecked()]).toEqual([
      'chapter 4',
      true,
    ])
    expect([...one.complaints, ...two.complaints]).toEqual([])
  })

  it('restarts the server by a button, which loses nothing', async () => {
    const tab = await Tab.open(await openBrowser(), example.url)
    await tab.click('radio', 'grey')
    await isSaved(tab)
    const answer = tab.page.waitForResponse('**/restart')
    await tab.click('button', 'Restart the server')
    expect((await answer).status()).toBe(202)
    await tab.click('radio', 'large')
    await tab.page.locator('blockquote[data-paper=grey][data-size=large]').waitFor()
    await isSaved(tab)
  })

  it('hydrates without a word where a value has changed since the server has rendered it', async () => {
    const context = await openBrowser()
    const one = await Tab.open(context, example.url)
    const [late, goOn] = await Tab.openSlowly(context, example.url)
    await one.click('radio', 'large')
    await isSaved(one)
    const quote = await late.page.locator('blockquote[data-size=medium]').elementHandle()
    await goOn()
    await late.page.locator('blockquote[data-size=large]').waitFor()
    // The server's own elements, taken over.
    expect(await quote?.evaluate(({ isConnected }) => isConnected)).toBe(true)
    await late.click('radio', 'small')
    await one.page.locator('blockquote[data-size=small]').waitFor()
    expect(await one.page.getByRole('radio', { name: 'small' }).isChecked()).toBe(true)
    expect([...one.complaints, ...late.complaints]).toEqual([])
  })

  it('shows what is known by now in a component that is mounted anew', async () => {
    const context = await openBrowser()
    const [one, two] = [await Tab.open(context, example.url), await Tab.open(context, example.url)]
    for (const text of ['first', '', 'second']) {
      await note(one).fill(text)
      await two.shows('blockquote', text || 'Nothing noted yet.')
      await one.shows('blockquote', text || 'Nothing noted yet.')
    }
    expect([...one.complaints, ...two.complaints]).toEqual([])
  })

  it('follows what is typed, letter by letter, and loses none', async () => {
    const context = await openBrowser()
    const [one, two] = [await Tab.open(context, example.url), await Tab.open(context, example.url)]
    await note(one).pressSequentially('to be continued')
    expect(await note(one).inputValue()).toBe('to be continued')
    await two.shows('blockquote', 'to be continued')
    expect([...one.complaints, ...two.complaints]).toEqual([])
  })
})
