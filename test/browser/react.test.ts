import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { Example } from '../support/example.js'
import { textsOf } from '../support/on-page.js'
import { Tab } from '../support/tab.js'

let example: Example

const isSaved = (tab: Tab): Promise<void> => tab.shows('[role=status]', 'Saved')

describeInBrowser('the example with React', () => {
  beforeAll(async () => {
    example = await Example.start('start:react')
  })
  afterAll(async () => {
    await example.stop()
  })

  it('shows what is set at once, in every tab, and after a reload in the first HTML', async () => {
    const person = await openBrowser()
    const [one, two] = [await Tab.open(person, example.url), await Tab.open(person, example.url)]
    await one.click('button', 'One cup more')
    await one.shows('output', '3')
    await two.shows('output', '3')
    await two.click('radio', 'Assam')
    await one.shows('[role=status]', '3 × Assam')
    for (const tab of [one, two]) await isSaved(tab)
    expect(await one.html()).toContain('3 × Assam: Saved')
    await one.reload()
    await one.shows('[role=status]', '3 × Assam: Saved')
    expect(await one.page.$eval('[value=Assam]', (radio) => radio.matches(':checked'))).toBe(true)
    expect(one.complaints).toEqual([])
  })

  it('hydrates without a word where a value has changed since the server has rendered it', async () => {
    const person = await openBrowser()
    const one = await Tab.open(person, example.url)
    const [late, goOn] = await Tab.openSlowly(person, example.url)
    await one.click('button', 'One cup more')
    await isSaved(one)
    await late.shows('output', '2')
    const button = await late.page.$('[aria-label="One cup more"]')
    await goOn()
    await late.shows('output', '3')
    // The server's own elements, taken over.
    expect(await button?.evaluate(({ isConnected }) => isConnected)).toBe(true)
    await late.click('button', 'One cup more')
    await one.shows('output', '4')
    expect(one.complaints).toEqual([])
  })

  it('shows what is known by now in a component that is mounted anew', async () => {
    const person = await openBrowser()
    const [one, two] = [await Tab.open(person, example.url), await Tab.open(person, example.url)]
    await one.click('button', 'One cup less')
    await two.shows('[role=status]', '1 × Mint')
    await two.click('radio', 'Assam')
    await one.shows('[role=status]', '1 × Assam')
    await one.click('button', 'One cup more')
    await two.shows('[role=status]', '2 × Assam')
    for (const { page } of [one, two]) expect(await textsOf(page, 'li')).toEqual(['Assam', 'Assam'])
    expect(one.complaints).toEqual([])
  })

  it('is worked by the keyboard alone', async () => {
    const tab = await Tab.open(await openBrowser(), example.url)
    const { keyboard } = tab.page
    await keyboard.press('Tab')
    await keyboard.press('Tab')
    await keyboard.press('Enter')
    await tab.shows('output', '3')
    await keyboard.press('Tab')
    await keyboard.press('ArrowUp')
    await tab.shows('[role=status]', '3 × Sencha')
    expect(tab.complaints).toEqual([])
  })

  it('restarts the server by a button, which loses nothing', async () => {
    const tab = await Tab.open(await openBrowser(), example.url)
    await tab.click('radio', 'Assam')
    await isSaved(tab)
    const answer = tab.page.waitForResponse((one) => one.url().endsWith('/restart'))
    await tab.click('button', 'Restart the server')
    expect((await answer).status()).toBe(202)
    await tab.click('button', 'One cup more')
    await tab.shows('[role=status]', '3 × Assam')
    await isSaved(tab)
  })

  it('shows each visitor their own order', async () => {
    const [ann, bob] = [
      await Tab.open(await openBrowser(), example.url),
      await Tab.open(await openBrowser(), example.url),
    ]
    await ann.click('radio', 'Sencha')
    await isSaved(ann)
    expect([await ann.html(), await bob.html()].map((html) => /2 × \w+/.exec(html)?.[0])).toEqual([
      '2 × Sencha',
      '2 × Mint',
    ])
  })
})
