import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Page } from 'playwright-core'
import { type LostClicks, startLostClicks } from '../example/lost-clicks/start.js'
import { findings } from '../support/axe.js'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { send } from '../support/raw-http.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'

let clicks: LostClicks

/** What the page says of both apps, once there were so many clicks. */
async function after(page: Page, count: number): Promise<readonly string[]> {
  for (const at of [0, 1]) await page.locator('.lost').nth(at).getByText(`of ${count} lost`).waitFor()
  return page.locator('section').allInnerTexts()
}

describeInBrowser('the compared apps', () => {
  describeWithServer(REDIS, 'side by side', () => {
    beforeAll(async () => {
      clicks = await startLostClicks(0)
    })
    afterAll(async () => {
      await clicks.stop()
    })

    it('get the same clicks and kills, and the page counts what each has lost', async () => {
      const page = await (await openBrowser({ colorScheme: 'dark' })).newPage()
      await page.goto(clicks.url)
      await page.getByRole('button', { name: 'Click', exact: true }).click()
      expect(await after(page, 1)).toEqual([expect.stringContaining('0 of 1'), expect.stringContaining('0 of 1')])
      await page.getByRole('button', { name: 'Twelve clicks' }).press('Enter')
      const [byHand, library] = await after(page, 13)
      expect([byHand, library]).toEqual([expect.stringContaining('3 of 13'), expect.stringContaining('0 of 13')])
      expect([byHand, library]).toEqual([expect.stringContaining('not saved'), expect.stringMatching(/says\s+saved/)])
      expect(await findings(page)).toEqual([])
    })

    it('refuse a POST of a rebound host, although Origin matches Host', async () => {
      const host = `evil.example:${new URL(clicks.url).port}`
      const headers = { host, origin: `http://${host}` }
      expect((await send(`${clicks.url}/click`, { method: 'POST', headers })).status).toBe(421)
    })

    it('begin anew where the page is loaded again, and heed no other site', async () => {
      const page = await (await openBrowser()).newPage()
      await page.goto(clicks.url)
      await page.getByRole('button', { name: 'Click, and kill' }).click()
      expect(await after(page, 1)).toEqual([expect.stringContaining('1 of 1'), expect.stringContaining('0 of 1')])
      const { status } = await fetch(`${clicks.url}/click`, { method: 'POST', headers: { origin: 'http://127.0.0.1' } })
      expect(status).toBe(404)
      await page.reload()
      await page.getByRole('button', { name: 'Click', exact: true }).click()
      expect(await after(page, 1)).toEqual([expect.stringContaining('0 of 1'), expect.stringContaining('0 of 1')])
    })
  })
})
