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
    await shows(laptop, 'li', '(this one)')
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
    await click(page, named('button', 'Add a ticket'))
    await click(page, named('button', 'Studio'))
    await shows(page, '[role=status]', 'saved')
    expect(await end(server)).toBe(0)
    server = await start(folder, port, secret)
    await page.reload()
    await shows(page, 'output', 'Ticket 1')
    await page.waitForSelector('[value=Studio][aria-pressed=true]')
  })
})
