import { expect, it } from '@jest/globals'
import { describeInBrowser, openBrowser, type Person } from '../support/page/browser.js'
import { named, shows, textOf, textsOf } from '../support/page/on-page.js'
import { Studio } from '../support/page/studio.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { runningExample } from '../support/servers/running-example.js'

let example: ReturnType<typeof runningExample>

/** Opens a connected tab while both nodes are up. The next tab gets the other node. */
async function openTab(person: Person): Promise<Studio> {
  const studio = await Studio.open(person, example.url)
  await studio.toggleHood()
  await studio.has('[data-own=true]')
  await hasBothNodes(studio)
  return studio
}

/** Returns the node of a page's socket. */
async function nodeOf({ page }: Studio): Promise<string> {
  return String(await page.evaluate("document.querySelector('[data-own=true]').dataset.node"))
}

/** Resolves when both nodes answer. */
async function hasBothNodes(studio: Studio): Promise<void> {
  for (const node of ['A', 'B']) await studio.has(`[data-node=${node}] .pid`)
}

const chip = ({ page }: Studio, place: string): Promise<string> =>
  textOf(page, `[data-key=division] [data-place=${place}]`)
const flashes = (studio: Studio, text: string): Promise<void> => shows(studio.page, '#flash', text)

describeInBrowser('the example', () => {
  describeWithServer(REDIS, 'on two nodes', () => {
    example = runningExample('start:cluster')
    it('counts the pages of both nodes, even after a kill', async () => {
      const [one, two] = [await openTab(await openBrowser()), await openTab(await openBrowser())]
      expect([await nodeOf(one), await nodeOf(two)].sort()).toEqual(['A', 'B'])
      const countsPages = (studio: Studio, text: string): Promise<void> => shows(studio.page, '#viewers', text)
      await one.choose('Architecture')
      await countsPages(one, 'No other page shows this division.')
      await two.page.focus(named('radio', 'Architecture'))
      await two.page.keyboard.press('Space')
      for (const studio of [one, two]) await countsPages(studio, '2 pages show this division.')
      await two.choose('Film')
      for (const studio of [one, two]) await countsPages(studio, 'No other page shows this division.')
      await two.choose('Architecture')
      await one.press(`Kill node ${await nodeOf(one)}`)
      await countsPages(one, '2 pages show this division.')
      await two.choose('Film')
      for (const studio of [one, two]) await countsPages(studio, 'No other page shows this division.')
    })

    it('signs devices out at both nodes, even after a kill', async () => {
      const open = async (): Promise<Studio> => {
        const studio = await openTab(await openBrowser())
        await studio.signIn('Chiara')
        await studio.isConnected()
        return studio
      }
      const [one, two, three] = [await open(), await open(), await open()]
      await one.press(`Kill node ${await nodeOf(one)}`)
      await one.tells(/was killed/)
      for (const { page } of [three, two, one]) await page.goto(`${example.url}/account`)
      await one.isConnected()
      const listed = (): Promise<string[]> => textsOf(one.page, '.devices li')
      expect(await listed()).toEqual(Array(3).fill(expect.stringContaining('Chrome, Linux')))
      // The browser that signed in last.
      await one.page.focus('.devices li button')
      await one.page.keyboard.press('Enter')
      await flashes(one, 'Signed out there.')
      expect(await listed()).toHaveLength(2)
      await one.isConnected()
      // The panel covers the button.
      await one.page.focus(named('button', 'Sign out everywhere else'))
      await one.page.keyboard.press('Enter')
      await flashes(one, 'Signed out everywhere else.')
      expect(await listed()).toHaveLength(1)
      for (const other of [two, three]) {
        await other.page.goto(example.url)
        await other.has(named('button', 'Sign in'))
      }
      await shows(one.page, '#account', 'Chiara')
      const folder = process.env['SCREENSHOTS']
      if (folder) await one.page.screenshot({ path: `${folder}/devices.png` })
    })

    it('shows in the panel how a value reached each node', async () => {
      const person = await openBrowser()
      const [one, two] = [await openTab(person), await openTab(person)]
      const [here, there] = [await nodeOf(one), await nodeOf(two)]
      expect([here, there].sort()).toEqual(['A', 'B'])
      await one.choose('Film')
      await two.shows('Home', 'Film')
      for (const place of ['node-A', 'node-B', 'store', 'cookie', 'page']) {
        await one.has(`[data-key=division] [data-place=${place}][data-held=true]`)
      }
      expect(await chip(one, `node-${here}`)).toContain(`node ${here}, set here`)
      // The adapter or the page's POST may be faster; after a late answer, the page's POST sets the value there, too.
      expect(await chip(one, `node-${there}`)).toMatch(
        /heard from the other|brought by a page|loaded from Redis|set here/,
      )
      await two.choose('Design')
      await one.shows('Home', 'Design')
      expect(one.errors).toEqual([])
    })
  })
})
