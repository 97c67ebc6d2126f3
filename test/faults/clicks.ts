import { Dice } from '../fuzz/dice.js'
import { Visitor } from '../support/app/visitor.js'
import type { Page } from '../support/page/page.js'
import type { Gateway } from './gateway.js'
import { Items } from './items.js'
import type { NodeProcess } from './node-process.js'
import { onSite, type StoredName } from './site.js'

/** Each visitor has two tabs, and clicks so often in each. */
const TABS = ['a', 'b'] as const
const CLICKS = 40
/** ms between two clicks, at the most. */
const PACE = 20
/** How often the server is killed in a round. */
const KILLS = 2
/**
 * The most clicks before a kill during which the server's responses are lost: to all tabs, or to some if there is a store. Without one,
 * a change that another tab has saved is only in the cookie, which does not say whose it was.
 */
const UNHEARD = 50
/** ms: a limit for what never happens, not for a slow machine. */
const PATIENCE = 60_000

export interface ClickRun {
  readonly store: StoredName
  /** Visitors in all, each with its own cart. */
  readonly rounds: number
  readonly seed: number
  /** Visitors at a time. @default 5 */
  readonly atOnce?: number
}

/** Kills the server repeatedly while pages update carts, and then looks for each click. */
export function runClicks(
  { store, rounds, seed, atOnce = 5 }: ClickRun,
  log: (line: string) => void = () => undefined,
): Promise<Items> {
  return onSite({ store, nodes: 1 }, async ({ nodes, gateway }) => {
    const items = new Items()
    for (const node of nodes)
      while (items.rounds < rounds) {
        const count = Math.min(atOnce, rounds - items.rounds)
        const numbers = Array.from({ length: count }, (_, at) => items.rounds + at)
        await cycle(numbers, node, gateway, { seed, unheard: store === 'nowhere' ? 1 : 0.5 }, items)
        items.rounds += numbers.length
        log(`${store}: ${items}`)
      }
    return items
  })
}

/** Some visitors click at once. After some clicks some tabs receive nothing; then the server is killed and restarted. */
async function cycle(
  numbers: readonly number[],
  node: NodeProcess,
  gateway: Gateway,
  { seed, unheard }: { readonly seed: number; readonly unheard: number },
  items: Items,
): Promise<void> {
  // All pages load before the first click: a page whose responses are lost would never load.
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
    restarts = restarts.then(() => node.end('SIGKILL')).then(() => node.start())
  }
  await Promise.all(visitors.map((each) => round(each, Dice.of(seed, each.number), clicked, items)))
  await restarts
}

interface Opened {
  readonly number: number
  readonly visitor: Visitor
  readonly pages: readonly Page[]
}

async function open(number: number, url: string): Promise<Opened> {
  const visitor = new Visitor(url)
  // Not two tabs at once on the first visit.
  await visitor.text('/snapshot')
  return { number, visitor, pages: await Promise.all(TABS.map(() => visitor.open({ path: '/snapshot' }))) }
}

async function round({ number, visitor, pages }: Opened, dice: Dice, clicked: () => void, items: Items): Promise<void> {
  const saved: string[] = []
  const click = async (page: Page, tab: string): Promise<void> => {
    const updates: Promise<unknown>[] = []
    for (let at = 0; at < CLICKS; at += 1) {
      await new Promise((resolve) => setTimeout(resolve, dice.below(PACE)))
      const item = `${tab}${at}`
      const update = outcomeOf(page.live.update('cart', (cart = []) => [...cart, item]))
      const settle = (outcome: string): unknown =>
        outcome === 'saved' ? saved.push(item) : items.rejected.push(`round ${number}: ${item}: ${outcome}`)
      updates.push(update.then(settle))
      clicked()
    }
    await Promise.all(updates)
  }
  await Promise.all(pages.map((page, at) => click(page, TABS[at] ?? '')))
  const { values }: { values: { cart?: readonly string[] } } = JSON.parse(await again(() => visitor.text('/snapshot')))
  visitor.leave()
  items.added += TABS.length * CLICKS
  items.saved += saved.length
  items.check(`round ${number}`, saved, values.cart ?? [])
}

/** Repeats a request until the server is there. */
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
