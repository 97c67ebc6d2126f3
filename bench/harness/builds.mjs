// Runs this build, and an older build if given, side by side, each with its own server, in the same browser.
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launch } from 'puppeteer-core'
import { chromiums } from '../../test/browser/find-browser.mjs'
import { start } from './processes.mjs'

const HERE = fileURLToPath(new URL('../..', import.meta.url))

const SERVER = fileURLToPath(new URL('../servers/page.mjs', import.meta.url))

export async function withBuilds(before, run) {
  const [find] = chromiums()
  if (!find) return console.log('left out: no Chromium was found')
  const browser = await launch(await find())
  const builds = []
  try {
    if (before) builds.push(await open('before', resolve(before)))
    builds.push(await open('now', HERE))
    return await run(builds, browser)
  } finally {
    await browser.close()
    for (const { end } of builds) await end()
  }
}

async function open(name, folder) {
  const child = await start(SERVER, [folder])
  return { name, url: `http://127.0.0.1:${child.port}`, ...child }
}

/** Opens a page, and waits for its values, its socket and an idle network. */
export async function openPage(context, url) {
  const page = await context.newPage()
  await page.goto(url)
  await page.waitForFunction('globalThis.bench?.isReady && bench.socket.connected')
  await page.evaluate('bench.live.flush()')
  return page
}

/** Waits for two seconds without a request, and resolves with all requests until then. */
export async function askedInAll(build) {
  const all = []
  for (;;) {
    const asked = await build.ask('asked')
    if (asked.length === 0 && all.length > 0) return all
    all.push(...asked)
    await new Promise((resolve) => setTimeout(resolve, 2000))
  }
}
