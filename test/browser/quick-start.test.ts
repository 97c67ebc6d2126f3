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

beforeAll(async () => {
  const [, pack = ''] = commands('README.md', 'Quick start')
  newcomer = await Newcomer.arrive(pack)
}, 300_000)
afterAll(() => newcomer.leave())

const rows = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction(`document.querySelectorAll('li:not([hidden])').length === ${count}`)

const orders = (page: Page, text: RegExp): Promise<void> => page.locator('ul', { hasText: text }).waitFor()

describeInBrowser('the app of docs/getting-started.md', () => {
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
      /ENOENT: no such file or directory, open '.*browser\.js'/,
    ],
  ])('ends at once, and says so, where %s', async (_, flaw, message) => {
    expect(await quickStart.failToStart(flaw)).toMatch(message)
  })

  it('ends at once, and says so, where the port is taken', async () => {
    await quickStart.start()
    expect(await quickStart.failToStart()).toContain('address already in use')
  })

  it('has a filter that two tabs share, and that outlives a reload and a kill of the server', async () => {
    await quickStart.start()
    const context = await openBrowser()
    const [one, two] = [await openPage(context, quickStart), await openPage(context, quickStart)]
    await orders(one, /^order 1order 2order 3$/)
    await one.getByRole('combobox').selectOption('south')
    await orders(two, /^order 2$/)
    await one.getByText('saved').waitFor()
    await quickStart.kill()
    await quickStart.start()
    await one.reload()
    await orders(one, /^order 2$/)
    await two.getByRole('combobox').selectOption('all')
    await orders(one, /^order 1order 2order 3$/)
  })
})

describeInBrowser('the starter', () => {
  let starter: QuickStart
  beforeAll(async () => {
    starter = await QuickStart.copied(newcomer)
  }, 300_000)
  afterEach(() => starter.kill())

  it('has a filter that two tabs share, and that outlives the restart by its button, and a kill', async () => {
    await starter.start()
    const secret = starter.read('.env')
    expect(secret).toMatch(/^SECRET=[\w-]{43}$/)
    const context = await openBrowser()
    const [one, two] = [await openPage(context, starter), await openPage(context, starter)]
    const complaints: string[] = []
    one.on('pageerror', ({ message }) => complaints.push(message))
    await one.getByRole('button', { name: 'Film' }).click()
    await two.getByRole('button', { name: 'Film', pressed: true }).waitFor()
    await rows(two, 2)
    await one.getByText('saved').waitFor()
    await one.getByRole('button', { name: 'Restart the server' }).click()
    await one.getByText('the server is back').waitFor()
    await two.getByRole('button', { name: 'Design' }).click()
    await one.getByRole('button', { name: 'Design', pressed: true }).waitFor()
    await two.getByText('saved').waitFor()
    await starter.kill()
    await starter.start()
    expect(starter.read('.env')).toBe(secret)
    await one.reload()
    await one.getByRole('button', { name: 'Design', pressed: true }).waitFor()
    await rows(one, 2)
    expect(complaints).toEqual([])
  })
})
