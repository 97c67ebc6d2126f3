import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals'
import type { Page } from 'puppeteer-core'
import { Newcomer } from '../support/docs/newcomer.js'
import { commands } from '../support/docs/readme.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click, named, shows } from '../support/page/on-page.js'
import { QuickStart } from './quick-start.js'

let newcomer: Newcomer

beforeAll(async () => {
  const [, pack = ''] = commands('README.md', 'Quick start')
  newcomer = await Newcomer.arrive(pack)
}, 300_000)
afterAll(() => newcomer.leave())

const rows = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction(`document.querySelectorAll('li:not([hidden])').length === ${count}`)

const orders = (page: Page, text: RegExp): Promise<void> => shows(page, 'ul', text)
const says = (page: Page, text: string): Promise<void> => shows(page, '[role=status]', text)
const isPressed = (page: Page, name: string): Promise<unknown> =>
  page.waitForSelector(`[value=${name}][aria-pressed=true]`)

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
    const person = await openBrowser()
    const [one, two] = [await person.open(quickStart.url), await person.open(quickStart.url)]
    await orders(one, /^order 1order 2order 3$/)
    await one.select('select', 'south')
    await orders(two, /^order 2$/)
    await says(one, 'saved')
    await quickStart.kill()
    await quickStart.start()
    await one.reload()
    await orders(one, /^order 2$/)
    await two.select('select', 'all')
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
    const person = await openBrowser()
    const [one, two] = [await person.open(starter.url), await person.open(starter.url)]
    await click(one, named('button', 'Film'))
    await isPressed(two, 'Film')
    await rows(two, 2)
    await says(one, 'saved')
    await click(one, named('button', 'Restart the server'))
    await says(one, 'the server is back')
    await click(two, named('button', 'Design'))
    await isPressed(one, 'Design')
    await says(two, 'saved')
    await starter.kill()
    await starter.start()
    expect(starter.read('.env')).toBe(secret)
    await one.reload()
    await isPressed(one, 'Design')
    await rows(one, 2)
    expect(person.complaints.filter((text) => !/Failed to load resource|WebSocket|ERR_/.test(text))).toEqual([])
  })
})
