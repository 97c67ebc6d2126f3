// Target 4, in a browser: from a click to the other tab's repaint, and to `saved`; compared with a page using bare socket.io broadcasts.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launch as launchBrowser } from 'puppeteer-core'
import { chromiums } from '../../test/browser/find-browser.mjs'
import { buildSite } from '../../test/browser/site/build.mjs'
import { launch } from '../harness/processes.mjs'
import { median, percentile } from '../harness/statistics.mjs'
import { tableOfRows } from '../harness/table.mjs'

const CLICKS = 25
const WARM_UP = 20

export const latency = { title: 'A click is seen in another tab', run: measureAll }

async function measureAll({ rounds }) {
  const folder = mkdtempSync(join(tmpdir(), 'live-latency-'))
  const [find] = chromiums()
  if (!find) return console.log('left out: no Chromium was found')
  await buildSite(folder)
  const browser = await launchBrowser(await find())
  const scripts = {
    bare: fileURLToPath(new URL('../servers/latency.mjs', import.meta.url)),
    live: join(folder, 'server.cjs'),
  }
  const sites = []
  try {
    for (const script of Object.values(scripts)) sites.push(await open(script, folder, browser))
    for (const site of sites) await measure(site, WARM_UP)
    for (let round = 0; round < rounds; round += 1) {
      for (const site of round % 2 ? [...sites].reverse() : sites) {
        site.samples.push(...(await measure(site, CLICKS)))
      }
    }
  } finally {
    await browser.close()
    for (const { end } of sites) await end()
    rmSync(folder, { recursive: true, force: true })
  }
  return { tables: [table(sites)] }
}

/** Starts a server in its own process, and opens two tabs of a browser. */
async function open(script, folder, browser) {
  const { child, end } = launch(script, [], {
    env: { SITE_FOLDER: folder, SITE_SECRET: 'a secret of at least thirty-two bytes' },
  })
  await message(child)
  child.send(0)
  const { port } = await message(child)
  const context = await browser.createBrowserContext()
  const tabs = []
  for (let i = 0; i < 2; i += 1) {
    const page = await context.newPage()
    await page.setBypassCSP(true)
    await page.goto(`http://127.0.0.1:${port}/`)
    await page.waitForFunction('site.socket.connected')
    tabs.push(page)
  }
  const [clicked, other] = tabs
  await other.evaluate(watch)
  return { end, clicked, other, samples: [] }
}

const message = (child) => new Promise((resolve) => child.once('message', resolve))

/** Records the paint time of each value: the frame after its insertion into the page. */
function watch() {
  const output = document.querySelector('[data-key=division]')
  window.painted = {}
  const observer = new MutationObserver(() => {
    const value = output.value
    requestAnimationFrame(() => {
      window.painted[value] ??= performance.timeOrigin + performance.now()
    })
  })
  observer.observe(output, { childList: true, characterData: true, subtree: true })
}

/** Clicks like a person waiting for the result: a sample per click. */
async function measure({ clicked, other }, count) {
  const said = await clicked.evaluate(async (times) => {
    const { said } = window.site.record
    const from = said.length
    for (let i = 0; i < times; i += 1) {
      document.querySelector('[data-next=division]').click()
      const change = said.at(-1)
      while (change.ended === undefined) await new Promise((resolve) => setTimeout(resolve))
      await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 50))
    }
    return said.slice(from)
  }, count)
  const painted = await other.evaluate('painted')
  return said.map(({ text, began, ended }) => ({ repaint: painted[text] - began, saved: ended - began }))
}

function table(sites) {
  const [bare, live] = sites.map(({ samples }) => summary(samples))
  const ratio = Object.fromEntries(Object.keys(bare).map((name) => [name, live[name] / bare[name]]))
  return tableOfRows('', { 'bare socket.io (saved: acknowledged)': bare, 'this library': live, ratio })
}

function summary(samples) {
  const of = (name) => samples.map((sample) => sample[name])
  return {
    'repaint p50 ms': median(of('repaint')),
    'repaint p99 ms': percentile(of('repaint'), 0.99),
    'saved p50 ms': median(of('saved')),
    'saved p99 ms': percentile(of('saved'), 0.99),
  }
}
