import type { Browser } from './browser.js'
import { ADDED_TO, STORED } from './builds.js'
import { freshValue, type Perform } from './choices.js'
import type { ServerNode } from './deployment.js'
import { pick, Random } from './random.js'
import { eraseUser, job } from './server-steps.js'
import type { SharedStore, Weather } from './shared-store.js'
import type { Stage } from './stage.js'
import type { Tab } from './tab.js'
import { note } from './tally.js'
import { fireTimer, turn } from './time.js'

const WEATHERS: readonly [Weather, ...Weather[]] = ['slow', 'slow', 'slow', 'fair', 'foul']
/** Few keys, so the writes of jobs replace each other. */
const KEYS: readonly [string, ...string[]] = ['division', 'role']
/** A key outside cookies, and a key of updates. */
const CHANGED: readonly [string, ...string[]] = [STORED, ADDED_TO]

export const CLOCKS = {
  // A write by a fast clock is in flight to the store while the user is erased; later writes, by slow clocks, have earlier stamps.
  eraseMeanwhile: async (stage, _browser, { which, what }) => {
    const random = new Random(which ^ what)
    const { world } = stage
    const { deployment, nodes } = world
    const { store } = deployment
    await calm(stage)
    const user = world.userId('ann')
    const key = pick(KEYS, random.next())
    const write = async (node: ServerNode): Promise<void> => {
      void job(world, node, user, key, world.ledger.tag(key, undefined))
      await turn()
    }
    const [slowest, ...others] = nodes.toSorted((one, other) => one.now() - other.now())
    const behind = random.below(4) > 0 && slowest ? slowest : deployment.node(random.next())
    // Either the oldest write stays in flight longest, or the store answers in random order.
    const isNewestFirst = random.below(3) > 0
    await write(pick(others, random.next()) ?? behind)
    await write(behind)
    if (store) store.weather = pick(WEATHERS, random.next())
    await write(behind)
    await some(stage, random, 3, isNewestFirst)
    world.aim(random.next())
    await eraseUser(stage, user)
    await some(stage, random, 8, isNewestFirst)
    await write(behind)
    await some(stage, random, 6, isNewestFirst)
    if (store && random.below(2) === 0) store.weather = 'fair'
    await turn()
  },
  // A page has a value from another node, and changes the value at a node with an older value and a slower clock.
  changeBehind: async (stage, browser, { which, what }) => {
    const random = new Random(which ^ what)
    const { bus } = stage.world.deployment
    await calm(stage)
    const key = pick(CHANGED, random.next())
    for (let times = 2 + random.below(3); times > 0; times -= 1) {
      const tab = await tabElsewhere(stage, browser, random)
      if (tab && key === ADDED_TO) await stage.add(tab)
      else if (tab) await stage.change(tab, key, freshValue(stage, key, browser.index))
      // Without locks two pages may each have an unsent change.
      if (key === ADDED_TO || random.below(4) > 0) await stage.flow(browser)
      if (bus && random.below(2) === 0) bus.isHeld = true
    }
  },
} satisfies Readonly<Record<string, Perform>>

async function calm({ world }: Stage): Promise<void> {
  if (world.deployment.store) world.deployment.store.weather = 'fair'
  await turn()
}

/** Returns a page of the browser, often moved to another node. */
async function tabElsewhere(stage: Stage, browser: Browser, random: Random): Promise<Tab | undefined> {
  stage.world.aim(random.next())
  if (random.below(3) === 0) await stage.load(browser, 'connected')
  const tab = pick(
    browser.tabs.filter(({ isHidden }) => !isHidden),
    random.next(),
  )
  if (tab?.socket.wire && random.below(2) === 0) tab.socket.drop()
  await stage.flow(browser)
  return tab
}

async function some(stage: Stage, random: Random, limit: number, isNewestFirst: boolean): Promise<void> {
  const { deployment } = stage.world
  const { bus, store } = deployment
  for (let times = random.below(limit); times > 0 && stage.world.violation === undefined; times -= 1) {
    const kind = random.below(8)
    const mail = kind === 0 ? bus?.take(random.next()) : undefined
    if (mail) deployment.deliver(mail)
    else if (kind === 1) fireTimer()
    else await store?.answer(isNewestFirst ? store.asked - 1 : random.next())
    await turn()
    stage.observe()
  }
}

/** The most packets of a page before its process knows of all additions. */
const PACKETS = 4

export const STALLS = {
  // A page adds while its process waits for a silent store. Or its process is stopped while pages add elsewhere, and resumes with its
  // timers first.
  addMeanwhile: async (stage, browser, { which, what }) => {
    const random = new Random(which ^ what)
    const { store } = stage.world.deployment
    if (!store) return
    store.weather = 'fair'
    await turn()
    const tab = await tabElsewhere(stage, browser, random)
    const node = tab?.socket.wire?.node
    if (!tab || !node?.line) return
    const sleeper = random.below(2) === 0 ? node : undefined
    if (sleeper?.line) sleeper.line.isAsleep = true
    else store.weather = 'slow'
    await addAt(stage, tab)
    for (let times = 2 + random.below(7); times > 0 && stage.world.violation === undefined; times -= 1) {
      await goOn(stage, store, random, sleeper)
      await turn()
      stage.observe()
    }
    if (random.below(4) > 0) await store.perform(random.next())
    if (sleeper?.line) sleeper.line.isAsleep = false
    if (random.below(2) === 0) {
      note('a process wakes')
      fireTimer()
    }
    if (random.below(2) === 0) await turn()
    if (random.below(3) > 0) store.weather = 'fair'
    await turn()
  },
} satisfies Readonly<Record<string, Perform>>

async function goOn(stage: Stage, store: SharedStore, random: Random, sleeper: ServerNode | undefined): Promise<void> {
  const kind = random.below(6)
  if (kind < 2) await store.perform(random.next())
  else if (kind === 2) fireTimer()
  else if (kind === 3 && !sleeper) await store.answer(random.next())
  else {
    const awake = stage.world.browsers.flatMap(({ tabs }) => tabs).filter((tab) => tab.socket.wire?.node !== sleeper)
    const tab = pick(awake, random.next())
    if (tab) await addAt(stage, tab)
  }
}

/** Adds an item, and delivers the page’s packets to the process. */
async function addAt(stage: Stage, tab: Tab): Promise<void> {
  await stage.add(tab)
  for (let left = PACKETS; left > 0 && (await stage.toServer(tab)); left -= 1);
}
