import { randomBytes } from 'node:crypto'
import { build } from 'esbuild'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { chromiums } from '../browser/find-browser.mjs'
import { Dice } from '../fuzz/dice.js'
import { RedisServer } from '../support/servers/redis.js'
import { bundleNode } from './bundle.js'
import { Gateway } from './gateway.js'
import { NodeProcess } from './node-process.js'

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

/** The programs in which pages were seen to lose changes. */
export const LEAVINGS: Readonly<Record<string, Leaving>> = {
  task: { isUser: true, items: 8, apart: 0, wait: 4, how: 'link' },
  paced: { isUser: true, items: 3, apart: 20, wait: 0, how: 'link' },
  guest: { isUser: false, items: 8, apart: 0, wait: 20, how: 'link' },
  close: { isUser: true, items: 8, apart: 0, wait: 20, how: 'close' },
}

export interface LeavingRun {
  readonly leaving: Leaving
  readonly nodes: number
  readonly hasRedis: boolean
  readonly rounds: number
  readonly seed: number
  /** Browsers at a time. */
  readonly atOnce: number
}

export interface LeavingTally {
  rounds: number
  items: number
  /** With what there was in their place. */
  readonly lost: string[]
  readonly twice: string[]
}

/** ms until what is missing counts as lost. */
const PATIENCE = 5000

/** Has pages add to a list and go away at once, again and again, and looks at what the next page has of it. */
export async function runLeavings(
  run: LeavingRun,
  log: (line: string) => void = () => undefined,
): Promise<LeavingTally> {
  const tally: LeavingTally = { rounds: 0, items: 0, lost: [], twice: [] }
  const redis = run.hasRedis ? await RedisServer.start() : undefined
  const script = await bundleNode('test/faults/leaving-node.ts')
  process.env['PAGE_SCRIPT'] = await pageScript()
  const secret = randomBytes(32).toString('base64url')
  const starting = Array.from({ length: run.nodes }, () => NodeProcess.start(script, redis?.path ?? '', secret))
  const nodes = await Promise.all(starting)
  const gateway = await Gateway.start(() => nodes.flatMap(({ port }) => port ?? []))
  const browser = await launch()
  try {
    await Promise.all(
      Array.from({ length: run.atOnce }, async (_, index) => {
        const context = await browser.newContext()
        if (run.leaving.isUser) await context.addCookies([{ name: 'user', value: `user-${index}`, url: gateway.url }])
        const dice = Dice.of(run.seed, index)
        while (tally.rounds < run.rounds) {
          tally.rounds += 1
          await round(context, gateway.url, run.leaving, dice, tally)
          if (tally.rounds % 50 === 0) log(said(tally))
        }
      }),
    )
  } finally {
    await browser.close()
    await gateway.stop()
    await Promise.all(nodes.map((node) => node.stop()))
    await redis?.stop()
  }
  return tally
}

export function said({ rounds, items, lost, twice }: LeavingTally): string {
  return `${rounds} rounds, ${items} items, ${lost.length} rounds with lost ones, ${twice.length} with some twice`
}

async function round(
  context: BrowserContext,
  url: string,
  { items: count, apart, wait, how }: Leaving,
  dice: Dice,
  tally: LeavingTally,
): Promise<void> {
  const items = Array.from({ length: count }, (_, index) => `${tally.rounds}.${index}`)
  const page = await openShop(context, url)
  await page.evaluate('live.set("list", []).then(() => live.flush())')
  const adding = `add(${JSON.stringify(items)}, ${apart})`
  const pause = wait === 0 ? 0 : dice.below(wait + 1)
  const go = how === 'reload' ? 'location.reload()' : how === 'link' ? 'location.assign("/shop?" + Math.random())' : ''
  const left = how === 'link' || how === 'reload' ? page.waitForNavigation() : undefined
  await page.evaluate(`void ${adding}.then(() => ${pause === 0 ? go || 0 : `setTimeout(() => { ${go} }, ${pause})`})`)
  if (left) await left
  else {
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause))
    await page.close()
  }
  const next = left ? page : await openShop(context, url)
  const isThere = `JSON.stringify(${JSON.stringify(items)}.filter((item) => live.get("list").includes(item))) === ${JSON.stringify(JSON.stringify(items))}`
  await next.waitForFunction('globalThis.live?.ready')
  await next.waitForFunction(isThere, undefined, { timeout: PATIENCE }).catch(() => undefined)
  await next.evaluate('live.flush()')
  const list = JSON.parse(await next.evaluate('JSON.stringify([live.get("list"), live.status().status])'))
  await next.close()
  tally.items += items.length
  const [there, status] = list as [readonly string[], string]
  const missing = items.filter((item) => !there.includes(item))
  if (missing[0])
    tally.lost.push(`${tally.rounds}: ${status}, after ${pause} ms, ${missing.join()} not in ${there.join()}`)
  if (new Set(there).size < there.length) tally.twice.push(`${tally.rounds}: ${there.join()}`)
}

async function openShop(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${url}/shop`)
  await page.waitForFunction('globalThis.live?.ready')
  return page
}

async function launch(): Promise<Browser> {
  const [find] = chromiums()
  if (!find) throw new Error('no Chromium')
  const { executablePath, env } = await find()
  const args = ['--no-sandbox', '--disable-background-networking']
  return chromium.launch({ executablePath, env: { ...process.env, ...env }, args })
}

async function pageScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['test/faults/leaving-page.ts'],
    bundle: true,
    write: false,
    format: 'esm',
    alias: {
      'koa-live-session/client': `${process.cwd()}/client/index.ts`,
      'koa-live-session/fields': `${process.cwd()}/shared/index.ts`,
    },
  })
  return outputFiles[0]?.text ?? ''
}
