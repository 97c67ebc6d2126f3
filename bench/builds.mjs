// Builds of this library beside each other, an older one where it is given, each with a server of its own; and one browser for both.
import { fork } from 'node:child_process'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { chromiums } from '../test/browser/find-browser.mjs'
import { pinned } from './tools.mjs'

const HERE = fileURLToPath(new URL('..', import.meta.url))

export async function withBuilds(before, run) {
  const [find] = chromiums()
  if (!find) return console.log('No Chromium was found')
  const { executablePath, env } = await find()
  const browser = await chromium.launch({ executablePath, env: { ...process.env, ...env }, args: ['--no-sandbox'] })
  const builds = []
  try {
    if (before) builds.push(await start('before', resolve(before)))
    builds.push(await start('now', HERE))
    await run(builds, browser)
  } finally {
    await browser.close()
    for (const { child } of builds) child.kill()
  }
}

async function start(name, folder) {
  const child = fork(new URL('./page-server.mjs', import.meta.url), [folder], pinned(0))
  const answer = () => new Promise((resolve) => child.once('message', resolve))
  const { port } = await answer()
  const ask = (question) => {
    child.send(question)
    return answer()
  }
  return { name, child, url: `http://127.0.0.1:${port}`, ask }
}

/** A page that has its values and its socket, and is at rest. */
export async function openPage(context, url) {
  const page = await context.newPage()
  await page.goto(url)
  await page.waitForFunction('globalThis.bench?.isReady && bench.socket.connected')
  await page.evaluate('bench.live.flush()')
  return page
}

/** Resolves once nothing was asked for within two seconds: what was till then. */
export async function askedInAll(build) {
  const all = []
  for (;;) {
    const asked = await build.ask('asked')
    if (asked.length === 0 && all.length > 0) return all
    all.push(...asked)
    await new Promise((resolve) => setTimeout(resolve, 2000))
  }
}
