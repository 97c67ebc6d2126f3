import { type BrowserContext, launch, type Page } from 'puppeteer-core'
import { chromiums } from '../browser/find-browser.mjs'
import { Dice } from '../fuzz/dice.js'
import { crash } from '../support/page/crash.js'
import { Items } from './items.js'
import { onSite } from './site.js'

/** ms until a missing item counts as lost. */
const PATIENCE = 5000

/** How a page adds to its cart, and how it is left. */
export interface Leaving {
  readonly isUser: boolean
  readonly items: number
  /** ms between two items. */
  readonly apart: number
  /** The most ms between the last item and the end of the page. */
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
  /** Visitors at a time, each in its own browser. */
  readonly atOnce: number
  /** ms until an answer of the store counts as missing, for a slow machine. */
  readonly storeTimeout?: number
}

/** Has pages add to a cart and leave at once, repeatedly, and looks for the items on the next page. */
export function runLeavings(
  { leaving, rounds, hasRedis, nodes, seed, atOnce, storeTimeout }: LeavingRun,
  log: (line: string) => void = () => undefined,
): Promise<Items> {
  const env = storeTimeout === undefined ? {} : { STORE_TIMEOUT: String(storeTimeout) }
  return onSite({ store: hasRedis ? 'Redis' : 'nowhere', nodes, env }, async ({ gateway }) => {
    const items = new Items()
    const [find] = chromiums()
    if (!find) throw new Error('no Chromium is installed: apt-get install -y chromium')
    const browser = await launch(await find())
    let begun = 0
    const visit = async (index: number): Promise<void> => {
      const context = await browser.createBrowserContext()
      const domain = new URL(gateway.url).hostname
      if (leaving.isUser) await context.setCookie({ name: 'user', value: `user-${index}`, domain })
      const dice = Dice.of(seed, index)
      while (begun < rounds) {
        begun += 1
        await round(begun, context, gateway.url, leaving, dice, items)
        if (items.rounds % 50 === 0) log(String(items))
      }
    }
    try {
      await Promise.all(Array.from({ length: atOnce }, (_, index) => visit(index)))
    } finally {
      await browser.close()
    }
    return items
  })
}

async function round(
  number: number,
  context: BrowserContext,
  url: string,
  leaving: Leaving,
  dice: Dice,
  tally: Items,
): Promise<void> {
  const items = Array.from({ length: leaving.items }, (_, index) => `${number}.${index}`)
  const page = await open(context, url)
  await page.evaluate('live.set("cart", []).then(() => live.flush())')
  const wait = dice.below(leaving.wait + 1)
  const next = await leave(page, `add(${JSON.stringify(items)}, ${leaving.apart})`, wait, leaving.how)
  const { cart, status } = await shown(next ?? (await open(context, url)), items)
  for (const one of await context.pages()) await one.close()
  tally.check(`round ${number}, left after ${wait} ms, ${status}`, items, cart)
  tally.added += items.length
  tally.rounds += 1
}

/** Adds, waits in the page or in this process, and leaves. Returns the next page if the browser opens it by itself. */
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

const isReady = (page: Page): Promise<unknown> => page.waitForFunction('globalThis.live?.ready.then(() => true)')

async function open(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  await isReady(page)
  return page
}

/** Returns the cart and status of a page, after it shows all of these items or `PATIENCE` has passed. */
async function shown(
  page: Page,
  items: readonly string[],
): Promise<{ readonly cart: readonly string[]; readonly status: string }> {
  await isReady(page)
  const isThere = `${JSON.stringify(items)}.every((item) => live.get("cart").includes(item))`
  await page.waitForFunction(isThere, { timeout: PATIENCE }).catch(() => undefined)
  await page.evaluate('live.flush()')
  return (await page.evaluate('({ cart: live.get("cart"), status: live.status().status })')) as never
}
