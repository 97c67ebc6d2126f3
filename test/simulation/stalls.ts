import { tabElsewhere } from './clocks.js'
import type { Perform } from './network.js'
import { pick, Random } from './random.js'
import type { ServerNode } from './server-node.js'
import type { SharedStore } from './shared-store.js'
import type { Stage } from './stage.js'
import type { Tab } from './tab.js'
import { note } from './tally.js'
import { fireTimer, turn } from './time.js'

/** Packets that a page sends before its process has heard of all that it has added, at the most. */
const PACKETS = 4

/** What befalls processes that wait for the store. */
export const STALLS = {
  // A page adds; its process waits for the store, which is silent, or sleeps while pages add elsewhere, and wakes to its timers first.
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

/** One thing happens meanwhile. */
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

/** A page adds, and its process hears of it. */
async function addAt(stage: Stage, tab: Tab): Promise<void> {
  await stage.add(tab)
  for (let left = PACKETS; left > 0 && (await stage.toServer(tab)); left -= 1);
}
