import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Page } from 'puppeteer-core'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click, fill, is, named, shows } from '../support/page/on-page.js'
import { freePort } from '../support/servers/free-port.js'
import { findings } from './axe.js'

const isOpen = (page: Page, wanted: boolean): Promise<void> =>
  is(page, "document.querySelector('dialog')?.open", wanted)

describeInBrowser('the dialog of example/full before a session ends', () => {
  let port: number
  let server: ChildProcess
  beforeAll(async () => {
    port = await freePort()
    // A session warns three seconds after its last use.
    const env = {
      ...process.env,
      NODE_ENV: 'development',
      PORT: String(port),
      DATABASE: ':memory:',
      SESSION_MINUTES: '5.05',
    }
    server = spawn(process.execPath, ['--import=tsx', 'example/full/server.ts'], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(createInterface(server.stdout as never), 'line')
  }, 60_000)
  afterAll(async () => {
    server.kill('SIGTERM')
    await once(server, 'exit')
  })

  async function signedIn(): Promise<Page> {
    const page = await (await openBrowser()).open(`http://localhost:${port}/`)
    await fill(page, '[name=name]', 'ann')
    await fill(page, '[name=password]', 'correct horse')
    await click(page, named('button', 'Sign in'))
    await shows(page, '[role=status]', 'Welcome, ann')
    return page
  }

  it('opens with the focus on its button, and axe finds nothing', async () => {
    const page = await signedIn()
    await isOpen(page, true)
    await shows(page, 'dialog p', 'You are signed out in 5 minutes, unless you stay.')
    const dialog = await page.$(named('alertdialog', 'Are you still there?'))
    expect(await dialog?.evaluate((element) => element.contains(document.activeElement))).toBe(true)
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Stay signed in')
    expect((await findings(page)).filter((finding) => finding.includes('dialog'))).toEqual([])
  })

  it.each(['Enter', 'Space', 'Escape'] as const)('extends the session by a key: %s', async (key) => {
    const page = await signedIn()
    await isOpen(page, true)
    const answered = page.waitForResponse(
      (response) => response.request().postData()?.includes('"extend":true') === true,
    )
    await page.keyboard.press(key)
    expect((await answered).status()).toBe(200)
    await isOpen(page, false)
    // Three seconds later, the extended session is about to end again.
    await isOpen(page, true)
  })

  it('says on the next page that the session has ended', async () => {
    const laptop = await signedIn()
    await isOpen(laptop, true)
    const phone = await signedIn()
    await phone.reload()
    await click(phone, named('button', 'Sign out the others'))
    await shows(laptop, '[role=status]', 'Your session has ended. Please sign in again.')
    await isOpen(laptop, false)
  })
})
