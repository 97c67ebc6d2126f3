import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { BrowserContext } from 'playwright-core'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { Example } from '../support/example.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { Studio } from '../support/studio.js'

let example: Example

/** A tab whose socket is known to be open for good, when both nodes are up, as a test before may have killed one: the next one goes to the other node. */
async function openTab(context: BrowserContext): Promise<Studio> {
  const studio = await Studio.open(context, example.url)
  await studio.isConnected()
  await studio.toggleHood()
  await studio.page.locator('[data-own=true]').waitFor()
  await hasBothNodes(studio)
  return studio
}

/** The node that has a page's socket. */
async function nodeOf({ page }: Studio): Promise<string> {
  return (await page.locator('[data-own=true]').getAttribute('data-node')) ?? ''
}

async function pidOf({ page }: Studio, node: string): Promise<number> {
  return Number(await page.locator(`[data-node=${node}] .pid`).textContent())
}

/** Resolves when both nodes answer. */
async function hasBothNodes({ page }: Studio): Promise<void> {
  for (const node of ['A', 'B']) await page.locator(`[data-node=${node}] .pid`).waitFor()
}

const chip = ({ page }: Studio, place: string) => page.locator(`[data-key=division] [data-place=${place}]`)

describeInBrowser('the example', () => {
  describeWithServer(REDIS, 'on two nodes', () => {
    beforeAll(async () => {
      example = await Example.start('start:cluster')
    })
    afterAll(async () => {
      await example.stop()
    })

    it('counts the pages of a division at both nodes, by the rooms of its value, and goes on where one is killed', async () => {
      const visitors = [await openBrowser(), await openBrowser()]
      const [one, two] = [await openTab(visitors[0] as BrowserContext), await openTab(visitors[1] as BrowserContext)]
      expect([await nodeOf(one), await nodeOf(two)].sort()).toEqual(['A', 'B'])
      const tells = (studio: Studio, text: string): Promise<void> =>
        studio.page.locator('#viewers', { hasText: text }).waitFor()
      await one.choose('Architecture')
      await tells(one, 'No other page shows this division.')
      await two.page.getByRole('radio', { name: 'Architecture' }).focus()
      await two.page.keyboard.press('Space')
      for (const studio of [one, two]) await tells(studio, '2 pages show this division.')
      await two.choose('Film')
      for (const studio of [one, two]) await tells(studio, 'No other page shows this division.')
      await two.choose('Architecture')
      await one.page.getByRole('button', { name: `Kill node ${await nodeOf(one)}` }).click()
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
      await one.page.getByRole('button', { name: `Kill node ${await nodeOf(one)}` }).click()
      await one.tells(/was killed/)
      for (const { page } of [three, two, one]) await page.goto(`${example.url}/account`)
      await one.isConnected()
      const listed = one.page.locator('.devices li')
      expect(await listed.count()).toBe(3)
      expect(await listed.first().textContent()).toContain('Chrome, Linux')
      // The last browser that was signed in.
      await listed.first().getByRole('button', { name: 'Sign out there' }).focus()
      await one.page.keyboard.press('Enter')
      await one.page.locator('#flash', { hasText: 'Signed out there.' }).waitFor()
      expect(await listed.count()).toBe(2)
      await one.isConnected()
      await one.page.getByRole('button', { name: 'Sign out everywhere else' }).click()
      await one.page.locator('#flash', { hasText: 'Signed out everywhere else.' }).waitFor()
      expect(await listed.count()).toBe(1)
      for (const { page } of [two, three]) {
        await page.goto(example.url)
        await page.getByRole('button', { name: 'Sign in' }).waitFor()
      }
      await one.page.locator('#account', { hasText: 'Chiara' }).waitFor()
      const folder = process.env['SCREENSHOTS']
      if (folder) await one.page.screenshot({ path: `${folder}/devices.png` })
    })

    it('has the same value in two tabs on different nodes, and the panel shows how it came to each', async () => {
      const context = await openBrowser()
      const [one, two] = [await openTab(context), await openTab(context)]
      const [here, there] = [await nodeOf(one), await nodeOf(two)]
      expect([here, there].sort()).toEqual(['A', 'B'])
      await one.choose('Film')
      await two.shows('Home', 'Film')
      for (const place of ['node-A', 'node-B', 'store', 'cookie', 'page']) {
        await one.page.locator(`[data-key=division] [data-place=${place}][data-held=true]`).waitFor()
      }
      expect(await chip(one, `node-${here}`).textContent()).toContain(`node ${here}, set here`)
      // Whichever was faster: the adapter, or the POST of the page, which any node may answer.
      expect(await chip(one, `node-${there}`).textContent()).toMatch(
        /heard from the other|brought by a page|loaded from Redis/,
      )
      await two.choose('Design')
      await one.shows('Home', 'Design')
      expect([...one.errors, ...two.errors]).toEqual([])
    })

    it('goes on when the node of a page is killed, and both tabs with it', async () => {
      const context = await openBrowser()
      const [one, two] = [await openTab(context), await openTab(context)]
      const [here, there] = [await nodeOf(one), await nodeOf(two)]
      await one.choose('Film')
      process.kill(await pidOf(one, here), 'SIGKILL')
      await one.page.locator(`[data-node=${there}][data-own=true]`).waitFor()
      await one.isConnected()
      await one.shows('Home', 'Film')
      await one.choose('Design')
      await two.shows('Home', 'Design')
      await hasBothNodes(one)
      expect([...one.errors, ...two.errors]).toEqual([])
    })

    it('says in the panel which node was killed by the button, and which one goes on', async () => {
      const studio = await openTab(await openBrowser())
      await hasBothNodes(studio)
      const here = await nodeOf(studio)
      await studio.choose('Film')
      await studio.page.getByRole('button', { name: `Kill node ${here}` }).focus()
      await studio.page.keyboard.press('Enter')
      const there = here === 'A' ? 'B' : 'A'
      await studio.tells(`Node ${here} was killed. This page goes on with node ${there}. It has Division Film.`)
      await studio.page.getByRole('button', { name: `Kill node ${there}` }).waitFor()
      await hasBothNodes(studio)
    })

    it('has what a cleared cookie has lost, from Redis, for a user who signs in again', async () => {
      const context = await openBrowser()
      const studio = await openTab(context)
      await studio.signIn('Ada')
      await studio.choose('Film')
      await context.clearCookies()
      const again = await openTab(context)
      await again.signIn('Ada')
      await again.shows('Home', 'Film')
    })

    it.each([
      ['a wide window', 1280],
      ['the smallest phone', 320],
    ])('fits %s with the panel open', async (_, width) => {
      const context = await openBrowser({ viewport: { width, height: 800 } })
      const studio = await Studio.open(context, example.url)
      await studio.isConnected()
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
