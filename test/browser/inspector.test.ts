import { expect, it } from '@jest/globals'
import axe from 'axe-core'
import type { BrowserContextOptions, Page } from 'playwright-core'
import type { App } from '../support/app.js'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { inspectorToken, startInspected } from '../support/inspected.js'
import type { TestSocket } from '../support/socket.js'

const HOSTILE = `<img src=x onerror="globalThis.taken = true"><script>globalThis.taken = true</script>`

/** What helmet says of every answer, unless told otherwise. */
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
  readonly page: Page
  /** Of the user ann. */
  readonly socket: TestSocket
  /** What the browser complained of. */
  readonly complaints: string[]
}

/** An app beside helmet, with its inspector below a sub-path, where one user has a page open. */
async function open(options: BrowserContextOptions = {}, prepare?: (page: Page) => Promise<void>): Promise<Inspected> {
  const app = await startInspected({}, {}, [
    (ctx, next) => {
      ctx.set(HELMET)
      return next()
    },
  ])
  const visitor = app.visitor()
  await visitor.fetch('/?set={"secret":"canary","division":3}', { headers: { 'x-user': 'ann' } })
  const socket = await visitor.connect('/', { 'x-user': 'ann' })
  const page = await (await openBrowser(options)).newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  await prepare?.(page)
  await page.goto(`${app.url}/tools/inspector/?token=${inspectorToken(app)}`)
  return { app, page, socket, complaints }
}

const value = (page: Page, key: string) => page.getByRole('row', { name: key }).getByRole('cell').first()
const focus = (page: Page): Promise<string> =>
  page.evaluate('document.activeElement.ariaLabel || document.activeElement.textContent')

describeInBrowser('the inspector', () => {
  it('shows at once what a socket sets, and masks what is hidden', async () => {
    const { page, socket } = await open()
    await value(page, 'division').getByText('3', { exact: true }).waitFor()
    await socket.change('division', 7)
    await value(page, 'division').getByText('7', { exact: true }).waitFor()
    expect(await value(page, 'secret').textContent()).toContain('hidden')
    expect(await page.content()).not.toContain('canary')
  })

  it('leaves the focus, and what is being typed, where they are while values change', async () => {
    const { page, socket } = await open()
    const input = page.getByRole('searchbox', { name: 'Find a user' })
    await input.fill('an')
    await socket.change('division', 7)
    await value(page, 'division').getByText('7', { exact: true }).waitFor()
    expect(await input.inputValue()).toBe('an')
    const button = page.getByRole('button', { name: 'Empty: user ann' })
    await button.focus()
    await socket.change('cart', ['tea'])
    await value(page, 'cart').getByText('["tea"]').waitFor()
    expect(await focus(page)).toBe('Empty: user ann')
  })

  it('empties a cache entry by the keyboard, says so, and puts the focus near what is gone', async () => {
    const { page, socket } = await open()
    await page.getByRole('button', { name: 'Empty: user ann' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('status').getByText('Emptied the cache entry of user ann.').waitFor()
    await socket.closed
    await page.getByRole('heading', { name: 'User ann' }).waitFor({ state: 'detached' })
    expect(await focus(page)).toBe('Subjects')
  })

  it('signs a user out only after it was asked twice', async () => {
    const { page, socket } = await open()
    const asked: string[] = []
    page.once('dialog', (dialog) => {
      asked.push(dialog.message())
      void dialog.dismiss()
    })
    const button = page.getByRole('button', { name: 'Revoke: user ann' })
    await button.press('Space')
    expect(asked).toEqual(['End all sockets, live cookies and tickets of user ann?'])
    expect(socket.io.connected).toBe(true)
    page.once('dialog', (dialog) => void dialog.accept())
    await button.press('Space')
    await page.getByRole('status').getByText('Ended all sockets, live cookies and tickets of user ann.').waitFor()
    await socket.closed
  })

  it('asks for nothing while it is paused, and goes on afterwards', async () => {
    const { page, socket } = await open({}, (page) => page.clock.install())
    const pause = page.getByRole('button', { name: 'Pause' })
    await pause.press('Enter')
    expect(await pause.getAttribute('aria-pressed')).toBe('true')
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await socket.change('division', 7)
    await page.clock.runFor(60_000)
    expect(asked).toEqual([])
    await pause.press('Enter')
    await page.clock.runFor(1000)
    await value(page, 'division').getByText('7', { exact: true }).waitFor()
  })

  it('says that the server does not answer, until it does', async () => {
    const { page } = await open()
    const status = page.getByRole('status')
    await page.context().setOffline(true)
    await status.getByText('The server does not answer.').waitFor()
    await page.context().setOffline(false)
    await status.getByText('The server does not answer.').waitFor({ state: 'hidden' })
  })

  it('shows its values and works without JavaScript', async () => {
    const { page, socket } = await open({ javaScriptEnabled: false })
    expect(await value(page, 'division').textContent()).toBe('3')
    await page.getByRole('button', { name: 'Simulate a restart' }).click()
    await socket.closed
    await page.getByText('No visitor has values yet.').waitFor()
  })

  it.each([
    ['in the light', { colorScheme: 'light', viewport: { width: 1200, height: 800 } }],
    ['in the dark', { colorScheme: 'dark', viewport: { width: 1200, height: 800 } }],
    ['on a phone', { colorScheme: 'light', viewport: { width: 360, height: 740 } }],
    ['on the smallest phone', { colorScheme: 'dark', viewport: { width: 320, height: 640 } }],
  ] as const)(
    '%s breaks no rule of accessibility or of its policy, hides nothing, and runs no value',
    async (_, options) => {
      const { app, page, socket, complaints } = await open(options)
      await (await app.live.user(HOSTILE)).set('role', HOSTILE)
      await socket.change('cart', [HOSTILE, 'x'.repeat(200)])
      await socket.change('division', 'three')
      await value(page, 'cart').getByText('<img').waitFor()
      await page.getByRole('heading', { name: '<script>' }).waitFor()
      await page.getByRole('cell', { name: 'answered to a socket: user ann' }).waitFor()
      await page.evaluate('Promise.all(document.getAnimations().map((animation) => animation.finished))')
      await page.evaluate(axe.source)
      expect(
        await page.evaluate(
          'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))',
        ),
      ).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
      expect(await page.evaluate('globalThis.taken')).toBeUndefined()
      expect(complaints).toEqual([])
    },
  )
})
