import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Page } from 'puppeteer-core'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click, fill, named, shows } from '../support/page/on-page.js'
import { freePort } from '../support/servers/free-port.js'
import { findings } from './axe.js'

/** Starts `npm run start:full` with a database in a folder; without SECRETS, each start makes a secret. */
async function start(folder: string, port: number, variables: NodeJS.ProcessEnv = {}): Promise<ChildProcess> {
  const own = { NODE_ENV: 'development', PORT: String(port), DATABASE: join(folder, 'full.db') }
  const env = { ...process.env, ...own, ...variables }
  const args = ['--import=tsx', 'example/full/server.ts']
  const server = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  await once(createInterface(server.stdout), 'line')
  return server
}

async function end(server: ChildProcess): Promise<unknown> {
  server.kill('SIGTERM')
  return (await once(server, 'exit'))[0]
}

async function signIn(page: Page): Promise<void> {
  await fill(page, '[name=name]', 'ann')
  await fill(page, '[name=password]', 'correct horse')
  await click(page, named('button', 'Sign in'))
  await shows(page, '[role=status]', 'Welcome, ann')
}

describeInBrowser('example/full', () => {
  let folder: string
  let port: number
  let server: ChildProcess
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'full-'))
    port = await freePort()
    server = await start(folder, port)
  }, 60_000)
  afterAll(async () => {
    await end(server)
    rmSync(folder, { recursive: true })
  })

  it('signs in over a socket, and signs out the other devices', async () => {
    const pages: Page[] = []
    const violations: string[] = []
    for (const _ of ['laptop', 'phone']) {
      const page = await (await openBrowser()).open(`http://localhost:${port}/`)
      page.on(
        'console',
        (message) => /Content Security|TrustedHTML/.test(message.text()) && violations.push(message.text()),
      )
      await signIn(page)
      pages.push(page)
    }
    const [laptop, phone] = pages as [Page, Page]
    await laptop.reload()
    await shows(laptop, 'tr', /^(Chrome|Firefox) on \w+.* this one$/)
    await click(laptop, named('button', 'Sign out the others'))
    await shows(laptop, 'button', 'Sign out')
    await shows(phone, 'button', 'Sign in')
    expect(violations).toEqual([])
  })

  it('keeps its values over a shutdown, and exits with code 0', async () => {
    const secret = { SECRETS: 'a secret of at least thirty-two bytes' }
    await end(server)
    server = await start(folder, port, secret)
    const page = await (await openBrowser()).open(`http://localhost:${port}/`)
    await click(page, named('button', 'Add a ticket: Small Hours'))
    await click(page, named('button', 'Studio'))
    await shows(page, '[role=status]', 'saved')
    expect(await end(server)).toBe(0)
    server = await start(folder, port, secret)
    await page.reload()
    await shows(page, 'output', 'Small Hours')
    await page.waitForSelector('[value=Studio][aria-pressed=true]')
  })
  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 390],
  ] as const)('passes axe and loads all its files, %s, %i pixels wide', async (value, width) => {
    const media = [{ name: 'prefers-color-scheme', value }]
    const person = await openBrowser({ media, viewport: { width, height: 844 } })
    const page = await person.newPage()
    const failed: string[] = []
    page.on('requestfailed', (request) => failed.push(request.url()))
    page.on('response', (response) => response.status() >= 400 && failed.push(response.url()))
    await page.goto(`http://localhost:${port}/`, { waitUntil: 'load' })
    expect(await findings(page)).toEqual([])
    expect(await page.evaluate('document.styleSheets[0].cssRules.length')).toBeGreaterThan(5)
    // Without an icon of its own, a browser asks for /favicon.ico.
    expect(await page.$('link[rel=icon]')).not.toBeNull()
    await signIn(page)
    await shows(page, 'tr', 'this one')
    expect(await findings(page)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    expect(failed).toEqual([])
  })
})
