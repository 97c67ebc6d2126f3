import { randomBytes } from 'node:crypto'
import type { BrowserContext, Page } from 'puppeteer-core'
import { Dice } from '../fuzz/dice.js'
import { crash } from '../support/page/crash.js'
import { RedisServer } from '../support/servers/redis.js'
import { bundleNode, bundlePage } from './bundle.js'
import { launchChromium } from './chromium.js'
import { Gateway } from './gateway.js'
import { NodeProcess } from './node-process.js'

/** ms until what is missing counts as lost. */
const PATIENCE = 5000

/** How a page adds to its list, and how it is left. */
export interface Leaving {
  readonly isUser: boolean
  readonly items: number
  /** ms between two of them. */
  readonly apart: number
  /** ms at the most between the last of them and the end of the page. */
  readonly wait: number
  readonly how: 'link' | 'reload' | 'close' | 'crash'
}

/** Programs in which pages could lose changes. */
export const LEAVINGS: ReadonlyMap<string, Leaving> = new Map([
  ['task', { isUser: true, items: 8, apart: 0, wait: 4, how: 'link' }],
  ['paced', { isUser: true, items: 3, apart: 20, wait: 0, how: 'link' }],
  ['guest', { isUser: false, items: 8, apart: 0, wait: 20, how: 'link' }],
  ['close', { isUser: true, items: 8, apart: 0, wait: 20, how: 'close' }],
  ['reload', { isUser: true, items: 8, apart: 0, wait: 20, how: 'reload' }],
  ['crash', { isUser: true, items: 8, apart: 0, wait: 20, how: 'crash' }],
])

export interface LeavingRun {
  readonly leaving: Leaving
  readonly rounds: number
  readonly hasRedis: boolean
  readonly nodes: number
  readonly seed: number
  /** Visitors at a time, each in a browser of its own. */
  readonly atOnce: number
  /** ms, for a machine that may be slow: a store that answers later counts as none. As users have it where it is left out. */
  readonly storeTimeout?: number
}

/** What has become of all items. */
export interface LeavingTally {
  rounds: number
  items: number
  /** What is not in the list in the end, and what is there twice: each with its round. */
  readonly lost: string[]
  readonly twice: string[]
}

/** Where a page says what it shows, for a driver. */
interface Shown {
  readonly list: readonly string[]
  readonly status: string
}

/** Has pages add to a list and go away at once, again and again, and looks at what the next page has of it. */
export async function runLeavings(
  { leaving, rounds, hasRedis, nodes: count, seed, atOnce, storeTimeout }: LeavingRun,
  log: (line: string) => void = () => undefined,
): Promise<LeavingTally> {
  const tally: LeavingTally = { rounds: 0, items: 0, lost: [], twice: [] }
  const redis = hasRedis ? await RedisServer.start() : undefined
  await bundlePage('test/faults/leaving-page.ts')
  const script = await bundleNode('test/faults/leaving-node.ts')
  const secret = randomBytes(32).toString('base64url')
  const more = storeTimeout === undefined ? {} : { STORE_TIMEOUT: String(storeTimeout) }
  const starting = Array.from({ length: count }, () => NodeProcess.start(script, redis?.path ?? '', secret, more))
  const nodes = await Promise.all(starting)
  const gateway = await Gateway.start(() => nodes.flatMap(({ port }) => port ?? []))
  const browser = await launchChromium()
  let begun = 0
  const visit = async (index: number): Promise<void> => {
    const context = await browser.createBrowserContext()
    if (leaving.isUser)
      await context.setCookie({ name: 'user', value: `user-${index}`, domain: new URL(gateway.url).hostname })
    const dice = Dice.of(seed, index)
    while (begun < rounds) {
      begun += 1
      await round(begun, context, gateway.url, leaving, dice, tally)
      if (tally.rounds % 50 === 0) log(told(tally))
    }
  }
  try {
    await Promise.all(Array.from({ length: atOnce }, (_, index) => visit(index)))
  } finally {
    await browser.close()
    await gateway.stop()
    await Promise.all(nodes.map((node) => node.stop()))
    await redis?.stop()
  }
  return tally
}

async function round(
  number: number,
  context: BrowserContext,
  url: string,
  leaving: Leaving,
  dice: Dice,
  tally: LeavingTally,
): Promise<void> {
  const items = Array.from({ length: leaving.items }, (_, index) => `${number}.${index}`)
  const page = await open(context, url)
  await page.evaluate('live.set("list", []).then(() => live.flush())')
  const wait = dice.below(leaving.wait + 1)
  const next = await leave(page, `add(${JSON.stringify(items)}, ${leaving.apart})`, wait, leaving.how)
  const { list, status } = await shown(next ?? (await open(context, url)), items)
  for (const one of await context.pages()) await one.close()
  const missing = items.filter((item) => !list.includes(item))
  const name = `round ${number}, left after ${wait} ms`
  if (missing.length > 0) tally.lost.push(`${name}: ${status} without ${missing.join()}, with ${list.join()}`)
  if (new Set(list).size < list.length) tally.twice.push(`${name}: ${list.join()}`)
  tally.items += items.length
  tally.rounds += 1
}

/** The page adds, waits in itself or until a driver has heard of it, and is left; answers the next page if the browser opens one by itself. */
async function leave(page: Page, adding: string, wait: number, how: Leaving['how']): Promise<Page | undefined> {
  if (how === 'link' || how === 'reload') {
    const going = how === 'link' ? 'location.assign("/" + Math.random())' : 'location.reload()'
    const then = wait === 0 ? going : `setTimeout(() => { ${going} }, ${wait})`
    const loaded = page.waitForNavigation()
    await page.evaluate(`void ${adding}.then(() => { ${then} })`)
    await loaded
    return page
  }
  await page.evaluate(`void ${adding}`)
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
  await (how === 'crash' ? crash(page) : page.close())
  return undefined
}

async function open(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  await page.waitForFunction('globalThis.live?.ready.then(() => true)')
  return page
}

/** What a page shows once it has all of these, or had the time to. */
async function shown(page: Page, items: readonly string[]): Promise<Shown> {
  await page.waitForFunction('globalThis.live?.ready.then(() => true)')
  const isThere = `${JSON.stringify(items)}.every((item) => live.get("list").includes(item))`
  await page.waitForFunction(isThere, { timeout: PATIENCE }).catch(() => undefined)
  await page.evaluate('live.flush()')
  return (await page.evaluate('({ list: live.get("list"), status: live.status().status })')) as Shown
}

function told({ rounds, items, lost, twice }: LeavingTally): string {
  return JSON.stringify({ rounds, items, lost: lost.length, twice: twice.length })
}
