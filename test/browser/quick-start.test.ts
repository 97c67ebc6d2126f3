import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals'
import type { BrowserContext, Page } from 'playwright-core'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { Newcomer } from '../support/newcomer.js'
import { QuickStart } from '../support/quick-start.js'
import { commands } from '../support/readme.js'

let newcomer: Newcomer

async function openPage(context: BrowserContext, quickStart: QuickStart): Promise<Page> {
  const page = await context.newPage()
  await page.goto(quickStart.url)
  return page
}

const shows = (page: Page, division: number): Promise<void> =>
  page.locator('output', { hasText: new RegExp(`^${division}$`) }).waitFor()

beforeAll(async () => {
  const [, pack = ''] = commands('Install')
  newcomer = await Newcomer.arrive(pack)
}, 300_000)
afterAll(() => newcomer.leave())

describeInBrowser('the quick start of the README', () => {
  let quickStart: QuickStart
  beforeAll(async () => {
    quickStart = await QuickStart.byHand(newcomer)
  }, 300_000)
  afterEach(() => quickStart.kill())

  it.each([
    ['the secret is not there', { without: '.env' }, '.env: not found'],
    ['the secret is too short', { env: { SECRET: 'short' } }, 'expected at least one string of 32 bytes or more'],
    [
      'the script of the page was not bundled',
      { without: 'browser.js' },
      "no such file or directory, open 'browser.js'",
    ],
  ])('ends at once, and says so, where %s', async (_, flaw, message) => {
    expect(await quickStart.failToStart(flaw)).toContain(message)
  })

  it('ends at once, and says so, where the port is taken', async () => {
    await quickStart.start()
    expect(await quickStart.failToStart()).toContain('address already in use')
  })

  it('counts in two tabs, through a reload and a kill of the server', async () => {
    await quickStart.start()
    const context = await openBrowser()
    const [one, two] = [await openPage(context, quickStart), await openPage(context, quickStart)]
    await shows(one, -1)
    await one.getByRole('button', { name: 'next' }).click()
    await one.getByRole('button', { name: 'next' }).click()
    await shows(two, 1)
    await one.reload()
    await shows(one, 1)
    await quickStart.kill()
    await quickStart.start()
    await one.reload()
    await shows(one, 1)
    await two.getByRole('button', { name: 'next' }).click()
    await shows(one, 2)
  })
})

describeInBrowser('the starter', () => {
  let starter: QuickStart
  beforeAll(async () => {
    starter = await QuickStart.copied(newcomer)
  }, 300_000)
  afterEach(() => starter.kill())

  it('counts in two tabs, through a reload and a kill of the server, whose secret is made but once', async () => {
    await starter.start()
    const secret = starter.read('.env')
    expect(secret).toMatch(/^SECRET=[\w-]{43}$/)
    const context = await openBrowser()
    const [one, two] = [await openPage(context, starter), await openPage(context, starter)]
    await shows(one, -1)
    await one.getByRole('button', { name: 'next' }).click()
    await shows(two, 0)
    await starter.kill()
    await starter.start()
    expect(starter.read('.env')).toBe(secret)
    await one.reload()
    await shows(one, 0)
  })
})
