import { randomBytes } from 'node:crypto'
import { Dice } from '../fuzz/dice.js'
import { Visitor } from '../support/app/visitor.js'
import type { Page } from '../support/page/page.js'
import { PostgresServer } from '../support/servers/postgres.js'
import { RedisServer } from '../support/servers/redis.js'
import { bundleNode } from './bundle.js'
import { Gateway } from './gateway.js'
import { NodeProcess } from './node-process.js'

/** Each visitor has two tabs, and clicks so often in each. */
const TABS = ['a', 'b'] as const
const CLICKS = 40
/** ms between two clicks, at the most. */
const PACE = 20
/** How often the server is killed in a round. */
const KILLS = 2
/**
 * For how many clicks at the most nothing is heard before that of what it says: by any tab, or by some where there is a store. (Without one, what
 * a tab has not heard of and another one has brought home is in the cookie, which does not say whose it was.)
 */
const UNHEARD = 50
/** ms: a limit for what never comes, and none for a slow or busy machine. */
const PATIENCE = 60_000

export type StoredName = 'nowhere' | 'Redis' | 'PostgreSQL'

export interface ClickRun {
  /** Where values are kept besides memory and cookies. */
  readonly kept: StoredName
  /** Visitors, of which each adds to a list of its own. */
  readonly rounds: number
  readonly seed: number
  /** How many of them are there at a time. @default 5 */
  readonly atOnce?: number
}

/** What has become of all clicks. */
export interface ClickTally {
  rounds: number
  clicks: number
  saved: number
  kills: number
  /** Clicks that were saved, and are not there; that are there twice; that were not saved: each with its round. */
  readonly lost: string[]
  readonly twice: string[]
  readonly rejected: string[]
}

/** Kills the server while pages compute values, again and again, and looks at what there is of each click. */
export async function runClicks(
  { kept, rounds, seed, atOnce = 5 }: ClickRun,
  log: (line: string) => void = () => undefined,
): Promise<ClickTally> {
  const place = await placeOf(kept)
  const script = await bundleNode('test/faults/clicks-node.ts')
  const node = await NodeProcess.start(script, place.path, randomBytes(32).toString('base64url'))
  const gateway = await Gateway.start(() => (node.port === undefined ? [] : [node.port]))
  const tally: ClickTally = { rounds: 0, clicks: 0, saved: 0, kills: 0, lost: [], twice: [], rejected: [] }
  try {
    while (tally.rounds < rounds) {
      const numbers = Array.from({ length: Math.min(atOnce, rounds - tally.rounds) }, (_, at) => tally.rounds + at)
      await cycle(numbers, node, gateway, { seed, unheard: kept === 'nowhere' ? 1 : 0.5 }, tally)
      tally.rounds += numbers.length
      log(`${kept}: ${told(tally)}`)
    }
  } finally {
    await gateway.stop()
    await node.stop()
    await place.stop()
  }
  return tally
}

/** Some visitors click at once; after so many clicks some tabs hear nothing any more of the server, which is killed then, and comes back. */
async function cycle(
  numbers: readonly number[],
  node: NodeProcess,
  gateway: Gateway,
  { seed, unheard }: { readonly seed: number; readonly unheard: number },
  tally: ClickTally,
): Promise<void> {
  // All pages before the first click: one that is still loading when its answers are held back would never come to click.
  const visitors = await Promise.all(numbers.map((number) => open(number, gateway.url)))
  const dice = Dice.of(seed, numbers[0] ?? 0)
  const span = (numbers.length * TABS.length * CLICKS) / KILLS
  const kills = new Set(
    Array.from({ length: KILLS }, (_, at) => Math.floor((at + 1) * span) - dice.below(span - UNHEARD)),
  )
  const mutes = new Set(Array.from(kills, (kill) => kill - dice.below(UNHEARD)))
  let restarts: Promise<unknown> = Promise.resolve()
  let clicks = 0
  const clicked = (): void => {
    clicks += 1
    if (mutes.has(clicks)) gateway.mute(() => dice.chance(unheard))
    if (!kills.has(clicks)) return
    gateway.mute(() => false)
    tally.kills += 1
    restarts = restarts.then(() => node.end('SIGKILL')).then(() => node.start())
  }
  await Promise.all(visitors.map((each) => round(each, Dice.of(seed, each.number), clicked, tally)))
  await restarts
}

interface Opened {
  readonly number: number
  readonly visitor: Visitor
  readonly pages: readonly Page[]
}

async function open(number: number, url: string): Promise<Opened> {
  const visitor = new Visitor(url)
  // Not the very first visit of two tabs at once.
  await visitor.text('/page')
  return { number, visitor, pages: await Promise.all(TABS.map(() => visitor.open({ path: '/page' }))) }
}

async function round(
  { number, visitor, pages }: Opened,
  dice: Dice,
  clicked: () => void,
  tally: ClickTally,
): Promise<void> {
  const outcomes = new Map<string, string>()
  const click = async (page: Page, tab: string): Promise<void> => {
    const updates: Promise<unknown>[] = []
    for (let at = 0; at < CLICKS; at += 1) {
      await new Promise((resolve) => setTimeout(resolve, dice.below(PACE)))
      const item = `${tab}${at}`
      const saved = page.live.update('cart', (cart = []) => [...cart, item])
      updates.push(outcomeOf(saved).then((outcome) => outcomes.set(item, outcome)))
      clicked()
    }
    await Promise.all(updates)
  }
  await Promise.all(pages.map((page, at) => click(page, TABS[at] ?? '')))
  const { values }: { values: { cart?: readonly string[] } } = JSON.parse(await again(() => visitor.text('/page')))
  visitor.leave()
  tally.clicks += outcomes.size
  for (const [item, outcome] of outcomes) {
    const times = values.cart?.filter((each) => each === item).length ?? 0
    const name = `round ${number}: ${item}`
    if (outcome === 'saved') tally.saved += 1
    else tally.rejected.push(`${name}: ${outcome}, and there ${times} times`)
    if (outcome === 'saved' && times === 0) tally.lost.push(name)
    if (times > 1) tally.twice.push(name)
  }
}

/** A request that meets the server while it is not there is made again. */
async function again<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act()
    } catch (error) {
      if (!String(error).includes('fetch failed')) throw error
      await new Promise((resolve) => setTimeout(resolve, PACE))
    }
  }
}

/** What a change came to: `saved`, or why not. */
async function outcomeOf(saved: Promise<unknown>): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('nothing'), PATIENCE)
  })
  const settled = saved.then(
    () => 'saved',
    ({ code }: { readonly code: string }) => code,
  )
  const outcome = await Promise.race([settled, late])
  clearTimeout(timer)
  return outcome
}

function told({ lost, twice, rejected, ...counts }: ClickTally): string {
  return JSON.stringify({ ...counts, lost: lost.length, twice: twice.length, rejected: rejected.length })
}

interface Place {
  /** As the process is told; none: ''. */
  readonly path: string
  stop(): Promise<void>
}

async function placeOf(kept: StoredName): Promise<Place> {
  if (kept === 'nowhere') return { path: '', stop: async () => undefined }
  if (kept === 'Redis') return RedisServer.start()
  const server = await PostgresServer.start()
  const path = `postgresql://${server.user}@localhost/${server.database}?host=${server.host}`
  return { path, stop: () => server.stop() }
}
