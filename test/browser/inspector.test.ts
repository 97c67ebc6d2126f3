import { expect, it } from '@jest/globals'
import type { Page } from 'puppeteer-core'
import type { App } from '../support/app/app.js'
import { inspectorToken, startInspected } from '../support/app/inspected.js'
import type { TestSocket } from '../support/app/socket.js'
import { type Conditions, describeInBrowser, openBrowser, type Person } from '../support/page/browser.js'
import { controlValue, named, shows, textOf } from '../support/page/on-page.js'
import { findings } from './axe.js'

const HOSTILE = `<img src=x onerror="globalThis.taken = true"><script>globalThis.taken = true</script>`

const media = (scheme: 'light' | 'dark') => [{ name: 'prefers-color-scheme', value: scheme }]
const [light, dark] = [media('light'), media('dark')]

/** Holds the page's timers until the test ends them. */
const HELD_TIMERS = `
  let held = []
  globalThis.setTimeout = (act) => held.push(act)
  globalThis.clearTimeout = (timer) => { held[timer - 1] = undefined }
  globalThis.endTimers = () => { for (const act of held.splice(0)) act?.() }`

/** The default headers of helmet. */
const HELMET = {
  'Content-Security-Policy':
    "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';img-src 'self' data:;" +
    "object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Origin-Agent-Cluster': '?1',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'SAMEORIGIN',
}

interface Inspected {
  readonly app: App
  readonly person: Person
  readonly page: Page
  /** The socket of user ann. */
  readonly socket: TestSocket
}

/** Starts an app with helmet and an inspector below a sub-path, where user ann has a page. */
async function open(conditions: Conditions = {}): Promise<Inspected> {
  const app = await startInspected({}, {}, [
    (ctx, next) => {
      ctx.set(HELMET)
      return next()
    },
  ])
  const visitor = app.visitor()
  await visitor.fetch('/?set={"secret":"canary","division":3}', { headers: { 'x-user': 'ann' } })
  const socket = await visitor.connect('/', { 'x-user': 'ann' })
  const person = await openBrowser(conditions)
  const page = await person.open(`${app.url}/tools/inspector/?token=${inspectorToken(app)}`)
  return { app, person, page, socket }
}

const cellOf = (key: string): string => `[data-key$=" ${key}"] [data-title=Value]`
const status = (page: Page, text: string): Promise<void> => shows(page, '#status', text)
const focused = (page: Page): Promise<unknown> =>
  page.evaluate('document.activeElement.ariaLabel || document.activeElement.textContent')

describeInBrowser('the inspector', () => {
  it('shows a socket’s change at once, and masks hidden fields', async () => {
    const { page, socket } = await open()
    await shows(page, cellOf('division'), /^3$/)
    await socket.change('division', 7)
    await shows(page, cellOf('division'), /^7$/)
    expect(await textOf(page, cellOf('secret'))).toContain('hidden')
    expect(await page.content()).not.toContain('canary')
  })

  it('keeps the focus and the typed text while values change', async () => {
    const { page, socket } = await open()
    const input = named('searchbox', 'Find a user')
    await page.type(input, 'an')
    await socket.change('division', 7)
    await shows(page, cellOf('division'), /^7$/)
    expect(await controlValue(page, input)).toBe('an')
    await page.focus(named('button', 'Empty: user ann'))
    await socket.change('cart', ['tea'])
    await shows(page, cellOf('cart'), '["tea"]')
    expect(await focused(page)).toBe('Empty: user ann')
  })

  it('empties a cache entry by keyboard, and moves the focus', async () => {
    const { page, socket } = await open()
    await page.focus(named('button', 'Empty: user ann'))
    await page.keyboard.press('Enter')
    await status(page, 'Emptied the cache entry of user ann.')
    await socket.closed
    await page.waitForSelector('h3::-p-text(ann)', { hidden: true })
    expect(await focused(page)).toBe('Subjects')
  })

  it('revokes a user only after confirmation', async () => {
    const { page, socket } = await open()
    const asked: string[] = []
    page.once('dialog', (dialog) => {
      asked.push(dialog.message())
      void dialog.dismiss()
    })
    await page.focus(named('button', 'Revoke: user ann'))
    await page.keyboard.press('Space')
    expect(asked).toEqual(['End all sockets, live cookies and tickets of user ann?'])
    expect(socket.io.connected).toBe(true)
    page.once('dialog', (dialog) => void dialog.accept())
    await page.keyboard.press('Space')
    await status(page, 'Ended all sockets, live cookies and tickets of user ann.')
    await socket.closed
  })

  it('requests nothing while paused', async () => {
    const { page, socket } = await open({ script: HELD_TIMERS })
    await page.focus('#pause')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#pause[aria-pressed=true]')
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await socket.change('division', 7)
    await page.evaluate('endTimers()')
    expect(asked).toEqual([])
    await page.keyboard.press('Enter')
    await page.evaluate('endTimers()')
    await shows(page, cellOf('division'), /^7$/)
  })

  it.each([
    ['in the light', { media: light, viewport: { width: 1200, height: 800 } }],
    ['in the dark', { media: dark, viewport: { width: 1200, height: 800 } }],
    ['on a phone', { media: light, viewport: { width: 360, height: 740 } }],
    ['on the smallest phone', { media: dark, viewport: { width: 320, height: 640 } }],
  ] as const)('passes axe and its policy, and executes no value: %s', async (_, conditions) => {
    const { app, person, page, socket } = await open(conditions)
    await (await app.live.user(HOSTILE)).set('role', HOSTILE)
    await socket.change('cart', [HOSTILE, 'x'.repeat(200)])
    await socket.change('division', 'three')
    await shows(page, cellOf('cart'), '<img')
    await shows(page, 'h3', '<script>')
    await shows(page, '[data-title=Where]', 'answered to a socket: user ann')
    await page.evaluate('Promise.all(document.getAnimations().map((animation) => animation.finished))')
    expect(await findings(page)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
    expect(await page.evaluate('globalThis.taken')).toBeUndefined()
    expect(person.complaints).toEqual([])
  })
})
