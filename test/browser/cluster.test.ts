import { expect, it } from '@jest/globals'
import { describeInBrowser, openBrowser, type Person } from '../support/page/browser.js'
import { named, shows, textOf, textsOf } from '../support/page/on-page.js'
import { Studio } from '../support/page/studio.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { runningExample } from '../support/servers/running-example.js'

let example: ReturnType<typeof runningExample>

/** A tab whose socket is known to be open for good, when both nodes are up, as a test before may have killed one: the next one goes to the other node. */
async function openTab(person: Person): Promise<Studio> {
  const studio = await Studio.open(person, example.url)
  await studio.toggleHood()
  await studio.has('[data-own=true]')
  await hasBothNodes(studio)
  return studio
}

/** The node that has a page's socket. */
async function nodeOf({ page }: Studio): Promise<string> {
  return String(await page.evaluate("document.querySelector('[data-own=true]').dataset.node"))
}

async function pidOf({ page }: Studio, node: string): Promise<number> {
  return Number(await textOf(page, `[data-node=${node}] .pid`))
}

/** Resolves when both nodes answer. */
async function hasBothNodes(studio: Studio): Promise<void> {
  for (const node of ['A', 'B']) await studio.has(`[data-node=${node}] .pid`)
}

const chip = ({ page }: Studio, place: string): Promise<string> =>
  textOf(page, `[data-key=division] [data-place=${place}]`)
const says = (studio: Studio, text: string): Promise<void> => shows(studio.page, '#flash', text)

describeInBrowser('the example', () => {
  describeWithServer(REDIS, 'on two nodes', () => {
    example = runningExample('start:cluster')
    it('counts the pages of a division at both nodes, by the rooms of its value, and goes on where one is killed', async () => {
      const [one, two] = [await openTab(await openBrowser()), await openTab(await openBrowser())]
      expect([await nodeOf(one), await nodeOf(two)].sort()).toEqual(['A', 'B'])
      const tells = (studio: Studio, text: string): Promise<void> => shows(studio.page, '#viewers', text)
      await one.choose('Architecture')
      await tells(one, 'No other page shows this division.')
      await two.page.focus(named('radio', 'Architecture'))
      await two.page.keyboard.press('Space')
      for (const studio of [one, two]) await tells(studio, '2 pages show this division.')
      await two.choose('Film')
      for (const studio of [one, two]) await tells(studio, 'No other page shows this division.')
      await two.choose('Architecture')
      await one.press(`Kill node ${await nodeOf(one)}`)
      await tells(one, '2 pages show this division.')
      await two.choose('Film')
      for (const studio of [one, two]) await tells(studio, 'No other page shows this division.')
    })

    it('lists where a user is signed in, signs out at one of them, and everywhere else, at both nodes, also where one was killed', async () => {
      const open = async (): Promise<Studio> => {
        const studio = await openTab(await openBrowser())
        await studio.signIn('Chiara')
        await studio.isConnected()
        return studio
      }
      const [one, two, three] = [await open(), await open(), await open()]
      // What it knew of the sign-ins is in Redis.
      await one.press(`Kill node ${await nodeOf(one)}`)
      await one.tells(/was killed/)
      for (const { page } of [three, two, one]) await page.goto(`${example.url}/account`)
      await one.isConnected()
      const listed = (): Promise<string[]> => textsOf(one.page, '.devices li')
      expect(await listed()).toEqual(Array(3).fill(expect.stringContaining('Chrome, Linux')))
      // The last browser that was signed in.
      await one.page.focus('.devices li button')
      await one.page.keyboard.press('Enter')
      await says(one, 'Signed out there.')
      expect(await listed()).toHaveLength(2)
      await one.isConnected()
      // The panel lies over it.
      await one.page.focus(named('button', 'Sign out everywhere else'))
      await one.page.keyboard.press('Enter')
      await says(one, 'Signed out everywhere else.')
      expect(await listed()).toHaveLength(1)
      for (const other of [two, three]) {
        await other.page.goto(example.url)
        await other.has(named('button', 'Sign in'))
      }
      await shows(one.page, '#account', 'Chiara')
      const folder = process.env['SCREENSHOTS']
      if (folder) await one.page.screenshot({ path: `${folder}/devices.png` })
    })

    it('has the same value in two tabs on different nodes, and the panel shows how it came to each', async () => {
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
      // Whichever was faster: the adapter, or the POST of the page, which any node may answer.
      expect(await chip(one, `node-${there}`)).toMatch(/heard from the other|brought by a page|loaded from Redis/)
      await two.choose('Design')
      await one.shows('Home', 'Design')
      expect(one.errors).toEqual([])
    })

    it('goes on when the node of a page is killed, and both tabs with it', async () => {
      const person = await openBrowser()
      const [one, two] = [await openTab(person), await openTab(person)]
      const [here, there] = [await nodeOf(one), await nodeOf(two)]
      await one.choose('Film')
      process.kill(await pidOf(one, here), 'SIGKILL')
      await one.has(`[data-node=${there}][data-own=true]`)
      await one.isConnected()
      await one.shows('Home', 'Film')
      await one.choose('Design')
      await two.shows('Home', 'Design')
      await hasBothNodes(one)
      expect(one.errors).toEqual([])
    })

    it('says in the panel which node was killed by the button, and which one goes on', async () => {
      const studio = await openTab(await openBrowser())
      await hasBothNodes(studio)
      const here = await nodeOf(studio)
      await studio.choose('Film')
      await studio.page.focus(named('button', `Kill node ${here}`))
      await studio.page.keyboard.press('Enter')
      const there = here === 'A' ? 'B' : 'A'
      await studio.tells(`Node ${here} was killed. This page goes on with node ${there}. It has Division Film.`)
      await studio.has(named('button', `Kill node ${there}`))
      await hasBothNodes(studio)
    })

    it('has what a cleared cookie has lost, from Redis, for a user who signs in again', async () => {
      const person = await openBrowser()
      const studio = await openTab(person)
      await studio.signIn('Ada')
      await studio.choose('Film')
      await person.clearCookies()
      const again = await openTab(person)
      await again.signIn('Ada')
      await again.shows('Home', 'Film')
    })

    it.each([
      ['a wide window', 1280],
      ['the smallest phone', 320],
    ])('fits %s with the panel open', async (_, width) => {
      const person = await openBrowser({ viewport: { width, height: 800 } })
      const studio = await Studio.open(person, example.url)
      await studio.pick('Film')
      await studio.hasSaved()
      await studio.toggleHood()
      await hasBothNodes(studio)
      expect(await studio.page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
      const body = "document.querySelector('.hood-body')"
      expect(await studio.page.evaluate(`${body}.scrollWidth - ${body}.clientWidth`)).toBeLessThanOrEqual(0)
      const folder = process.env['SCREENSHOTS']
      if (folder) await studio.page.screenshot({ path: `${folder}/cluster-${width}.png` })
    })
  })
})
