import type { Browser, Exchange } from './browser.js'
import type { Perform } from './choices.js'
import { Random } from './random.js'
import type { Stage } from './stage.js'
import type { Link, Tab } from './tab.js'
import { fireTimer, turn } from './time.js'

type Way = 'link' | 'close' | 'crash' | 'hide' | 'back'

const WAYS: readonly [Way, ...Way[]] = ['link', 'link', 'close', 'crash', 'hide', 'back']
const LINKS: readonly [Link, ...Link[]] = ['connected', 'connected', 'connected', 'none']
/** The limit of operations after an addition, and after the page is left. */
const POINTS = 9
const PHASES = 6

/** A page adds items and ends at a random step of its exchange with the server, and a next page opens. */
export const LEAVINGS = {
  addAndLeave: async (stage, browser, { which, what }) => {
    const random = new Random(which ^ what)
    const tab = browser.tabs.findLast(({ isHidden, isReady }) => isReady && !isHidden) ?? (await first(stage, browser))
    if (!tab) return
    for (let round = random.below(2); round >= 0; round -= 1) {
      await stage.addAll(tab, 1 + random.below(3))
      await some(stage, browser, random, POINTS)
    }
    await leave(stage, tab, random)
    await some(stage, browser, random, POINTS)
  },
} satisfies Readonly<Record<string, Perform>>

async function first(stage: Stage, browser: Browser): Promise<Tab | undefined> {
  for (const tab of browser.tabs.filter(({ isHidden }) => isHidden).slice(1)) tab.crash()
  await stage.load(browser, 'connected')
  await stage.flow(browser)
  return browser.tabs.findLast(({ isHidden, isReady }) => isReady && !isHidden)
}

async function leave(stage: Stage, tab: Tab, random: Random): Promise<void> {
  const { browser } = tab
  const way = one(WAYS, random)
  // The page's messages may arrive after its end.
  const isAdrift = random.below(2) === 0
  if (way === 'link') {
    // A browser keeps a page until the next page's HTML has arrived.
    const next = await load(stage, browser, random)
    await until(stage, next, 'answered', random)
    tab.close(isAdrift)
    await until(stage, next, 'over', random)
    return
  }
  if (way === 'close') tab.close(isAdrift)
  else if (way === 'crash') tab.crash(isAdrift)
  else tab.hide(isAdrift)
  await some(stage, browser, random, 2)
  await until(stage, await load(stage, browser, random), 'over', random)
  if (way !== 'back') return
  await some(stage, browser, random, POINTS)
  for (const next of browser.tabs.filter(({ isHidden }) => !isHidden)) next.close(isAdrift)
  if (browser.tabs.includes(tab)) tab.show()
  await turn()
}

function load(stage: Stage, browser: Browser, random: Random): Promise<Exchange> {
  const hidden = browser.tabs.filter(({ isHidden }) => isHidden)
  // Browsers keep few pages in the back/forward cache, and evict them silently.
  if (hidden.length > 1) hidden[0]?.crash()
  stage.world.aim(random.next())
  return stage.load(browser, one(LINKS, random))
}

/** Advances a request to a state, with other operations between its phases. */
async function until(stage: Stage, exchange: Exchange, state: Exchange['state'], random: Random): Promise<void> {
  for (let phase = 0; phase < PHASES && exchange.state !== state && exchange.state !== 'over'; phase += 1) {
    await stage.advance(exchange)
    if (exchange.state === 'running') await stage.world.deployment.store?.answer()
    await some(stage, exchange.browser, random, 2)
  }
}

/** Advances fewer than `limit` operations in flight, in any order. */
async function some(stage: Stage, browser: Browser, random: Random, limit: number): Promise<void> {
  for (let times = random.below(limit); times > 0 && stage.world.violation === undefined; times -= 1)
    await any(stage, browser, random)
}

async function any(stage: Stage, browser: Browser, random: Random): Promise<void> {
  stage.world.aim(random.next())
  const exchange = browser.exchanges[random.below(Math.max(1, browser.exchanges.length))]
  const tab = browser.tabs[random.below(Math.max(1, browser.tabs.length))]
  const kind = random.below(8)
  if (kind < 2 && exchange?.outgoing.method === 'POST' && exchange.state !== 'over') await stage.advance(exchange)
  else if (kind === 2) await stage.world.deployment.store?.answer(random.next())
  else if (kind === 3) await stage.land(browser)
  else if (kind === 4 && random.below(4) === 0) fireTimer()
  else if (tab && !tab.isHidden) {
    if (!(await stage.shakeHands(tab)) && !(kind === 5 ? await stage.toServer(tab) : await stage.toTab(tab)))
      await stage.toServer(tab)
  }
  await turn()
}

function one<T>(list: readonly [T, ...T[]], random: Random): T {
  return list[random.below(list.length)] ?? list[0]
}
