import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { build } from 'esbuild'
import type { BrowserContext, Page } from 'playwright-core'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { snippet } from '../support/readme.js'

const FILES = ['fields.ts', 'server.ts', 'browser.ts']
const alias = {
  'koa-live-session': resolve('server/index.ts'),
  'koa-live-session/fields': resolve('shared/index.ts'),
  'koa-live-session/client': resolve('client/index.ts'),
}

let folder: string
let port: number
let server: ChildProcess

/** A port that nobody has: the quick start has one of its own, which is the one thing changed in it. */
function freePort(): Promise<number> {
  return new Promise((done) => {
    const probe = createServer().listen(0, () => {
      const address = probe.address()
      probe.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

async function start(env: NodeJS.ProcessEnv): Promise<void> {
  server = spawn(process.execPath, [join(folder, 'server.mjs')], { env, stdio: 'inherit' })
  for (;;) {
    const isUp = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)
    if (isUp) return
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`)
  }
}

async function stop(): Promise<void> {
  const ended = new Promise((done) => server.once('exit', done))
  server.kill('SIGKILL')
  await ended
}

async function openPage(context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  await page.route('**/browser.js', (route) => route.fulfill({ path: join(folder, 'browser.js') }))
  await page.goto(`http://localhost:${port}/`)
  return page
}

const shows = (page: Page, text: string): Promise<void> => page.locator('output', { hasText: text }).waitFor()

describeInBrowser('the quick start of the README', () => {
  const env = { ...process.env, SECRET: randomBytes(32).toString('base64url') }

  beforeAll(async () => {
    port = await freePort()
    mkdirSync('.cache', { recursive: true })
    folder = mkdtempSync(resolve('.cache/quick-start-'))
    for (const file of FILES)
      writeFileSync(join(folder, file), snippet(file).replace('listen(3000)', `listen(${port})`))
    const shared = { bundle: true, format: 'esm', alias, logLevel: 'warning' } as const
    await build({ ...shared, entryPoints: [join(folder, 'browser.ts')], outdir: folder })
    await build({
      ...shared,
      entryPoints: [join(folder, 'server.ts')],
      outfile: join(folder, 'server.mjs'),
      platform: 'node',
      packages: 'external',
    })
    await start(env)
  })
  afterAll(async () => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('has 23 lines', () => {
    const lines = FILES.flatMap((file) => snippet(file).split('\n')).filter(
      (line) => line !== '' && !line.startsWith('//'),
    )
    expect(lines).toHaveLength(23)
  })

  it('counts in two tabs, through a reload and a kill of the server', async () => {
    const context = await openBrowser()
    const [one, two] = [await openPage(context), await openPage(context)]
    await shows(one, '-1')
    await one.getByRole('button', { name: 'next' }).click()
    await one.getByRole('button', { name: 'next' }).click()
    await shows(two, '1')
    await one.reload()
    await shows(one, '1')
    await stop()
    await start(env)
    await two.getByRole('button', { name: 'next' }).click()
    await shows(one, '2')
    await one.reload()
    await shows(one, '2')
  })
})
