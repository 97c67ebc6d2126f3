import { setTimeout as pause } from 'node:timers/promises'
import { Dice } from '../fuzz/dice.js'
import { Visitor } from '../support/app/visitor.js'
import { within } from '../support/app/within.js'
import type { Page } from '../support/page/page.js'
import { Items } from './items.js'
import { DURABLE, onSite, type Site, type StoredName } from './site.js'

/** Each visitor has two tabs, and clicks so often in each. */
const TABS = ['a', 'b'] as const
const CLICKS = 40
/** ms between two clicks, at the most. */
const PACE = 20
/** How often the server is killed in a round. */
const KILLS = 2
/**
 * The most clicks before a kill during which tabs lose the server's responses: some tabs if there is a store, otherwise all tabs, because
 * another tab's saved change is then only in the cookie, which does not name the page.
 */
const UNHEARD = 50
/** ms for which Redis or a node is silent. */
const SILENCE = 3000
/** ms after a click until its node has asked Redis, which has not answered yet. */
const ASKED = 60
/** ms: a limit for updates without an outcome. */
const PATIENCE = 60_000

/** The fault, with tabs on two nodes: Redis is silent (`devices`), a node is silent (`node`), or Redis crashes (`restart`). */
export type Stall = 'devices' | 'node' | 'restart'
export const STALLS: readonly [Stall, ...Stall[]] = ['devices', 'node', 'restart']

export interface ClickRun {
  readonly store: StoredName
  /** If left out, the only node is killed instead. */
  readonly stall?: Stall
  /** Visitors in all, each with its own cart. */
  readonly rounds: number
  readonly seed: number
  /** Visitors at a time. @default 5 */
  readonly atOnce?: number
}

/** Hears of each click, and may then cause a fault. */
interface Trouble {
  clicked(): void
  /** Resolves when no fault is left. */
  over(): Promise<unknown>
}

/** Causes faults while pages update carts, and then looks for each click. */
export function runClicks(
  { store, stall, rounds, seed, atOnce = 5 }: ClickRun,
  log: (line: string) => void = () => undefined,
): Promise<Items> {
  return onSite({ store, nodes: stall ? 2 : 1, redisOptions: stall === 'restart' ? DURABLE : [] }, async (site) => {
    const items = new Items()
    while (items.rounds < rounds) {
      const count = Math.min(atOnce, rounds - items.rounds)
      const numbers = Array.from({ length: count }, (_, at) => items.rounds + at)
      // All pages load before the first click: a page whose responses are lost would never load.
      const visits = await Promise.all(numbers.map((number) => open(site, number)))
      const [dice, clicks] = [Dice.of(seed, items.rounds), count * TABS.length * CLICKS]
      const trouble = stall
        ? stallOnce(site, stall, dice.below(clicks / 2))
        : kill(site, dice, clicks, store === 'nowhere' ? 1 : 0.5)
      await Promise.all(visits.map((visit) => round(visit, Dice.of(seed, visit.number), trouble, items)))
      await trouble.over()
      for (const visit of visits) await check(site, visit, items)
      items.rounds += count
      log(`${stall ?? store}: ${items}`)
    }
    return items
  })
}

/** Kills the node a few times; before each kill, some or all tabs receive nothing. */
function kill({ nodes: [node], gateway }: Site, dice: Dice, clicks: number, unheard: number): Trouble {
  const span = clicks / KILLS
  const kills = new Set(
    Array.from({ length: KILLS }, (_, at) => Math.floor((at + 1) * span) - dice.below(span - UNHEARD)),
  )
  const mutes = new Set(Array.from(kills, (each) => each - dice.below(UNHEARD)))
  let restarts: Promise<unknown> = Promise.resolve()
  let count = 0
  return {
    clicked: () => {
      count += 1
      if (mutes.has(count)) gateway.mute(() => dice.chance(unheard))
      if (!kills.has(count)) return
      gateway.mute(() => false)
      restarts = restarts.then(() => node?.end('SIGKILL')).then(() => node?.start())
    },
    over: () => restarts,
  }
}

function stallOnce(site: Site, stall: Stall, at: number): Trouble {
  let stalled: Promise<void> | undefined
  let count = 0
  return {
    clicked: () => {
      if (count === at) stalled = silence(site, stall)
      count += 1
    },
    over: async () => stalled,
  }
}

async function silence({ redis, nodes: [node] }: Site, stall: Stall): Promise<void> {
  if (stall === 'restart') await redis.kill()
  else redis.pause()
  if (stall === 'node') {
    // The node reads the answer when it resumes; meanwhile the other node's pages add.
    await pause(ASKED)
    node?.pause()
    redis.resume()
  }
  await pause(SILENCE)
  if (stall === 'restart') await redis.start()
  else if (stall === 'node') node?.resume()
  else redis.resume()
}

interface Visit {
  readonly number: number
  readonly pages: readonly Page[]
  readonly saved: string[]
}

/** Opens two tabs of a guest, or a page of a user on each node. */
async function open(site: Site, number: number): Promise<Visit> {
  const guest = new Visitor(site.gateway.url)
  // Makes the first visit before the two tabs open.
  if (site.nodes.length === 1) await guest.text('/snapshot')
  const visitors = site.nodes.length === 1 ? TABS.map(() => guest) : usersOf(site, number)
  return { number, saved: [], pages: await Promise.all(visitors.map((each) => each.open({ path: '/snapshot' }))) }
}

function usersOf({ nodes }: Site, number: number): readonly Visitor[] {
  return nodes.map(({ port }) => new Visitor(`http://127.0.0.1:${port}`, `user=user-${number}`))
}

async function round({ number, pages, saved }: Visit, dice: Dice, trouble: Trouble, items: Items): Promise<void> {
  const click = async (page: Page, tab: string): Promise<void> => {
    const updates: Promise<unknown>[] = []
    for (let at = 0; at < CLICKS; at += 1) {
      await pause(dice.below(PACE))
      const item = `${tab}${at}`
      const update = outcomeOf(page.live.update('cart', (cart = []) => [...cart, item]))
      const settle = (outcome: string): unknown =>
        outcome === 'saved' ? saved.push(item) : items.rejected.push(`round ${number}: ${item}: ${outcome}`)
      updates.push(update.then(settle))
      trouble.clicked()
    }
    await Promise.all(updates)
  }
  await Promise.all(pages.map((page, at) => click(page, TABS[at] ?? '')))
}

/** After the adapter has delivered all changes, compares the saved clicks with the cart in the guest's browser, or on each node. */
async function check(site: Site, { number, pages, saved }: Visit, items: Items): Promise<void> {
  const [guest] = pages.map(({ visitor }) => visitor)
  for (const visitor of site.nodes.length === 1 && guest ? [guest] : usersOf(site, number)) {
    const look = async (): Promise<readonly string[]> => JSON.parse(await visitor.text('/snapshot')).values.cart ?? []
    const cart = await within(look, (found) => saved.every((item) => found.includes(item)))
    items.check(`round ${number}`, saved, cart)
  }
  for (const { visitor } of pages) visitor.leave()
  items.added += TABS.length * CLICKS
  items.saved += saved.length
}

/** Resolves with `saved`, or with the reason for a failure. */
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
